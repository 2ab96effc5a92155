"""Parts of a conversation or an answer, written as content blocks."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format
from fastgate.wire.converse import media
from fastgate.wire.messages.seal import FAMILY, carried
from fastgate.wire.seals import AHEAD, Seal
from fastgate.wire.tools import arguments_object

Block = dict[str, Any]

_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9\s()\[\]-]")
_BLANKS: Final = re.compile(r"\s+")
_MAX_NAME: Final = 200


class BlockWriter:
    """Of one request or answer. `drop` is told the path of what cannot be said. `caching`: cache points may
    be set. `claude`: what Claude sealed may be said. `carries`: it is for a client, which brings back what
    others sealed too."""

    def __init__(
        self,
        drop: Callable[[str], None],
        *,
        caching: bool,
        claude: bool,
        carries: bool = False,
    ) -> None:
        self._drop = drop
        self._caching = caching
        self._claude = claude
        self._carries = carries
        self._names: set[str] = set()

    def blocks(self, parts: Sequence[Part], path: str) -> list[Block]:
        """Tool results come first, as the models want them."""
        out: list[Block] = []
        results: list[Block] = []
        for index, part in enumerate(parts):
            place = f"{path}[{index}]"
            block = self._block(part, place)
            into = results if isinstance(part, ToolResult) else out
            if self._carries and isinstance(part, Text | ToolUse) and part.signature is not None:
                into.append(sealed_ahead(part.signature))
            if block is not None:
                into.append(block)
            cache = _cache_of(part)
            if cache is not None:
                self._mark(into, cache, place)
        return results + out if results else out

    def texts(self, parts: Sequence[Part], path: str) -> list[Block]:
        """Of a system prompt, which has nothing but texts, and what Converse itself knows there."""
        out: list[Block] = []
        for index, part in enumerate(parts):
            place = f"{path}[{index}]"
            if not isinstance(part, Text | Foreign):
                self._drop(place)
                continue
            block = self._block(part, place)
            if block is not None:
                out.append(block)
            if isinstance(part, Text) and part.cache is not None:
                self._mark(out, part.cache, place)
        return out

    def _mark(self, blocks: list[Block], cache: CacheFor, path: str) -> None:
        if not self._caching:
            self._drop(f"{path}.cache_control")
        elif blocks:
            blocks.append(cache_point(cache))

    def _block(self, part: Part, path: str) -> Block | None:
        match part:
            case Text():
                return self._text(part, path)
            case Image():
                if part.detail not in (None, "auto"):
                    self._drop(f"{path}.detail")
                return self._media("image", part.source, media.IMAGE, path)
            case Document():
                return self._document(part, path)
            case ToolUse():
                return {
                    "toolUse": {
                        "toolUseId": tool_id(part.id),
                        "name": part.name,
                        "input": arguments_object(part),
                    }
                }
            case ToolResult():
                return self._tool_result(part, path)
            case Thinking():
                return self._thinking(part, path)
            case Refusal():
                return {"text": part.text} if part.text.strip() else None
            case Video():
                return self._media("video", part.source, media.VIDEO, path)
            case Audio():
                return self._media("audio", part.source, media.AUDIO, path)
            case Foreign():
                if part.format is Format.CONVERSE:
                    return {part.kind: part.raw}
                self._drop(path)
                return None

    def _text(self, part: Text, path: str) -> Block | None:
        if not (part.text if self._carries else part.text.strip()):
            # Bedrock refuses a blank one.
            if part.text:
                self._drop(path)
            return None
        if not part.citations:
            return {"text": part.text}
        if not self._carries and any(citation.format is not Format.CONVERSE for citation in part.citations):
            self._drop(f"{path}.citations")
            return {"text": part.text}
        citations = list(map(write_citation, part.citations))
        return {"citationsContent": {"content": [{"text": part.text}], "citations": citations}}

    def _document(self, part: Document, path: str) -> Block | None:
        document: Block | None
        if part.source.text is not None:
            name = media.name_of(part.source, media.DOCUMENT) or "txt"
            document = {"format": name, "source": {"text": part.source.text}}
        else:
            document = media.written(part.source, media.DOCUMENT)
        if document is None:
            self._drop(path)
            return None
        document["name"] = self._name(part.title)
        if part.context is not None:
            document["context"] = part.context
        if part.cite:
            document["citations"] = {"enabled": True}
        return {"document": document}

    def _name(self, title: str | None) -> str:
        """Of a document: few characters are allowed in it, and no other document's of the request."""
        wanted = _BLANKS.sub(" ", _NOT_IN_A_NAME.sub("-", title or "")).strip() or "document"
        name = wanted[:_MAX_NAME]
        copy = 1
        while name in self._names:
            copy += 1
            suffix = f" ({copy})"
            name = wanted[: _MAX_NAME - len(suffix)] + suffix
        self._names.add(name)
        return name

    def _media(self, key: str, source: Source, kind: media.Kind, path: str) -> Block | None:
        written = media.written(source, kind)
        if written is None:
            self._drop(path)
            return None
        return {key: written}

    def _tool_result(self, part: ToolResult, path: str) -> Block:
        content = []
        for index, inner in enumerate(part.parts):
            place = f"{path}.content[{index}]"
            if isinstance(inner, Text | Image | Document | Video | Refusal | Foreign):
                plain = replace(inner, citations=()) if isinstance(inner, Text) else inner
                block = self._block(plain, place)
                if block is not None:
                    content.append(block)
            else:
                self._drop(place)
        result: Block = {"toolUseId": tool_id(part.id), "content": content}
        if part.is_error:
            result["status"] = "error"
        return {"toolResult": result}

    def _thinking(self, part: Thinking, path: str) -> Block | None:
        sealed = self._carries or (self._claude and part.format in FAMILY)
        if part.redacted is not None:
            if sealed:
                return {"reasoningContent": {"redactedContent": blob(part.format, part.redacted)}}
        elif part.signature is not None:
            if sealed:
                return _reasoning(part.text, carried(Seal(part.format, part.signature)))
        elif self._carries or part.format is Format.CONVERSE:
            return _reasoning(part.text, None)
        self._drop(path)
        return None


def _cache_of(part: Part) -> CacheFor | None:
    """A cache point cannot stand within a tool's result: one that is meant to stands behind it."""
    if not isinstance(part, Text | Image | Document | ToolUse | ToolResult):
        return None
    if part.cache is None and isinstance(part, ToolResult):
        return next(filter(None, map(_cache_of, part.parts)), None)
    return part.cache


def sealed_ahead(signature: str) -> Block:
    """A block that keeps the seal of the text or tool use behind it, which are Gemini's only."""
    return _reasoning("", carried(Seal(Format.GENERATE_CONTENT, signature, place=AHEAD)))


def _reasoning(text: str, signature: str | None) -> Block:
    block = {"text": text} if signature is None else {"text": text, "signature": signature}
    return {"reasoningContent": {"reasoningText": block}}


def blob(format_: Format | None, redacted: str) -> str:
    """In base64, as what Claude redacts is already."""
    text = carried(Seal(format_, redacted))
    try:
        b64decode(text, validate=True)
    except ValueError:
        return b64encode(text.encode("utf-8", "surrogatepass")).decode()
    return text


def cache_point(cache: CacheFor) -> Block:
    point = {"type": "default"}
    if cache is not CacheFor.DEFAULT:
        point["ttl"] = cache.value
    return {"cachePoint": point}


def write_citation(citation: Citation) -> Any:
    if citation.format is Format.CONVERSE and citation.raw:
        return citation.raw
    out: Block = {}
    if citation.title is not None:
        out["title"] = citation.title
    if citation.quoted is not None:
        out["sourceContent"] = [{"text": citation.quoted}]
    if citation.url is not None:
        out["location"] = {"web": {"url": citation.url}}
    return out


def tool_id(id_: str) -> str:
    """The id itself where Bedrock allows it, else one that stands for it in every turn."""
    if _ID.fullmatch(id_):
        return id_
    return "tooluse_" + sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:32]
