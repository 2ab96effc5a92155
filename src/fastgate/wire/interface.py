"""What a wire format can do: four halves, of which one that only clients or only providers speak has two.

A format whose request and answer go to a provider that speaks it too is never translated: its bytes pass
through, and only `summary` and the stream reader look at them.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from fastgate.domain.conversation import Conversation
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest, RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.domain.reply import Delta, Reply
from fastgate.domain.usage import Usage

if TYPE_CHECKING:
    from fastgate.wire.beside import Beside

K = TypeVar("K")

Header = tuple[bytes, bytes]

Request = Conversation | EmbeddingRequest | RerankRequest
Answer = Reply | EmbeddingReply | RerankReply


class Losses:
    """What a translation leaves out, by the names that the client wrote (`logit_bias`, `tools[2]`)."""

    __slots__ = ("_called", "names")

    def __init__(self, called: Callable[[str], str] = str) -> None:
        """`called`: what the client calls a message, a part or a tool (`places.client_names`)."""
        self.names: list[str] = []
        self._called = called

    def drop(self, name: str) -> None:
        """Of a field as the client wrote it; of a message, part or tool by its place in the `Conversation`:
        `messages[1].content[0]`, `tools[2].strict`."""
        self.leave_out(self._called(name))

    def leave_out(self, path: str) -> None:
        """By its path in the client's body."""
        if path not in self.names:
            self.names.append(path)


class Asked(NamedTuple):
    """What an answer's writer has to know of the request. `model` is the name to say where the provider said
    none; `fallback_id` the id likewise. `include_usage`: the client asked for usage in its stream.
    `continues`: it has the beginning of this stream already, from another provider."""

    request: Request
    model: str
    fallback_id: str
    created_s: int
    include_usage: bool
    path: str
    query: str
    continues: bool = False


class Target(NamedTuple):
    """Whom a request is written for. `provider` is the configured name, `model` the name sent upstream.
    `default_max_tokens` where the format requires a cap and the client gave none; `cap` a bound that
    overrides the client's (a strict budget's). `output_cap` is how the provider calls it, and `ask_usage`:
    usage in streams must be asked for, and `dialect` the provider's; where providers of one format differ."""

    provider: str
    model: str
    stream: bool
    default_max_tokens: int
    cap: int | None
    output_cap: str = "max_tokens"
    ask_usage: bool = True
    dialect: str = ""


class Problem(NamedTuple):
    """An error for the client. `type`, `code` and `param` as fastgate names them (`errors.ERRORS`): a format
    that has names of its own goes by the status."""

    status: int
    message: str
    type: str
    code: str | None
    param: str | None
    request_id: str


class Summary(NamedTuple):
    """What the gateway reads of a whole answer that it passes through. `failed`: the status that an error in
    it stands for, 0 for none."""

    usage: Usage | None
    id: str | None
    failed: int = 0
    message: str = ""


NO_ANSWER: Final = Summary(None, None, 502, "The provider's answer cannot be read.")
"""Of a body that is no JSON, or not of an answer."""


class StreamWriter(Protocol):
    """Writes one stream for a client. Every method gives bytes to send, b"" for none."""

    @property
    def losses(self) -> Losses:
        """What it could not say so far."""

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """What the deltas are in this format."""

    def end(self) -> bytes:
        """Close a stream that is complete; after `Ended` and `Used`, also where `Closed` never came."""

    def failure(self, problem: Problem) -> bytes:
        """The format's own terminal error, after content."""


class ClientFormat(Protocol):
    """The halves towards a client. Stateless."""

    @property
    def format(self) -> Format: ...

    @property
    def stream_type(self) -> bytes:
        """Content type of its streams."""

    @property
    def takes_comments(self) -> bool:
        """Whether its clients skip comments in a stream."""

    def read_request(self, body: bytes, path_model: str | None) -> Request:
        """`body` is a valid JSON object without duplicate keys. GatewayError `invalid_field` with `param`
        for a field that is missing or of a wrong type."""

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        """A whole answer. What cannot be said goes into `losses`."""

    def stream_writer(self, asked: Asked) -> StreamWriter:
        """For one stream."""

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        """Headers (content type among them) and body of an error."""

    def text(self, body: bytes) -> str:
        """All text of a request, or of a whole answer, that a model reads or wrote: to count its tokens."""


class StreamReader(Protocol):
    """Reads one upstream stream. One event may be several deltas, or none."""

    def read(self, event: bytes) -> Sequence[Delta]:
        """`event` is what the format's splitter gave: an SSE event with its blank line, a line of NDJSON, a
        frame. Whatever is malformed in it is `Failed(502, …)`, unless it can be ignored without loss."""

    def complete(self) -> bool:
        """Whether the stream may end in order here: its terminal event, or every finish reason, was seen."""


class Splitter(Protocol):
    """Cuts a byte stream into events: `_core.sse.EventSplitter` is one."""

    block: bytes
    mask: int

    def feed(self, data: bytes) -> int:
        """How many events `data` completed; BufferError when one is larger than the limit, ValueError for
        broken framing."""

    def events(self) -> list[tuple[bytes, int]]:
        """Those events, each with the markers in it."""

    def take_tail(self) -> bytes:
        """What is held back, at the end of the stream."""


class ProviderFormat(Protocol):
    """The halves towards a provider. Stateless."""

    @property
    def format(self) -> Format: ...

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        """The body, of builtins and `msgspec.Raw`; what cannot be said goes into `losses`. The caller adds
        `options` and, by policy, `extra`."""

    def read_answer(self, body: bytes) -> Answer:
        """A whole answer. ValueError (msgspec's errors are) if it is none."""

    def stream_reader(self) -> StreamReader:
        """For one stream."""

    def splitter(self, limit: int) -> Splitter:
        """For one stream; `limit` bytes an event at most. Every event is read, so it looks for no markers."""

    def summary(self, body: bytes) -> Summary:
        """As little as possible of a whole answer."""

    @property
    def beside(self) -> "Beside":
        """What only this format's answers have beside content."""

    def json_in(self, event: bytes) -> bytes:
        """The JSON that an event has in it, as the splitter gave it; b"" for none."""


def raw(value: object) -> msgspec.Raw:
    """`value` as JSON, to stand in a body."""
    return msgspec.Raw(msgspec.json.encode(value))


def expect(value: object, kind: type[K]) -> K:
    """`value` as the kind that it must be. TypeError: requests are routed within their family, so this is a
    defect."""
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")
    return value
