"""Readers of OpenAI's streams: what each event means, without touching what is relayed."""

from typing import Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.failure import UpstreamError
from fastgate.domain.usage import Usage
from fastgate.providers.interface import Sees
from fastgate.providers.openai.errors import in_band_error
from fastgate.providers.openai.marked import MarkedStream
from fastgate.wire.lenient import UNREADABLE, is_empty, text
from fastgate.wire.openai import DONE, error_event
from fastgate.wire.openai_usage import usage_of


class _Choice(msgspec.Struct):
    index: msgspec.Raw = msgspec.Raw(b"0")
    delta: msgspec.Raw = msgspec.Raw()
    text: msgspec.Raw = msgspec.Raw()
    finish_reason: msgspec.Raw = msgspec.Raw()


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()


class _PlainEvent(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()


_chunks: Final = msgspec.json.Decoder(_Chunk)
_plain_events: Final = msgspec.json.Decoder(_PlainEvent)
_deltas: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_FAMILIES: Final = ("transcript.", "speech.", "image_generation.", "image_edit.")
_IMAGES: Final = frozenset({"image_generation.completed", "image_edit.completed"})
_ENDS: Final = _IMAGES | {"transcript.text.done", "speech.audio.done"}


def is_done(data: bytes) -> bool:
    return data.strip() == b"[DONE]"


class ChunkStream(MarkedStream):
    """Chat and legacy completions: `data:` chunks with `choices`, ended by `[DONE]`.

    `choices` is how many there are at least. With `more_choices` there may be others (completions of
    several prompts), so every event is looked at to know them.
    """

    markers: tuple[bytes, ...] = (
        b'"usage"',
        b'"finish_reason"',
        b'"error"',
        # vLLM's error, which has no key of that name.
        b'"object":"error',
        b'"object": "error',
        b"[DONE]",
    )

    def __init__(self, choices: int, *, more_choices: bool = False) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None
        if more_choices:
            self.markers = (*self.markers, b'"index"')
        self._choices = max(choices, 1)
        self._begun: set[bytes] = set()
        self._finished: set[bytes] = set()
        self._done = False
        self._tier = msgspec.Raw()

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if is_done(data):
            self._done = True
            return Sees.END
        self.error = in_band_error(data)
        if self.error is not None:
            return Sees.ERROR
        try:
            chunk = _chunks.decode(data)
        except UNREADABLE:
            return Sees.CONTENT  # relayed: the client may understand what the gateway does not
        if not is_empty(chunk.service_tier):
            self._tier = msgspec.Raw(bytes(chunk.service_tier))
        usage = usage_of(chunk.usage, self._tier)
        self.usage = usage or self.usage
        seen = Sees.NOTHING
        for choice in chunk.choices or ():
            index = bytes(choice.index)
            self._begun.add(index)
            if not is_empty(choice.finish_reason):
                self._finished.add(index)
            if not is_empty(choice.text) or _has_content(choice.delta):
                seen |= Sees.CONTENT
        if not chunk.choices and not is_empty(chunk.usage):
            seen |= Sees.USAGE_ONLY
        return seen

    def complete(self) -> bool:
        return self.finished()

    def finished(self) -> bool:
        every = len(self._finished) >= self._choices and self._begun == self._finished
        return self._done or every

    def ending(self) -> bytes:
        return b"" if self._done else DONE

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        return error_event(message, "upstream_error", code)


def _has_content(delta: msgspec.Raw) -> bool:
    """Text, refusal, tool calls, reasoning, audio, or whatever a vendor adds: all but the role."""
    if is_empty(delta):
        return False
    try:
        members = _deltas.decode(delta)
    except UNREADABLE:
        return True
    return any(name != "role" and not is_empty(value) for name, value in members.items())


class PlainStream(MarkedStream):
    """Streams of other endpoints (images, speech, transcripts): every event but an error is content.

    OpenAI's own say when they are over. Of another vendor's nothing is known, so those may end anywhere.
    """

    markers: tuple[bytes, ...] = (
        b'"usage"',
        b'"error"',
        b'"type":"error',
        b'"type": "error',
        b'.done"',
        b'.completed"',
        b"[DONE]",
    )

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None
        self._images = 0
        self._says_its_end = False
        self._finished = False

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if is_done(data):
            self._finished = True
            return Sees.END
        self.error = in_band_error(data)
        if self.error is not None:
            return Sees.ERROR
        try:
            decoded = _plain_events.decode(data)
        except UNREADABLE:
            return Sees.CONTENT
        self.usage = usage_of(decoded.usage, decoded.service_tier) or self.usage
        type_ = text(decoded.type) or ""
        if type_ in _IMAGES:
            self._images += 1
            self.usage = self.usage or Usage()
            self.usage.images = self._images
        self._says_its_end = self._says_its_end or type_.startswith(_FAMILIES)
        # Not Sees.END: of several images each is completed.
        self._finished = self._finished or type_ in _ENDS
        return Sees.CONTENT

    def complete(self) -> bool:
        return self._finished or not self._says_its_end

    def finished(self) -> bool:
        return self._finished

    def ending(self) -> bytes:
        return b""

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        return error_event(message, "upstream_error", code)
