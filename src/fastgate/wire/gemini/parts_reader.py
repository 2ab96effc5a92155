"""Parts of a content, as clients and Gemini write them."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Foreign, Part, Source, Text, Thinking, ToolResult
from fastgate.domain.format import Format
from fastgate.wire.gemini.media import inline, part_of, referred
from fastgate.wire.gemini.seal import opened
from fastgate.wire.gemini.shapes import MEMBERS, Blob, FileData, FunctionResponse
from fastgate.wire.gemini.shapes import Part as Shape
from fastgate.wire.seals import REDACTED

_BESIDE: Final = frozenset(
    {"thought", "thoughtSignature", "partMetadata", "mediaResolution", "videoMetadata"}
)
"""What may stand beside the data of a part, so names none."""

_DETAILS: Final = {"MEDIA_RESOLUTION_LOW": "low", "MEDIA_RESOLUTION_HIGH": "high"}

_shapes: Final = msgspec.json.Decoder(Shape)
_responses: Final = msgspec.json.Decoder(dict[str, Any])


def plain_part(shape: Shape) -> Part | None:
    """A part that is neither a function call nor a response to one; None for a kind that only Gemini knows
    (`foreign_part`)."""
    if shape.text is not None:
        if shape.thought:
            return _thinking(shape.text, shape.thought_signature)
        return Text(text=shape.text, signature=shape.thought_signature)
    if shape.inline_data is not None:
        return _file(shape, _inline(shape.inline_data), shape.inline_data.display_name)
    if shape.file_data is not None:
        return _file(shape, _referred(shape.file_data), shape.file_data.display_name)
    return None


def foreign_part(written: msgspec.Raw) -> Part:
    """A part as it is written, without any data of a kind that is known."""
    members = MEMBERS.decode(written)
    kind = next((name for name in members if name not in _BESIDE), "")
    if not kind and "thoughtSignature" in members:
        # Gemini ends streams with a part that has a signature alone.
        shape = _shapes.decode(written)
        if shape.thought:
            return _thinking("", shape.thought_signature)
        return Text(text="", signature=shape.thought_signature)
    return Foreign(format=Format.GENERATE_CONTENT, kind=kind, raw=msgspec.Raw(bytes(written)))


def result_of(response: FunctionResponse, id_: str) -> ToolResult:
    """`output` and `error` are the keys that Google documents; a response with others is all output.
    ValueError: it is no object."""
    written = bytes(response.response)
    said = {} if written in (b"", b"null") else _responses.decode(written)
    is_error = set(said) == {"error"}
    alone = (
        next(iter(said.values())) if len(said) == 1 and set(said) <= {"output", "result", "error"} else None
    )
    parts: tuple[Part, ...]
    if alone == "":
        parts = ()
    elif isinstance(alone, str):
        parts = (Text(text=alone),)
    elif isinstance(alone, list) and alone and all(isinstance(each, str) for each in alone):
        parts = tuple(Text(text=each) for each in alone)
    elif said:
        parts = (Text(text=msgspec.json.encode(alone).decode() if is_error else written.decode()),)
    else:
        parts = ()
    for each in response.parts or ():
        if each.inline_data is not None:
            source, title = _inline(each.inline_data), each.inline_data.display_name
        elif each.file_data is not None:
            source, title = _referred(each.file_data), each.file_data.display_name
        else:
            continue
        parts += (part_of(source, title=title, signature=None, detail=None),)
    return ToolResult(id=id_, name=response.name, parts=parts, is_error=is_error)


def _thinking(text: str, signature: str | None) -> Thinking:
    if signature is None:
        return Thinking(text=text, format=Format.GENERATE_CONTENT)
    seal = opened(signature)
    if seal.place == REDACTED:
        return Thinking(redacted=seal.text, format=seal.format)
    return Thinking(text=text, signature=seal.text, format=seal.format)


def _file(shape: Shape, source: Source, title: str | None) -> Part:
    return part_of(source, title=title, signature=shape.thought_signature, detail=_detail(shape))


def _inline(blob: Blob) -> Source:
    return inline(blob.mime_type or "", blob.data or "")


def _referred(file: FileData) -> Source:
    return referred(file.mime_type or "", file.file_uri or "")


def _detail(shape: Shape) -> str | None:
    """`{"level": …}` in a part, which has OpenAI's `detail` in other words."""
    if not bytes(shape.media_resolution):
        return None
    said = msgspec.json.decode(shape.media_resolution)
    level = said.get("level") if isinstance(said, dict) else said
    return _DETAILS.get(level) if isinstance(level, str) else None
