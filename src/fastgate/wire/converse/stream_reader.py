"""A stream of ConverseStream."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from fastgate.domain.conversation import Citation, Image, Source
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    ForeignDelta,
    ImageDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.converse import media
from fastgate.wire.converse.block_reader import SEALER, read_citation
from fastgate.wire.converse.exceptions import failure_in
from fastgate.wire.converse.finish import finish_of
from fastgate.wire.converse.frames import read_frame
from fastgate.wire.converse.reply_reader import stop_sequence
from fastgate.wire.converse.usage import Consumed


class _ToolStart(msgspec.Struct):
    toolUseId: str
    name: str
    type: str | None = None


class _ImageStart(msgspec.Struct):
    format: str


class _Start(msgspec.Struct):
    toolUse: _ToolStart | None = None
    image: _ImageStart | None = None


class _BlockStart(msgspec.Struct):
    contentBlockIndex: int
    start: _Start


class _ToolInput(msgspec.Struct):
    input: str


class _Reasoning(msgspec.Struct):
    """A union."""

    text: str | None = None
    signature: str | None = None
    redactedContent: str | None = None


class _Place(msgspec.Struct):
    uri: str


class _ImageSource(msgspec.Struct, frozen=True):
    """A union."""

    bytes: str | None = None
    s3Location: _Place | None = None


class _ImageDelta(msgspec.Struct):
    source: _ImageSource = _ImageSource()


class _Delta(msgspec.Struct):
    """A union, of which there are kinds that are not listed."""

    text: str | None = None
    toolUse: _ToolInput | None = None
    reasoningContent: _Reasoning | None = None
    image: _ImageDelta | None = None
    citation: msgspec.Raw = msgspec.Raw()


class _BlockDelta(msgspec.Struct):
    contentBlockIndex: int
    delta: _Delta


class _AnyBlock(msgspec.Struct):
    """Of the event that starts it, or of a piece of it."""

    start: dict[str, msgspec.Raw] = {}
    delta: dict[str, msgspec.Raw] = {}


class _BlockStop(msgspec.Struct):
    contentBlockIndex: int


class _Stop(msgspec.Struct):
    stopReason: str
    additionalModelResponseFields: msgspec.Raw = msgspec.Raw()


_starts: Final = msgspec.json.Decoder(_BlockStart)
_deltas: Final = msgspec.json.Decoder(_BlockDelta)
_any_blocks: Final = msgspec.json.Decoder(_AnyBlock)
_block_stops: Final = msgspec.json.Decoder(_BlockStop)
_stops: Final = msgspec.json.Decoder(_Stop)
_metadata: Final = msgspec.json.Decoder(Consumed)


class _Picture:
    """An image that comes in pieces, or is elsewhere."""

    def __init__(self, format_: str) -> None:
        self._type = media.IMAGE.types.get(format_, f"image/{format_}")
        self._pieces: list[bytes] = []
        self._uri: str | None = None

    def add(self, source: _ImageSource) -> None:
        """ValueError: no base64."""
        if source.bytes is not None:
            self._pieces.append(b64decode(source.bytes, validate=True))
        elif source.s3Location is not None:
            self._uri = source.s3Location.uri

    def whole(self) -> Image | None:
        """None: it could not be made."""
        if self._pieces:
            data = b64encode(b"".join(self._pieces)).decode()
            return Image(source=Source(media_type=self._type, data=data))
        if self._uri is not None:
            return Image(source=Source(media_type=self._type, url=self._uri))
        return None


class ConverseStreamReader:
    """As `wire.interface.StreamReader`; an event is a frame."""

    def __init__(self) -> None:
        self._tools: dict[int, int] = {}
        self._foreign: set[int] = set()
        self._pictures: dict[int, _Picture] = {}
        self._stopped = False
        self._citations: list[Citation] = []
        self._text_from = 0  # where the text that is being cited begins in the answer
        self._text_to = 0

    def complete(self) -> bool:
        return self._stopped

    def read(self, event: bytes) -> Sequence[Delta]:
        try:
            frame = read_frame(event)
            if frame.kind != "event":
                return (failure_in(frame),)
            return self._read(frame.name, frame.payload)
        except (ValueError, RecursionError):
            return (Failed(502, "The provider sent a malformed event."),)

    def _read(self, name: str, payload: bytes) -> Sequence[Delta]:
        match name:
            case "contentBlockDelta":
                return self._delta(payload)
            case "contentBlockStart":
                return self._start(payload)
            case "messageStart":
                return (Started("", ""),)
            case "messageStop":
                stop = _stops.decode(payload)
                self._stopped = True
                met = stop_sequence(stop.additionalModelResponseFields)
                unclosed, self._pictures = self._pictures, {}
                images = map(_shown, unclosed.values())
                return (*self._cited(), *images, Ended(finish_of(stop.stopReason), stop_sequence=met))
            case "contentBlockStop":
                return self._pictured(payload) if self._pictures else self._cited()
            case "metadata":
                usage = _metadata.decode(payload).read()
                return (Closed(),) if usage is None else (Used(usage), Closed())
            case _:
                return ()  # what a later version of the API has added

    def _cited(self) -> Sequence[Delta]:
        """What the block that ends here rests on."""
        start, self._text_from = self._text_from, self._text_to
        if not self._citations:
            return ()
        citations, self._citations = self._citations, []
        return [Cited(replace(each, start=start, end=self._text_to)) for each in citations]

    def _pictured(self, payload: bytes) -> Sequence[Delta]:
        picture = self._pictures.pop(_block_stops.decode(payload).contentBlockIndex, None)
        return self._cited() if picture is None else (_shown(picture),)

    def _start(self, payload: bytes) -> Sequence[Delta]:
        block = _starts.decode(payload)
        if block.start.image is not None:
            self._pictures[block.contentBlockIndex] = _Picture(block.start.image.format)
            return ()
        tool = block.start.toolUse
        if tool is None or tool.type is not None:
            self._foreign.add(block.contentBlockIndex)
            foreign = _foreign(payload)
            return (foreign,) if foreign.kind else ()
        index = self._tools[block.contentBlockIndex] = len(self._tools)
        return (ToolStarted(index=index, id=tool.toolUseId, name=tool.name),)

    def _delta(self, payload: bytes) -> Sequence[Delta]:
        block = _deltas.decode(payload)
        delta = block.delta
        if delta.text is not None:
            self._text_to += len(delta.text)
            return (TextDelta(delta.text),)
        if delta.toolUse is not None:
            index = self._tools.get(block.contentBlockIndex)
            if index is None and block.contentBlockIndex in self._foreign:
                return (_foreign(payload),)
            if index is None:
                return (Failed(502, "The provider sent arguments of a tool call that has not begun."),)
            return (ToolDelta(index, delta.toolUse.input),)
        if delta.image is not None:
            picture = self._pictures.get(block.contentBlockIndex)
            if picture is None:
                return (Failed(502, "The provider sent a piece of an image that has not begun."),)
            picture.add(delta.image.source)
            return ()
        thought = delta.reasoningContent
        if thought is not None:
            return _thought(thought)
        if bytes(delta.citation):
            self._citations.append(read_citation(delta.citation))
            return ()
        return (_foreign(payload),)


def _shown(picture: _Picture) -> Delta:
    image = picture.whole()
    if image is None:
        return ForeignDelta(format=Format.CONVERSE, kind="image", raw=msgspec.Raw(b"{}"))
    return ImageDelta(image)


def _thought(thought: _Reasoning) -> Sequence[Delta]:
    if thought.text is not None:
        return (ThinkingDelta(thought.text),)
    if thought.signature is not None:
        return (Sealed(format=SEALER, signature=thought.signature),)
    if thought.redactedContent is not None:
        return (Sealed(format=SEALER, redacted=thought.redactedContent),)
    return ()


def _foreign(payload: bytes) -> ForeignDelta:
    block = _any_blocks.decode(payload)
    kind = next(iter(block.start or block.delta), "")
    return ForeignDelta(format=Format.CONVERSE, kind=kind, raw=msgspec.Raw(payload))
