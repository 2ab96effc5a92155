"""What the pipeline asks of an upstream dialect. No dialect knows of connections, health or money."""

from collections.abc import Callable, Sequence
from enum import IntFlag
from typing import Any, NamedTuple, Protocol

from fastgate.domain.credential import Secret
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.domain.usage import Usage
from fastgate.wire.interface import Splitter
from fastgate.wire.pieces import Body

Header = tuple[bytes, bytes]


class Sees(IntFlag):
    """What one event of a stream means to the gateway."""

    NOTHING = 0
    CONTENT = 1
    """Something that the end user sees: from here on there is no failover."""
    USAGE_ONLY = 2
    """Carries usage and nothing else: withheld from a client that did not ask for it."""
    END = 4
    """The stream is complete, and whatever follows is not relayed."""
    ERROR = 8
    """The upstream says that it failed; `StreamDecoder.error` has it."""


class StreamDecoder(Protocol):
    """Reads one upstream stream.

    `event` is called for each event before the first content. After it for all where `reads_all`, and else
    only for those in which a marker of the splitter occurs.
    """

    @property
    def reads_all(self) -> bool: ...

    @property
    def usage(self) -> Usage | None:
        """What the provider has said so far that it consumed."""

    @property
    def response_id(self) -> str | None: ...

    @property
    def error(self) -> UpstreamError | None:
        """Set with `Sees.ERROR`."""

    def splitter(self, limit: int) -> Splitter:
        """What cuts the stream into its events."""

    def event(self, event: bytes) -> Sees:
        """Decode one raw event."""

    def sent_for(self, event: bytes) -> bytes:
        """What the client is sent for the event that was decoded last."""

    def text_in(self, event: bytes) -> str:
        """What a model wrote in it; where `reads_all`, in the event that was decoded last."""

    def complete(self) -> bool:
        """Whether the stream may end in order here."""

    def finished(self) -> bool:
        """Whether its terminal event, or every finish reason, has been seen: a cut now takes nothing."""

    def ending(self) -> bytes:
        """What to send at a complete end that the upstream forgot (`[DONE]`)."""

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        """The dialect's terminal error, after content has gone downstream; `last_events` are whole ones,
        the last that had data among them."""


class Answer(NamedTuple):
    """What the gateway reads of a complete JSON answer."""

    usage: Usage | None
    response_id: str | None
    error: UpstreamError | None


class RequestPlan(NamedTuple):
    """One upstream call. `path` starts with a slash and is relative to the deployment's base URL: the one of
    the client's operation, which counts where `format` is the client's own.

    `format` is what is spoken upstream; None where the endpoint has but one (images, sound, …). `translated`:
    the client speaks another. `secret` is what is presented. `headers` are the client's that may be
    forwarded: each dialect takes those that it knows. `heads` is the dialect's cache for this deployment,
    model and credential; nothing that a client may choose goes into it.
    """

    method: bytes
    path: str
    endpoint: Endpoint
    format: Format | None
    translated: bool
    stream: bool
    provider: Provider
    deployment: Deployment
    model: str
    secret: Secret | None
    content_type: bytes
    query: str
    headers: Sequence[Header]
    heads: dict[tuple[object, ...], bytes]


class Dialect(Protocol):
    """What the providers of one vendor have in common."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        """What to speak upstream for a client that speaks `wanted`: the same where the provider takes it,
        else another format of its family; None: no format of that family."""

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        """What to change in the top-level members of a body of this format for this deployment, such as a
        version that it wants there; None: nothing, so that a body which passes through is left alone."""

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        """What the client asks in its headers, and in a `body` that passes through (b"": it does not), which
        this vendor is not told, as it is named to the client."""

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        """Request line and headers. ValueError on anything that could split the request."""

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        """The failure that a status of 300 and more stands for."""

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        """A decoder for one stream of `choices` parallel answers that passes through."""

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        """Usage, id and in-band error of a complete answer that passes through, also where it is not what
        the endpoint answers.

        `stored`: it tells of a response that was made before, and may have failed then.
        """
