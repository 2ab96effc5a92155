"""Content blocks of the Messages API, of requests and of answers, as parts of messages."""

from collections.abc import Callable
from typing import Final

import msgspec

from fastgate.domain.conversation import (
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
)
from fastgate.domain.format import Format
from fastgate.wire.messages.seal import opened
from fastgate.wire.reading import split_reason
from fastgate.wire.seals import AHEAD
from fastgate.wire.unread import Kinds, Known

_NULL: Final = frozenset({b"", b"null"})


class _Kind(msgspec.Struct):
    type: str


class _CacheControl(msgspec.Struct):
    ttl: str | None = None


class _Enabled(msgspec.Struct):
    enabled: bool | None = None


class _Cached(msgspec.Struct, kw_only=True):
    cache_control: _CacheControl | None = None

    @property
    def cache(self) -> CacheFor | None:
        if self.cache_control is None:
            return None
        return _TTLS.get(self.cache_control.ttl or "", CacheFor.DEFAULT)


class _Text(_Cached, kw_only=True):
    text: str
    citations: list[msgspec.Raw] | None = None


class _Citation(msgspec.Struct):
    cited_text: str | None = None
    url: str | None = None
    source: str | None = None
    title: str | None = None
    document_title: str | None = None


class _Source(msgspec.Struct):
    type: str
    media_type: str = ""
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: str | list[msgspec.Raw] | None = None


class _Image(_Cached, kw_only=True):
    source: _Source


class _Document(_Cached, kw_only=True):
    source: _Source
    title: str | None = None
    context: str | None = None
    citations: _Enabled | None = None


class _ToolUse(_Cached, kw_only=True):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _ToolResult(_Cached, kw_only=True):
    tool_use_id: str
    content: str | list[msgspec.Raw] | None = None
    is_error: bool | None = None


class _Thinking(msgspec.Struct):
    thinking: str
    signature: str | None = None


class _Redacted(msgspec.Struct):
    data: str


_TTLS: Final = {"5m": CacheFor.FIVE_MINUTES, "1h": CacheFor.ONE_HOUR}

_kinds: Final = msgspec.json.Decoder(_Kind)
_texts: Final = msgspec.json.Decoder(_Text)
_citations: Final = msgspec.json.Decoder(_Citation)
_images: Final = msgspec.json.Decoder(_Image)
_documents: Final = msgspec.json.Decoder(_Document)
_uses: Final = msgspec.json.Decoder(_ToolUse)
_inputs: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_results: Final = msgspec.json.Decoder(_ToolResult)
_thoughts: Final = msgspec.json.Decoder(_Thinking)
_redacted: Final = msgspec.json.Decoder(_Redacted)


class BlockError(ValueError):
    """A block is not what its type wants. `path` leads there from the list of blocks; the message repeats no
    value."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class BlockReader:
    """Reads the blocks of one message. A seal that stands ahead of a part is carried on to that part."""

    def __init__(self, own: Format) -> None:
        """`own`: MESSAGES or INVOKE, what the blocks are written in."""
        self.skipped: list[int] = []
        """Places of blocks that are no parts: all they have is such a seal."""
        self._own = own
        self._seal: str | None = None

    def parts(self, content: str | list[msgspec.Raw]) -> tuple[Part, ...]:
        """BlockError."""
        if isinstance(content, str):
            return (Text(text=content),) if content else ()
        out = []
        for index, block in enumerate(content):
            try:
                part = self._part(block)
            except BlockError as error:
                raise BlockError(f"[{index}]{error.path}", str(error)) from None
            except msgspec.ValidationError as error:
                what, path = split_reason(error)
                raise BlockError(f"[{index}]{path}", what) from None
            if part is None:
                self.skipped.append(index)
            else:
                out.append(part)
        return tuple(out)

    def _part(self, block: msgspec.Raw) -> Part | None:
        kind = _kinds.decode(block).type
        read = _READERS.get(kind)
        if read is None:
            return Foreign(format=self._own, kind=kind, raw=block)
        return read(self, block)

    def _text(self, block: msgspec.Raw) -> Part:
        said = _texts.decode(block)
        return Text(
            text=said.text,
            citations=tuple(read_citation(each, self._own) for each in said.citations or ()),
            signature=self._taken_seal(),
            cache=said.cache,
        )

    def _image(self, block: msgspec.Raw) -> Part:
        said = _images.decode(block)
        return Image(source=_source(said.source), cache=said.cache)

    def _document(self, block: msgspec.Raw) -> Part:
        said = _documents.decode(block)
        if said.source.type == "content":
            text = _text_of(said.source.content)
            if text is None:
                return Foreign(format=self._own, kind="document", raw=block)
            source = Source(media_type="text/plain", text=text)
        else:
            source = _source(said.source)
        return Document(
            source=source,
            title=said.title,
            context=said.context,
            cite=said.citations is not None and said.citations.enabled is True,
            cache=said.cache,
        )

    def _tool_use(self, block: msgspec.Raw) -> Part:
        said = _uses.decode(block)
        return ToolUse(
            id=said.id,
            name=said.name,
            arguments=arguments_of(said.input),
            signature=self._taken_seal(),
            cache=said.cache,
        )

    def _tool_result(self, block: msgspec.Raw) -> Part:
        said = _results.decode(block)
        try:
            parts = BlockReader(self._own).parts(said.content or [])
        except BlockError as error:
            raise BlockError(f".content{error.path}", str(error)) from None
        return ToolResult(id=said.tool_use_id, parts=parts, is_error=said.is_error is True, cache=said.cache)

    def _thinking(self, block: msgspec.Raw) -> Part | None:
        said = _thoughts.decode(block)
        if not said.signature:
            return Thinking(text=said.thinking)
        seal = opened(said.signature, self._own)
        if seal.place == AHEAD:
            self._seal = seal.text
            return Thinking(text=said.thinking) if said.thinking else None
        return Thinking(text=said.thinking, signature=seal.text, format=seal.format)

    def _redacted_thinking(self, block: msgspec.Raw) -> Part:
        seal = opened(_redacted.decode(block).data, self._own)
        return Thinking(redacted=seal.text, format=seal.format)

    def _taken_seal(self) -> str | None:
        seal, self._seal = self._seal, None
        return seal


_READERS: Final[dict[str, Callable[[BlockReader, msgspec.Raw], Part | None]]] = {
    "text": BlockReader._text,
    "image": BlockReader._image,
    "document": BlockReader._document,
    "tool_use": BlockReader._tool_use,
    "tool_result": BlockReader._tool_result,
    "thinking": BlockReader._thinking,
    "redacted_thinking": BlockReader._redacted_thinking,
}


KNOWN_CACHE_CONTROL: Final = Known(_CacheControl, also=("type",))
_CALLER: Final = Known(also=("type",))
"""The model itself, where there is no more to it."""


def _known(inner: Kinds | None) -> Kinds:
    """Of blocks; `inner`: of those that stand in them."""
    cache = KNOWN_CACHE_CONTROL
    data = Known(also=("media_type", "data"))
    source = Kinds(
        "type",
        {
            "base64": data,
            "text": data,
            "url": Known(also=("media_type", "url")),
            "file": Known(also=("media_type", "file_id")),
            "content": Known(content=inner),
        },
    )
    return Kinds(
        "type",
        {
            "text": Known(_Text, cache_control=cache),
            "image": Known(_Image, source=source, cache_control=cache),
            "document": Known(_Document, source=source, cache_control=cache),
            "tool_use": Known(_ToolUse, caller=_CALLER, cache_control=cache),
            "tool_result": Known(_ToolResult, content=inner, cache_control=cache),
            "thinking": Known(_Thinking),
            "redacted_thinking": Known(_Redacted),
        },
    )


KNOWN: Final = _known(_known(None))
"""What is known of the members of blocks."""


def arguments_of(input_: msgspec.Raw) -> str:
    """JSON text of a tool's input. ValidationError: it is no object."""
    text = bytes(input_)
    if text in _NULL:
        return "{}"
    if text != b"{}":
        _inputs.decode(input_)
    return text.decode()


def read_citation(
    citation: msgspec.Raw, own: Format, start: int | None = None, end: int | None = None
) -> Citation:
    """`start` and `end` of what rests on it, in the answer's text."""
    said = _citations.decode(citation)
    return Citation(
        url=said.url or said.source,
        title=said.title or said.document_title,
        quoted=said.cited_text,
        start=start,
        end=end,
        format=own,
        raw=citation,
    )


def _source(said: _Source) -> Source:
    if said.type == "text":
        return Source(media_type=said.media_type, text=_needed(said.data, "data"))
    if said.type == "url":
        return Source(media_type=said.media_type, url=_needed(said.url, "url"))
    if said.type == "file":
        return Source(media_type=said.media_type, file_id=_needed(said.file_id, "file_id"))
    if said.type == "base64":
        return Source(media_type=said.media_type, data=_needed(said.data, "data"))
    raise BlockError(".source.type", "It is none of base64, url, file, text and content")


def _needed(value: str | None, name: str) -> str:
    if value is None:
        raise BlockError(".source", f"Object missing required field `{name}`")
    return value


def _text_of(content: str | list[msgspec.Raw] | None) -> str | None:
    """None where the content has more than text."""
    if isinstance(content, str):
        return content
    if content is None:
        raise BlockError(".source", "Object missing required field `content`")
    if any(_kinds.decode(each).type != "text" for each in content):
        return None
    return "\n\n".join(_texts.decode(each).text for each in content)
