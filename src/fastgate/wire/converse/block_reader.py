"""Content blocks of a request or an answer, read into parts."""

from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    Source,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format
from fastgate.wire.converse import media, shapes
from fastgate.wire.messages.seal import opened
from fastgate.wire.reading import split_reason
from fastgate.wire.seals import AHEAD, Seal

Block = dict[str, msgspec.Raw]


class MalformedBlock(ValueError):
    """`path` leads to what is wrong, from the list of blocks on; `reason` tells types, never values."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


_strings: Final = msgspec.json.Decoder(str)
_media: Final = msgspec.json.Decoder(shapes.MediaBlock)
_documents: Final = msgspec.json.Decoder(shapes.DocumentBlock)
_tool_uses: Final = msgspec.json.Decoder(shapes.ToolUseBlock)
_tool_results: Final = msgspec.json.Decoder(shapes.ToolResultBlock)
_reasonings: Final = msgspec.json.Decoder(shapes.ReasoningBlock)
_cache_points: Final = msgspec.json.Decoder(shapes.CachePoint)
_cited_texts: Final = msgspec.json.Decoder(shapes.CitationsBlock)
_citations: Final = msgspec.json.Decoder(shapes.CitationShape)

_LIFETIMES: Final = {None: CacheFor.DEFAULT, "5m": CacheFor.FIVE_MINUTES, "1h": CacheFor.ONE_HOUR}
SEALER: Final = Format.MESSAGES
"""Of the models behind Converse only Claude seals its thinking, and a seal is as good at its other hosts."""

_MARKABLE: Final = (Text, Image, Document, ToolUse, ToolResult)


class _Ahead(NamedTuple):
    """A seal of the text or tool use behind it, which Converse has no place for."""

    signature: str


def read_parts(content: Sequence[Block], places: list[int] | None = None) -> tuple[Part, ...]:
    """MalformedBlock. A block of a kind that is not known, or says what a part cannot, is `Foreign`.
    `places` is told which block each part is of."""
    parts: list[Part] = []
    ahead: str | None = None
    for index, block in enumerate(content):
        kind, raw = _member(block, index)
        try:
            if kind == "cachePoint":
                if not _mark(parts, raw):
                    parts.append(Foreign(format=Format.CONVERSE, kind=kind, raw=raw))
                    if places is not None:
                        places.append(index)
                continue
            reader = _READERS.get(kind)
            part = reader(raw) if reader else None
        except MalformedBlock as error:
            raise MalformedBlock(f"[{index}].{kind}{error.path}", error.reason) from None
        except msgspec.ValidationError as error:
            reason, path = split_reason(error)
            raise MalformedBlock(f"[{index}].{kind}{path}", reason) from None
        if isinstance(part, _Ahead):
            ahead = part.signature
            continue
        if ahead is not None and isinstance(part, Text | ToolUse):
            part = msgspec.structs.replace(part, signature=ahead)
            ahead = None
        parts.append(Foreign(format=Format.CONVERSE, kind=kind, raw=raw) if part is None else part)
        if places is not None:
            places.append(index)
    return tuple(parts)


def cache_for(point: shapes.CachePoint) -> CacheFor | None:
    """None: a lifetime that is not known."""
    if point.type != "default":
        return None
    return _LIFETIMES.get(point.ttl)


def read_citation(raw: msgspec.Raw) -> Citation:
    """msgspec.ValidationError."""
    shape = _citations.decode(raw)
    web = shape.location.web if shape.location else None
    quoted = "".join(piece.text for piece in shape.sourceContent or ())
    return Citation(
        url=web.url if web else None,
        title=shape.title,
        quoted=quoted or None,
        format=Format.CONVERSE,
        raw=raw,
    )


def read_blob(redacted: str) -> Seal:
    """Of `redactedContent`, in base64: Claude's as it is, that of others as `block_writer.blob` wrote it."""
    try:
        seal = opened(b64decode(redacted).decode(), SEALER)
    except ValueError:
        return Seal(SEALER, redacted)
    return Seal(SEALER, redacted) if seal.format is SEALER else seal


def _member(block: Block, index: int) -> tuple[str, msgspec.Raw]:
    """The one member of the union."""
    members = list(block.items())
    if len(members) != 1:
        members = [(kind, raw) for kind, raw in members if bytes(raw) != b"null"]
    if len(members) != 1:
        raise MalformedBlock(f"[{index}]", "Expected exactly one kind of content")
    return members[0]


def _mark(parts: list[Part], raw: msgspec.Raw) -> bool:
    """A cache point concerns all that stands before it, so it goes onto the part in front, if there is one
    that takes it."""
    cache = cache_for(_cache_points.decode(raw))
    last = parts[-1] if parts else None
    if cache is None or not isinstance(last, _MARKABLE) or last.cache is not None:
        return False
    parts[-1] = msgspec.structs.replace(last, cache=cache)
    return True


def _source(source: shapes.Bytes | shapes.DocumentSource, media_type: str) -> Source | None:
    if source.bytes is not None:
        return Source(media_type=media_type, data=source.bytes)
    place = source.s3Location
    if place is not None and place.bucketOwner is None:
        return Source(media_type=media_type, url=place.uri)
    return None


def _read_text(raw: msgspec.Raw) -> Part:
    return Text(text=_strings.decode(raw))


def _read_json(raw: msgspec.Raw) -> Part:
    """Of a tool's result: the model reads its text."""
    return Text(text=bytes(raw).decode())


def _read_media(raw: msgspec.Raw, kind: media.Kind) -> Source | None:
    block = _media.decode(raw)
    media_type = kind.types.get(block.format)
    return None if media_type is None or block.error else _source(block.source, media_type)


def _read_image(raw: msgspec.Raw) -> Part | None:
    source = _read_media(raw, media.IMAGE)
    return None if source is None else Image(source=source)


def _read_video(raw: msgspec.Raw) -> Part | None:
    source = _read_media(raw, media.VIDEO)
    return None if source is None else Video(source=source)


def _read_audio(raw: msgspec.Raw) -> Part | None:
    source = _read_media(raw, media.AUDIO)
    return None if source is None else Audio(source=source)


def _read_document(raw: msgspec.Raw) -> Part | None:
    block = _documents.decode(raw)
    media_type = media.DOCUMENT.types.get(block.format or "txt")
    if media_type is None:
        return None
    if block.source.text is not None:
        source: Source | None = Source(media_type=media_type, text=block.source.text)
    else:
        source = _source(block.source, media_type)
    if source is None:
        return None
    return Document(
        source=source,
        title=block.name,
        context=block.context,
        cite=block.citations is not None and block.citations.enabled,
    )


def _read_tool_use(raw: msgspec.Raw) -> Part | None:
    block = _tool_uses.decode(raw)
    if block.type is not None:  # a tool that runs at the provider
        return None
    return ToolUse(id=block.toolUseId, name=block.name, arguments=bytes(block.input).decode())


def _read_tool_result(raw: msgspec.Raw) -> Part | None:
    block = _tool_results.decode(raw)
    if block.type is not None:
        return None
    try:
        parts = read_parts(block.content)
    except MalformedBlock as error:
        raise MalformedBlock(f".content{error.path}", error.reason) from None
    return ToolResult(id=block.toolUseId, parts=parts, is_error=block.status == "error")


def _read_reasoning(raw: msgspec.Raw) -> Part | _Ahead | None:
    block = _reasonings.decode(raw)
    if block.redactedContent is not None:
        seal = read_blob(block.redactedContent)
        return Thinking(redacted=seal.text, format=seal.format)
    said = block.reasoningText
    if said is None:
        return None
    if said.signature is None:
        return Thinking(text=said.text, format=Format.CONVERSE)
    seal = opened(said.signature, SEALER)
    if seal.place == AHEAD:
        return _Ahead(seal.text)
    return Thinking(text=said.text, signature=seal.text, format=seal.format)


def _read_cited_text(raw: msgspec.Raw) -> Part:
    block = _cited_texts.decode(raw)
    return Text(
        text="".join(piece.text for piece in block.content or ()),
        citations=tuple(map(read_citation, block.citations or ())),
    )


_READERS: Final[dict[str, Callable[[msgspec.Raw], Part | _Ahead | None]]] = {
    "text": _read_text,
    "json": _read_json,
    "image": _read_image,
    "document": _read_document,
    "video": _read_video,
    "audio": _read_audio,
    "toolUse": _read_tool_use,
    "toolResult": _read_tool_result,
    "reasoningContent": _read_reasoning,
    "citationsContent": _read_cited_text,
}
