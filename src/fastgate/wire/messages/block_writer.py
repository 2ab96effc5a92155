"""Parts of messages as content blocks of the Messages API."""

import re
from base64 import b64decode
from typing import Any, Final
from zlib import crc32

import msgspec

from fastgate.domain.conversation import (
    CacheFor,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from fastgate.wire.addresses import web_url
from fastgate.wire.interface import Losses
from fastgate.wire.messages.seal import FAMILY
from fastgate.wire.reading import MEMBERS
from fastgate.wire.tools import object_in

Block = dict[str, Any]

MAX_CACHE_MARKS: Final = 4

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_MAGIC: Final = (
    ("/9j/", "image/jpeg"),
    ("iVBOR", "image/png"),
    ("R0lGOD", "image/gif"),
    ("UklGR", "image/webp"),
)
_PDF: Final = "application/pdf"
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_NOT_IN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")


def cache_control(cache: CacheFor) -> dict[str, str]:
    if cache is CacheFor.DEFAULT:
        return {"type": "ephemeral"}
    return {"type": "ephemeral", "ttl": cache.value}


def tool_input(arguments: str) -> msgspec.Raw | dict[str, str]:
    """An object, whatever the model wrote: what is none is wrapped as Anthropic's page on fine-grained tool
    streaming has it."""
    written = object_in(arguments)
    return {"INVALID_JSON": arguments} if written is None else written


def call_id(id_: str) -> str:
    """Ids of other formats may have characters that are refused here. The same one stays the same."""
    if _ID.fullmatch(id_):
        return id_
    return f"{_NOT_IN_ID.sub('_', id_)}_{crc32(id_.encode('utf-8', 'surrogatepass')):08x}"


class BlockWriter:
    """Of one request. `family`: it was written in this API's own words, so that foreign parts and file ids
    belong to it. `marked` are the blocks with cache markers, in their order."""

    def __init__(self, losses: Losses, *, family: bool) -> None:
        self.marked: list[Block] = []
        self._losses = losses
        self._family = family

    def blocks(self, message: Message, place: int) -> list[Block]:
        """`place` is the message's in the request."""
        if message.name is not None:
            self._losses.drop(f"messages[{place}].name")
        return self._all(message.parts, (place,))

    def mark(self, block: Block, cache: CacheFor) -> None:
        block["cache_control"] = cache_control(cache)
        self.marked.append(block)

    def limit_marks(self) -> None:
        """The last ones stay: they are those of the longest prefixes."""
        for block in self.marked[:-MAX_CACHE_MARKS]:
            del block["cache_control"]
            self._losses.drop("cache_control")

    def _all(self, parts: tuple[Part, ...], place: tuple[int, ...]) -> list[Block]:
        out = []
        for index, part in enumerate(parts):
            block = self._block(part, (*place, index))
            if block is None:
                continue
            cache = getattr(part, "cache", None)
            if cache is not None:
                self.mark(block, cache)
            out.append(block)
        return out

    def _block(self, part: Part, place: tuple[int, ...]) -> Block | None:
        match part:
            case Text():
                return self._text(part, place)
            case ToolUse():
                return {
                    "type": "tool_use",
                    "id": call_id(part.id),
                    "name": part.name,
                    "input": tool_input(part.arguments),
                }
            case ToolResult():
                return self._result(part, place)
            case Image():
                return self._image(part, place)
            case Document():
                return self._document(part, place)
            case Thinking():
                return self._thinking(part, place)
            case Refusal():
                return {"type": "text", "text": part.text} if part.text.strip() else None
            case Foreign() if part.format in FAMILY:
                return {**MEMBERS.decode(part.raw), "type": part.kind}
        self._lose(place)
        return None

    def _text(self, part: Text, place: tuple[int, ...]) -> Block | None:
        # The API refuses blocks of white space.
        if not part.text.strip():
            return None
        block: Block = {"type": "text", "text": part.text}
        if part.citations:
            block["citations"] = [each.raw for each in part.citations if each.format in FAMILY]
            if len(block["citations"]) < len(part.citations):
                self._lose(place, ".citations")
                if not block["citations"]:
                    del block["citations"]
        return block

    def _result(self, part: ToolResult, place: tuple[int, ...]) -> Block:
        block: Block = {"type": "tool_result", "tool_use_id": call_id(part.id)}
        content = self._all(part.parts, place)
        if content:
            block["content"] = plain(content)
        if part.is_error:
            block["is_error"] = True
        return block

    def _thinking(self, part: Thinking, place: tuple[int, ...]) -> Block | None:
        if part.format in FAMILY:
            if part.redacted is not None:
                return {"type": "redacted_thinking", "data": part.redacted}
            if part.signature:
                return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        self._lose(place)
        return None

    def _image(self, part: Image, place: tuple[int, ...]) -> Block | None:
        if part.detail not in (None, "auto"):
            self._lose(place, ".detail")
        source = part.source
        if source.data is not None:
            kind = source.media_type or next(
                (kind for head, kind in _MAGIC if source.data.startswith(head)), ""
            )
            if kind in _IMAGES:
                return {"type": "image", "source": _base64(kind, source.data)}
        elif (elsewhere := self._elsewhere(source)) is not None:
            return {"type": "image", "source": elsewhere}
        self._lose(place)
        return None

    def _document(self, part: Document, place: tuple[int, ...]) -> Block | None:
        source = self._document_source(part.source)
        if source is None:
            self._lose(place)
            return None
        block: Block = {"type": "document", "source": source}
        if part.title:
            block["title"] = part.title
        if part.context:
            block["context"] = part.context
        if part.cite:
            block["citations"] = {"enabled": True}
        return block

    def _document_source(self, source: Source) -> Block | None:
        if source.text is not None:
            return _plain_text(source.text)
        if source.data is None:
            return self._elsewhere(source)
        if source.media_type in ("", _PDF):
            return _base64(_PDF, source.data)
        if source.media_type.startswith("text/"):
            try:
                return _plain_text(b64decode(source.data, validate=True).decode())
            except ValueError:
                return None
        return None

    def _elsewhere(self, source: Source) -> Block | None:
        if (url := web_url(source)) is not None:
            return {"type": "url", "url": url}
        if source.file_id is not None and self._family:
            return {"type": "file", "file_id": source.file_id}
        return None

    def _lose(self, place: tuple[int, ...], field: str = "") -> None:
        within = "".join(f".content[{index}]" for index in place[1:])
        self._losses.drop(f"messages[{place[0]}]{within}{field}")


def plain(content: list[Block]) -> str | list[Block]:
    """A single text without anything to it is written as a string."""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        text: str = content[0]["text"]
        return text
    return content


def _base64(media_type: str, data: str) -> Block:
    return {"type": "base64", "media_type": media_type, "data": data}


def _plain_text(text: str) -> Block:
    return {"type": "text", "media_type": "text/plain", "data": text}
