"""The messages of a conversation as Ollama has them: one text each, and images beside it."""

from typing import Any, Final

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
from fastgate.wire.chat.media import text_of
from fastgate.wire.interface import Losses
from fastgate.wire.tools import arguments_object

_ROLES: Final = {
    Role.SYSTEM: "system",
    Role.DEVELOPER: "system",
    Role.USER: "user",
    Role.ASSISTANT: "assistant",
}


def write_messages(request: Conversation, losses: Losses) -> list[dict[str, Any]]:
    """What has no place in them goes into `losses`."""
    names = request.names()
    written: list[dict[str, Any]] = []
    for index, message in enumerate(request.messages):
        at = f"messages[{index}]"
        if message.name is not None:
            losses.drop(f"{at}.name")
        written += _results(message, at, names, losses)
        one = _Message(at, losses)
        for number, part in enumerate(message.parts):
            if not isinstance(part, ToolResult):
                one.add(part, f"{at}.content[{number}]")
        # A message of results alone has been said.
        if one.said or not message.parts:
            written.append(one.body(_ROLES[message.role]))
    return written


class _Message:
    """One message, as its parts come."""

    def __init__(self, at: str, losses: Losses) -> None:
        self.said = False
        self._texts: list[str] = []
        self._images: list[str] = []
        self._thoughts: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._at = at
        self._losses = losses

    def add(self, part: Part, at: str) -> None:
        if getattr(part, "cache", None) is not None:
            self._losses.drop(f"{at}.cache_control")
        if not self._take(part, at):
            self._losses.drop(at)
            return
        self.said = True

    def body(self, role: str) -> dict[str, Any]:
        # A model's text was cut into parts, a user's was written as parts.
        joint = "" if role == "assistant" else "\n"
        body: dict[str, Any] = {"role": role, "content": joint.join(self._texts)}
        if self._images:
            body["images"] = self._images
        if self._thoughts:
            body["thinking"] = "\n".join(self._thoughts)
        if self._calls:
            body["tool_calls"] = self._calls
        return body

    def _take(self, part: Part, at: str) -> bool:
        """Whether there is a place for it."""
        match part:
            case Text():
                self._texts.append(part.text)
                if part.citations:
                    self._losses.drop(f"{at}.citations")
            case Refusal():
                self._texts.append(part.text)
            case Image() if part.source.data is not None:
                self._images.append(part.source.data)
                if part.detail is not None:
                    self._losses.drop(f"{at}.detail")
            case Document() if (text := document_text(part)) is not None:
                self._texts.append(text)
                if part.cite:
                    self._losses.drop(f"{at}.citations")
            case Thinking() if part.redacted is None and (
                not part.signature or part.format is Format.OLLAMA_CHAT
            ):
                self._thoughts.append(part.text)
            case ToolUse():
                self._calls.append(_call(part))
                if part.custom:
                    self._losses.drop(at)
            case _:
                return False
        return True


def document_text(document: Document) -> str | None:
    """A text document as text, under what it is called; None for any other."""
    text = text_of(document.source)
    if text is None:
        return None
    pieces = (document.title, document.context, text)
    return "\n".join(piece for piece in pieces if piece)


def _results(message: Message, at: str, names: dict[str, str], losses: Losses) -> list[dict[str, Any]]:
    """Each is a message of its own, in front of what the user says."""
    written: list[dict[str, Any]] = []
    for number, result in enumerate(message.parts):
        if not isinstance(result, ToolResult):
            continue
        place = f"{at}.content[{number}]"
        texts: list[str] = []
        images: list[str] = []
        for index, part in enumerate(result.parts):
            match part:
                case Text():
                    texts.append(part.text)
                case Document() if (text := document_text(part)) is not None:
                    texts.append(text)
                case Image() if part.source.data is not None:
                    images.append(part.source.data)
                case _:
                    losses.drop(f"{place}.content[{index}]")
        if result.is_error:
            losses.drop(f"{place}.is_error")
        if result.cache is not None:
            losses.drop(f"{place}.cache_control")
        body: dict[str, Any] = {"role": "tool", "content": "\n".join(texts), "tool_call_id": result.id}
        name = result.name or names.get(result.id)
        if name is not None:
            body["tool_name"] = name
        if images:
            body["images"] = images
        written.append(body)
    return written


def _call(use: ToolUse) -> dict[str, Any]:
    return {"id": use.id, "function": {"name": use.name, "arguments": arguments_object(use)}}
