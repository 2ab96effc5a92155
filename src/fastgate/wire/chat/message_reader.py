"""Messages of a request for a chat, read into neutral ones; each stays one message, in its place."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
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
from fastgate.wire.chat.shapes import ChatMessage, ContentPart, ThinkingBlock, ToolCall
from fastgate.wire.interface import raw
from fastgate.wire.messages.seal import opened
from fastgate.wire.reading import Members, decoded, missing
from fastgate.wire.seals import AHEAD

_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_anything: Final = msgspec.json.Decoder()
_NO_CONTENT: Final = frozenset({b"", b"null"})


_Paths = tuple[str, ...]


def read_messages(
    messages: Sequence[ChatMessage], body: bytes
) -> tuple[tuple[Message, ...], tuple[_Paths | None, ...], Members]:
    """The messages, `Places.parts` of them, and by their paths the markers that no part takes. `body` is the
    request that they are of. GatewayError `missing_field`."""
    reader = _Reader(body)
    read = tuple([reader.message(index, message) for index, message in enumerate(messages)])
    return read, tuple(reader.places), reader.unread


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.places: list[_Paths | None] = []
        self.unread: Members = {}
        self._body = body
        self._decoded: Any = None
        self._called: dict[str, str] = {}
        """Ids for calls of functions, which have none, by the function's name."""

    def message(self, index: int, message: ChatMessage) -> Message:
        role = message.role
        self.places.append(None)
        if role == "user" and type(message.content) is str and message.cache_control is None:
            return Message(role=Role.USER, parts=(Text(text=message.content),), name=message.name)
        if role == "assistant":
            return self._assistant(index, message)
        if role == "tool":
            return self._result(index, message, message.tool_call_id or missing(_at(index, "tool_call_id")))
        if role == "function":
            return self._result(index, message, self._call_of(index, message))
        if message.content is None:
            missing(_at(index, "content"))
        return Message(role=_ROLES[role], parts=self._content(index, message), name=message.name)

    def _assistant(self, index: int, message: ChatMessage) -> Message:
        parts: list[Part] = []
        paths: list[str] = []
        ahead: str | None = None
        if message.thinking_blocks:
            for number, block in enumerate(message.thinking_blocks):
                thought, ahead = _thinking(block, ahead)
                if thought is not None:
                    parts.append(thought)
                    paths.append(_at(index, f"thinking_blocks[{number}]"))
        elif thoughts := message.reasoning_content or message.reasoning:
            parts.append(Thinking(text=thoughts, format=Format.CHAT))
            paths.append(_at(index, "reasoning_content" if message.reasoning_content else "reasoning"))
        content = self._content(index, message)
        if ahead is not None and content and isinstance(content[0], Text):
            content = (msgspec.structs.replace(content[0], signature=ahead), *content[1:])
        parts += content
        paths += [_at(index, f"content[{number}]") for number in range(len(content))]
        if message.refusal:
            parts.append(Refusal(text=message.refusal))
            paths.append(_at(index, "refusal"))
        if bytes(message.audio) not in _NO_CONTENT:
            parts.append(Foreign(format=Format.CHAT, kind="audio", raw=message.audio))
            paths.append(_at(index, "audio"))
        for number, call in enumerate(message.tool_calls or ()):
            paths.append(_at(index, f"tool_calls[{number}]"))
            parts.append(_tool_use(call, paths[-1]))
        if message.function_call is not None:
            name = message.function_call.name
            self._called[name] = id_ = f"call_of_message_{index}"
            parts.append(ToolUse(id=id_, name=name, arguments=message.function_call.arguments or "{}"))
            paths.append(_at(index, "function_call"))
        self.places[-1] = tuple(paths)
        return Message(role=Role.ASSISTANT, parts=tuple(parts), name=message.name)

    def _call_of(self, index: int, message: ChatMessage) -> str:
        """Of a result that says only which function gave it."""
        name = message.name or missing(_at(index, "name"))
        return self._called.get(name, f"call_of_message_{index}")

    def _result(self, index: int, message: ChatMessage, id_: str) -> Message:
        self.places[-1] = (f"messages[{index}]",)
        content = self._content(index, message)
        caches = [part.cache for part in content if isinstance(part, Text | Image) and part.cache]
        result = ToolResult(
            id=id_,
            parts=tuple(
                msgspec.structs.replace(part, cache=None) if isinstance(part, Text | Image) else part
                for part in content
            ),
            name=message.name,
            cache=caches[-1] if caches else None,
        )
        return Message(role=Role.USER, parts=(result,))

    def _content(self, index: int, message: ChatMessage) -> tuple[Part, ...]:
        """A message's own marker counts for its last part."""
        content = message.content
        cache = cache_of(message)
        if isinstance(content, str) and (content or message.role != "assistant"):
            return (Text(text=content, cache=cache),)
        parts = [self._part(index, number, part) for number, part in enumerate(content or ())]
        if cache is not None:
            if parts and isinstance(parts[-1], Text | Image | Document):
                parts[-1] = msgspec.structs.replace(parts[-1], cache=cache)
            else:
                self.unread[_at(index, "cache_control")] = raw(message.cache_control)
        return tuple(parts)

    def _part(self, index: int, number: int, part: ContentPart) -> Part:
        kind = part.type
        if kind == "text":
            if part.text is None:
                missing(_at(index, f"content[{number}].text"))
            return Text(text=part.text, cache=cache_of(part))
        place = _at(index, f"content[{number}].{kind}")
        if kind == "image_url":
            image = part.image_url or missing(place)
            if isinstance(image, str):
                return Image(source=media.source_of_url(image), cache=cache_of(part))
            return Image(source=media.source_of_url(image.url), detail=image.detail, cache=cache_of(part))
        if kind == "input_audio":
            sound = part.input_audio or missing(place)
            source = Source(media_type=media.sound_type(sound.format), data=sound.data)
            return Audio(source=source)
        if kind == "file":
            return _document(part, place)
        if kind == "video_url":
            return Video(source=media.source_of_url((part.video_url or missing(place)).url))
        if kind == "refusal":
            if part.refusal is None:
                missing(place)
            return Refusal(text=part.refusal)
        return Foreign(format=Format.CHAT, kind=kind, raw=self._as_written(index, number))

    def _as_written(self, index: int, number: int) -> msgspec.Raw:
        if self._decoded is None:
            self._decoded = decoded(_anything, self._body)
        return raw(self._decoded["messages"][index]["content"][number])


def cache_of(marked: Any) -> CacheFor | None:
    """Of whatever may have a `cache_control`, or OpenAI's breakpoint, whose times to live are all longer than
    what is kept anywhere else."""
    control = marked.cache_control
    if control is not None:
        if control.ttl is None:
            return CacheFor.DEFAULT
        return CacheFor.ONE_HOUR if control.ttl == "1h" else CacheFor.FIVE_MINUTES
    point = getattr(marked, "prompt_cache_breakpoint", None)
    if point is None:
        return None
    return CacheFor.DEFAULT if point.ttl is None else CacheFor.ONE_HOUR


def _at(index: int, field: str) -> str:
    return f"messages[{index}].{field}"


def _thinking(block: ThinkingBlock, ahead: str | None) -> tuple[Thinking | None, str | None]:
    """The block, and the seal of the text behind the blocks where this one only carries that."""
    if block.type == "redacted_thinking":
        seal = opened(block.data or "", Format.MESSAGES)
        return Thinking(redacted=seal.text, format=seal.format), ahead
    if not block.signature:
        return Thinking(text=block.thinking, format=Format.CHAT), ahead
    seal = opened(block.signature, Format.MESSAGES)
    if seal.place == AHEAD:
        return None, seal.text
    return Thinking(text=block.thinking, signature=seal.text, format=seal.format), ahead


def _tool_use(call: ToolCall, place: str) -> ToolUse:
    google = call.extra_content and call.extra_content.google
    signature = google.thought_signature if google else None
    if call.custom is not None:
        return ToolUse(
            id=call.id,
            name=call.custom.name,
            arguments=call.custom.input,
            custom=True,
            signature=signature,
            cache=cache_of(call),
        )
    function = call.function or missing(f"{place}.function")
    return ToolUse(
        id=call.id,
        name=function.name,
        arguments=function.arguments or "{}",
        signature=signature,
        cache=cache_of(call),
    )


def _document(part: ContentPart, place: str) -> Document:
    file = part.file or missing(place)
    if file.file_id is not None:
        source = Source(file_id=file.file_id)
    elif file.file_data is not None:
        source = media.source_of_file(file.file_data)
    else:
        missing(f"{place}.file_data")
    return Document(source=source, title=file.filename, cache=cache_of(part))
