"""Messages of a conversation, written for a server of chat completions."""

from collections.abc import Iterable
from typing import Any, Final

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Conversation,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format
from fastgate.wire.chat import media
from fastgate.wire.chat.models import Traits
from fastgate.wire.interface import Losses

Written = dict[str, Any]
_Place = tuple[int, ...]
"""Of a part in its message, or of one in a tool's result there."""
_Placed = tuple[_Place, Part]
_PlacedText = tuple[_Place, Text]

_OPENAIS: Final = frozenset({Format.CHAT, Format.RESPONSES})
"""Whose ids of files mean something here."""


def write_messages(request: Conversation, traits: Traits, losses: Losses) -> list[Written]:
    """The results of tools become messages of their own, in front of the rest of theirs; their images follow
    with that rest, since a tool's message is text. What cannot be said is in `losses`."""
    writer = _Writer(request, traits, losses)
    out: list[Written] = []
    for index, message in enumerate(request.messages):
        out += writer.message(index, message)
    return out


class _Writer:
    def __init__(self, request: Conversation, traits: Traits, losses: Losses) -> None:
        self._format = request.format
        self._traits = traits
        self._losses = losses

    def message(self, index: int, message: Message) -> list[Written]:
        if message.role is Role.USER:
            return self._user(index, message)
        if message.role is Role.ASSISTANT:
            return self._assistant(index, message)
        # `developer` is understood by OpenAI alone, which takes `system` for the same.
        placed = [((number,), part) for number, part in enumerate(message.parts)]
        content = self._content(index, placed, "\n")
        return [_named({"role": "system", "content": content}, message)] if content else []

    def _user(self, index: int, message: Message) -> list[Written]:
        out: list[Written] = []
        pictured: list[_Placed] = []
        rest: list[_Placed] = []
        for number, part in enumerate(message.parts):
            if isinstance(part, ToolResult):
                placed = [((number, inner), each) for inner, each in enumerate(part.parts)]
                pictured += [each for each in placed if not isinstance(each[1], Text)]
                texts: list[_PlacedText] = [(place, each) for place, each in placed if isinstance(each, Text)]
                out.append(self._result(index, (number,), part, texts))
            else:
                rest.append(((number,), part))
        content = self._content(index, [*pictured, *rest], "\n")
        # Without its turn, what the model itself said would stand last.
        if content or not out:
            out.append(_named({"role": "user", "content": content or ""}, message))
        return out

    def _result(self, index: int, place: _Place, result: ToolResult, texts: list[_PlacedText]) -> Written:
        if result.is_error:
            self._lose(index, place, ".is_error")
        if result.cache is not None and texts:
            texts[-1] = (place, Text(text=texts[-1][1].text, cache=result.cache))
        content = self._content(index, texts, "\n")
        return {"role": "tool", "tool_call_id": result.id, "content": content or ""}

    def _assistant(self, index: int, message: Message) -> list[Written]:
        said: list[_Placed] = []
        thoughts: list[str] = []
        refusals: list[str] = []
        calls: list[Written] = []
        out: Written = {"role": "assistant", "content": None}
        for number, part in enumerate(message.parts):
            match part:
                case ToolUse():
                    calls.append(self._call(part, index, (number,)))
                case Thinking():
                    if part.format is Format.CHAT and part.text:
                        thoughts.append(part.text)
                    else:
                        self._lose(index, (number,))
                case Refusal():
                    refusals.append(part.text)
                case Foreign() if part.format is Format.CHAT and part.kind == "audio":
                    out["audio"] = part.raw
                case Text() | Foreign():
                    said.append(((number,), part))
                case _:
                    self._lose(index, (number,))
        content = self._content(index, said, "")
        if content:
            out["content"] = content
        if thoughts:
            out["reasoning_content"] = "".join(thoughts)
        if refusals:
            out["refusal"] = "".join(refusals)
        if calls:
            out["tool_calls"] = calls
        if len(out) == 2 and not content:
            return []
        return [_named(out, message)]

    def _call(self, call: ToolUse, index: int, place: _Place) -> Written:
        out: Written = {"id": call.id}
        if call.custom:
            out["type"] = "custom"
            out["custom"] = {"name": call.name, "input": call.arguments}
        else:
            out["type"] = "function"
            out["function"] = {"name": call.name, "arguments": call.arguments}
        if call.signature is not None:
            if self._traits.signatures:
                out["extra_content"] = {"google": {"thought_signature": call.signature}}
            else:
                self._lose(index, place, ".thought_signature")
        if call.cache is not None:
            self._lose(index, place, ".cache_control")
        return out

    def _content(self, index: int, parts: Iterable[_Placed], between: str) -> str | list[Any] | None:
        """Nothing but text is a string, with `between` its pieces: many servers take no list there."""
        blocks: list[Any] = []
        texts: list[str] = []
        for place, part in parts:
            if isinstance(part, Text) and not part.text:
                continue
            block = self._block(index, place, part)
            if block is None:
                continue
            blocks.append(block)
            if isinstance(part, Text) and len(block) == 2:
                texts.append(part.text)
        if not blocks:
            return None
        return between.join(texts) if len(texts) == len(blocks) else blocks

    def _block(self, index: int, place: _Place, part: Part) -> Any:
        match part:
            case Text():
                if part.signature is not None:
                    self._lose(index, place, ".thought_signature")
                if part.citations:
                    self._lose(index, place, ".citations")
                return self._marked(index, place, {"type": "text", "text": part.text}, part.cache)
            case Image():
                url = media.url_of(part.source, media.UNKNOWN_IMAGE)
                if url is not None:
                    image = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
                    return self._marked(index, place, {"type": "image_url", "image_url": image}, part.cache)
            case Document():
                return self._document(index, place, part)
            case Audio():
                name = media.sound_format(part.source)
                if name is not None and part.source.data is not None:
                    return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": name}}
            case Video():
                url = media.url_of(part.source, "video/mp4")
                if url is not None:
                    return {"type": "video_url", "video_url": {"url": url}}
            case Foreign() if part.format is Format.CHAT:
                return part.raw
            case _:
                pass
        self._lose(index, place)
        return None

    def _document(self, index: int, place: _Place, part: Document) -> Written | None:
        if part.context:
            self._lose(index, place, ".context")
        if part.cite:
            self._lose(index, place, ".citations")
        # Where files are taken at all it is PDF; what is text the model can read as such.
        text = media.text_of(part.source)
        if text is not None:
            return self._marked(index, place, {"type": "text", "text": text}, part.cache)
        file = self._file(part.source, part.title)
        if file is None:
            self._lose(index, place)
            return None
        return self._marked(index, place, {"type": "file", "file": file}, part.cache)

    def _file(self, source: Source, title: str | None) -> Written | None:
        if source.data is not None:
            return {"filename": title or "document.pdf", "file_data": media.url_of(source, "application/pdf")}
        if source.file_id is None or self._format not in _OPENAIS:
            return None
        return (
            {"file_id": source.file_id} if title is None else {"file_id": source.file_id, "filename": title}
        )

    def _marked(self, index: int, place: _Place, block: Written, cache: CacheFor | None) -> Written:
        if cache is None:
            return block
        if self._traits.breakpoint:
            block["prompt_cache_breakpoint"] = {"mode": "explicit"}
        elif self._traits.cache_control:
            block["cache_control"] = cache_control(cache)
        else:
            self._lose(index, place, ".cache_control")
        return block

    def _lose(self, index: int, place: _Place, field: str = "") -> None:
        within = "".join(f".content[{number}]" for number in place)
        self._losses.drop(f"messages[{index}]{within}{field}")


def cache_control(cache: CacheFor) -> Written:
    if cache is CacheFor.DEFAULT:
        return {"type": "ephemeral"}
    return {"type": "ephemeral", "ttl": cache.value}


def _named(written: Written, message: Message) -> Written:
    if message.name is not None:
        written["name"] = message.name
    return written
