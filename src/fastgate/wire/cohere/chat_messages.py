"""The messages of a conversation as Cohere's chat has them, and the documents that stand beside them."""

from typing import Any

import msgspec

from fastgate.domain.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.wire.chat.media import UNKNOWN_IMAGE, text_of, url_of
from fastgate.wire.interface import Losses

_ROLES = {Role.SYSTEM: "system", Role.DEVELOPER: "system", Role.USER: "user", Role.ASSISTANT: "assistant"}


class MessageWriter:
    """Writes the messages of one request. `documents` are those of the user, which Cohere takes for the whole
    conversation: text ones, to be cited."""

    def __init__(self, request: Conversation, losses: Losses) -> None:
        self.messages: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []
        self._losses = losses
        for index, message in enumerate(request.messages):
            if message.name is not None:
                losses.drop(f"messages[{index}].name")
            if message.role is Role.ASSISTANT:
                self._assistant(message, f"messages[{index}]")
            else:
                self._others(message, f"messages[{index}]")

    def _others(self, message: Message, at: str) -> None:
        """Results of tools are messages of their own, in front of what the user says."""
        content: list[dict[str, Any]] = []
        for index, part in enumerate(message.parts):
            place = f"{at}.content[{index}]"
            self._drop_marks(part, place)
            match part:
                case ToolResult():
                    self._result(part, place)
                case Document() if (document := _document(part)) is not None:
                    self.documents.append(document)
                case Text():
                    content.append({"type": "text", "text": part.text})
                case Image() if (url := url_of(part.source, UNKNOWN_IMAGE)) is not None:
                    image = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
                    content.append({"type": "image_url", "image_url": image})
                case _:
                    self._losses.drop(place)
        if content or not message.parts:
            self.messages.append({"role": _ROLES[message.role], "content": _shortest(content)})

    def _assistant(self, message: Message, at: str) -> None:
        content: list[dict[str, Any]] = []
        thoughts: list[str] = []
        citations: list[msgspec.Raw] = []
        calls: list[dict[str, Any]] = []
        for index, part in enumerate(message.parts):
            place = f"{at}.content[{index}]"
            self._drop_marks(part, place)
            match part:
                case Text():
                    content.append({"type": "text", "text": part.text})
                    citations += self._citations(part, place)
                case Refusal():
                    content.append({"type": "text", "text": part.text})
                case Thinking() if _may_return(part):
                    thoughts.append(part.text)
                case ToolUse():
                    calls.append(_call(part))
                    if part.custom:
                        self._losses.drop(place)
                case _:
                    self._losses.drop(place)
        written: dict[str, Any] = {"role": "assistant"}
        if calls:
            written["tool_calls"] = calls
            if thoughts:
                written["tool_plan"] = "\n".join(thoughts)
        else:
            content[:0] = [{"type": "thinking", "thinking": thought} for thought in thoughts]
        if content or not calls:
            written["content"] = _shortest(content)
        if citations:
            written["citations"] = citations
        self.messages.append(written)

    def _result(self, result: ToolResult, at: str) -> None:
        content: list[dict[str, Any]] = []
        for index, part in enumerate(result.parts):
            match part:
                case Text():
                    content.append({"type": "text", "text": part.text})
                case Document() if (document := _document(part)) is not None:
                    content.append({"type": "document", "document": document})
                case _:
                    self._losses.drop(f"{at}.content[{index}]")
        if result.is_error:
            self._losses.drop(f"{at}.is_error")
        self.messages.append({"role": "tool", "tool_call_id": result.id, "content": _shortest(content)})

    def _citations(self, text: Text, at: str) -> list[msgspec.Raw]:
        own = [each.raw for each in text.citations if each.format is Format.COHERE_CHAT]
        if len(own) < len(text.citations):
            self._losses.drop(f"{at}.citations")
        return [raw for raw in own if bytes(raw)]

    def _drop_marks(self, part: Part, at: str) -> None:
        if getattr(part, "cache", None) is not None:
            self._losses.drop(f"{at}.cache_control")


def _may_return(thinking: Thinking) -> bool:
    """What is sealed is for those alone who sealed it."""
    return thinking.redacted is None and (not thinking.signature or thinking.format is Format.COHERE_CHAT)


def _call(use: ToolUse) -> dict[str, Any]:
    """What a custom tool was given is text, and here the only member of an object."""
    arguments = msgspec.json.encode({"input": use.arguments}).decode() if use.custom else use.arguments
    return {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": arguments}}


def _document(document: Document) -> dict[str, Any] | None:
    """None where its text is not at hand."""
    text = text_of(document.source)
    if text is None:
        return None
    fields = {"title": document.title, "text": text, "context": document.context}
    return {"data": {name: value for name, value in fields.items() if value is not None}}


def _shortest(content: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """A single text stands for itself."""
    if not content:
        return ""
    if len(content) == 1 and content[0]["type"] == "text":
        text: str = content[0]["text"]
        return text
    return content
