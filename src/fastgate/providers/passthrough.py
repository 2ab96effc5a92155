"""Streams and answers of the formats that `wire` reads: what each event means, and what the client is sent.

Where client and provider speak the same format its bytes pass through, otherwise they are written anew.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.conversation import Conversation
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    ForeignDelta,
    ImageDelta,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.errors import ERRORS
from fastgate.providers.common.errors import kind_of_status
from fastgate.providers.interface import Answer, Sees, StreamDecoder
from fastgate.wire.beside import BesideWatch
from fastgate.wire.gemini.framing import Framing
from fastgate.wire.interface import (
    Asked,
    ClientFormat,
    Problem,
    ProviderFormat,
    Splitter,
    StreamWriter,
)
from fastgate.wire.lenient import UNREADABLE

_NOBODY_ASKED: Final = Asked(
    request=Conversation(format=Format.CHAT, messages=()),
    model="",
    fallback_id="",
    created_s=0,
    include_usage=False,
    path="",
    query="",
)


class _Object(msgspec.Struct):
    """Any object: decoding one checks it and keeps nothing."""


_json: Final = msgspec.json.Decoder(_Object | list[msgspec.Raw])

_WHITESPACE: Final = b" \t\r\n"
_OPENINGS: Final = frozenset({b"{", b"["})


class ReadStream(ABC):
    """A stream every event of which is read: some tell the usage, and where none does, the text of all is
    counted."""

    reads_all = True

    def __init__(self, provider: ProviderFormat, writer: StreamWriter) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None
        self._sent = b""
        self._text = ""
        self._provider = provider
        self._reader = provider.stream_reader()
        self._writer = writer
        self._ended = False

    def splitter(self, limit: int) -> Splitter:
        return self._provider.splitter(limit)

    def event(self, event: bytes) -> Sees:
        deltas = self._reader.read(event)
        self._text = ""
        seen = Sees.NOTHING
        for delta in deltas:
            seen |= self._take(delta)
        if Sees.ERROR not in seen:
            self._sent = self._rendered(event, deltas)
        return seen

    def sent_for(self, event: bytes) -> bytes:
        return self._sent

    def text_in(self, event: bytes) -> str:
        return self._text

    @abstractmethod
    def _rendered(self, event: bytes, deltas: Sequence[Delta]) -> bytes:
        """What the client is sent for `event`, which said `deltas`."""

    def _take(self, delta: Delta) -> Sees:
        match delta:
            case TextDelta() | ThinkingDelta() | RefusalDelta():
                self._text += delta.text
                return Sees.CONTENT if delta.text else Sees.NOTHING
            case ToolDelta():
                self._text += delta.arguments
                return Sees.CONTENT
            case ToolStarted():
                self._text += delta.name
                return Sees.CONTENT
            case ForeignDelta():
                self._text += delta.text
                return Sees.CONTENT
            case Cited() | ImageDelta():
                return Sees.CONTENT
            case Sealed():
                return Sees.CONTENT if delta.redacted is not None else Sees.NOTHING
            case Started():
                self.response_id = delta.id or None
                self.usage = delta.usage or self.usage
            case Used():
                self.usage = delta.usage
            case Failed():
                self.error = _failed(delta.status, delta.message)
                return Sees.ERROR
            case Closed():
                self._ended = True
                return Sees.END
            case Ended():
                pass  # a stream may go on after it: with usage, or another choice
        return Sees.NOTHING

    def complete(self) -> bool:
        return self._ended or self._reader.complete()

    def finished(self) -> bool:
        return self.complete()

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        spec = ERRORS[code]
        return self._writer.failure(
            Problem(status=spec.status, message=message, type=spec.type, code=code, param=None, request_id="")
        )


class PassedThrough(ReadStream):
    """Relayed as it comes."""

    def __init__(self, provider: ProviderFormat, client: ClientFormat) -> None:
        super().__init__(provider, client.stream_writer(_NOBODY_ASKED))

    def _rendered(self, event: bytes, deltas: Sequence[Delta]) -> bytes:
        return event

    def ending(self) -> bytes:
        return b""


class Translated(ReadStream):
    """Written anew in the client's format."""

    def __init__(self, provider: ProviderFormat, writer: StreamWriter) -> None:
        super().__init__(provider, writer)
        self._beside = BesideWatch(provider.beside, writer.losses)

    def _rendered(self, event: bytes, deltas: Sequence[Delta]) -> bytes:
        self._beside.look(self._provider.json_in(event))
        out = self._writer.write(deltas) if deltas else b""
        return out + self._writer.end() if self._ended else out

    def ending(self) -> bytes:
        return self._writer.end()


class Reframed:
    """A stream that passes through, its events' data framed otherwise than they came."""

    reads_all = True

    def __init__(self, inner: StreamDecoder, framing: Framing) -> None:
        self._inner = inner
        self._framing = framing

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def response_id(self) -> str | None:
        return self._inner.response_id

    @property
    def error(self) -> UpstreamError | None:
        return self._inner.error

    def splitter(self, limit: int) -> Splitter:
        return self._inner.splitter(limit)

    def event(self, event: bytes) -> Sees:
        return self._inner.event(event)

    def sent_for(self, event: bytes) -> bytes:
        data = event_data(event)
        return self._framing.element(data) if data else b""

    def text_in(self, event: bytes) -> str:
        return self._inner.text_in(event)

    def complete(self) -> bool:
        return self._inner.complete()

    def finished(self) -> bool:
        return self._inner.finished()

    def ending(self) -> bytes:
        return self._framing.end()

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        event = self._inner.failure(message, code, last_events)
        return self._framing.element(event_data(event)) + self._framing.end()


def read_summary(provider: ProviderFormat, body: bytes) -> Answer:
    """As `Dialect.read_answer`, of an answer that passes through."""
    if body.lstrip(_WHITESPACE)[:1] not in _OPENINGS:
        what = "does not begin as the JSON of an answer" if body else "is empty"
        return Answer(None, None, UpstreamError(FailureKind.PROTOCOL, f"a body that {what}"))
    try:
        summary = provider.summary(body)
        if summary.usage is None and not summary.failed:
            _json.decode(body)  # what was read may be the beginning of one that was cut
    except UNREADABLE:
        return Answer(None, None, UpstreamError(FailureKind.PROTOCOL, "a body that is no answer"))
    error = _failed(summary.failed, summary.message) if summary.failed else None
    return Answer(None if error else summary.usage, summary.id, error)


def _failed(status: int, message: str) -> UpstreamError:
    return UpstreamError(
        kind_of_status(status),
        f"status 200 with an error that means {status}",
        status=status,
        body=message.encode(),
    )
