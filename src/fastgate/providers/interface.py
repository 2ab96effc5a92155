"""What the pipeline asks of an upstream dialect. No dialect knows of connections, health or money."""

from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple, Protocol

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.domain.usage import Usage

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
    """Reads one upstream stream. `markers` go to `_core.sse.EventSplitter`.

    `event` is called for each event before the first content, and after it only for events in which a
    marker occurs.
    """

    markers: tuple[bytes, ...]
    usage: Usage | None
    response_id: str | None
    error: UpstreamError | None

    def event(self, event: bytes) -> Sees:
        """Decode one raw event."""

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
    """One upstream call. `path` starts with a slash and is relative to the deployment's base URL.

    `heads` is the dialect's cache for this deployment, model and credential; nothing that a client may
    choose goes into it.
    """

    method: bytes
    path: str
    endpoint: Endpoint
    provider: Provider
    deployment: Deployment
    model: str
    secret: str | None
    content_type: bytes
    query: str
    headers: Sequence[Header]
    heads: dict[tuple[object, ...], bytes]


class Dialect(Protocol):
    """One upstream wire format."""

    def build_head(self, plan: RequestPlan, body_bytes: int) -> bytes:
        """Request line and headers. ValueError on anything that could split the request."""

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        """The failure that a status of 300 and more stands for."""

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        """A decoder for one stream of `choices` parallel answers."""

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        """Usage, id and in-band error of a complete answer, also where it is not what the endpoint answers.

        `stored`: it tells of a response that was made before, and may have failed then.
        """
