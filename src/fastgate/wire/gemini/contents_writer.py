"""Messages of a conversation as `contents` and `systemInstruction`."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import (
    Audio,
    Conversation,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format
from fastgate.wire.addresses import web_url
from fastgate.wire.gemini.media import is_own_file, media_type, text_data
from fastgate.wire.gemini.models import GEMINI_3, generation
from fastgate.wire.gemini.seal import UNSIGNED
from fastgate.wire.gemini.shapes import MEMBERS
from fastgate.wire.interface import Losses
from fastgate.wire.tools import arguments_object, object_in

Member = dict[str, Any]

_SYSTEM: Final = (Role.SYSTEM, Role.DEVELOPER)
_LEVELS: Final = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}


class ContentsWriter:
    """Of one request. `vertex`: v1 there knows no ids of calls, and matches responses by name and order."""

    def __init__(self, conversation: Conversation, model: str, losses: Losses, *, vertex: bool) -> None:
        self._conversation = conversation
        self._losses = losses
        self._vertex = vertex
        self._newest = generation(model) >= GEMINI_3
        self._names = conversation.names()
        self._contents: list[Member] = []

    def write(self) -> Member:
        """`contents`, and `systemInstruction` of the system messages in front."""
        messages = self._conversation.messages
        system: list[Member] = []
        for index, message in enumerate(messages):
            if message.role in _SYSTEM and not self._contents:
                system += self._parts(message, index)
            else:
                self._add(message, index)
        if not self._contents:
            # Gemini answers no instruction alone.
            return {"contents": [{"role": "user", "parts": system}]}
        if self._newest:
            self._sign_current_turn()
        body: Member = {"contents": self._contents}
        if system:
            body["systemInstruction"] = {"parts": system}
        return body

    def _add(self, message: Message, index: int) -> None:
        """A system message among the others keeps its place, as the user's words."""
        if message.name is not None:
            self._losses.drop(f"messages[{index}].name")
        parts = self._parts(message, index)
        if message.role is Role.ASSISTANT:
            self._put("model", parts)
            return
        # The turn behind function calls has the responses to them and nothing else.
        results = [part for part in parts if "functionResponse" in part]
        self._put("user", self._in_order(results), responses=True)
        self._put("user", [part for part in parts if "functionResponse" not in part])

    def _put(self, role: str, parts: list[Member], *, responses: bool = False) -> None:
        if not parts:
            return
        last = self._contents[-1] if self._contents else None
        if (
            last is not None
            and last["role"] == role
            and ("functionResponse" in last["parts"][0]) is responses
        ):
            last["parts"] += parts
        else:
            self._contents.append({"role": role, "parts": parts})

    def _in_order(self, results: list[Member]) -> list[Member]:
        """In the order of the calls, where the order is all that tells those of one name apart."""
        if not self._vertex:
            return results
        order = {id_: place for place, id_ in enumerate(self._names)}
        results.sort(key=lambda part: order.get(part["functionResponse"].pop("id"), len(order)))
        return results

    def _parts(self, message: Message, index: int) -> list[Member]:
        parts: list[Member] = []
        for place, part in enumerate(message.parts):
            where = f"messages[{index}].content[{place}]"
            if getattr(part, "cache", None) is not None:
                self._losses.drop(f"{where}.cache_control")
            parts += self._part(part, where)
        return parts

    def _part(self, part: Part, where: str) -> list[Member]:
        match part:
            case Text():
                if part.citations:
                    self._losses.drop(f"{where}.citations")
                # Vertex refuses a text that is empty and unsigned.
                return [_signed({"text": part.text}, part.signature)] if part.text or part.signature else []
            case Refusal():
                return [{"text": part.text}]
            case Thinking():
                return self._thinking(part, where)
            case ToolUse():
                return [self._call(part)]
            case ToolResult():
                return self._result(part, where)
            case Image() | Document() | Audio() | Video():
                return self._media(part, where)
            case Foreign():
                if part.format is Format.GENERATE_CONTENT:
                    return [MEMBERS.decode(part.raw)]
                self._losses.drop(where)
                return []

    def _thinking(self, part: Thinking, where: str) -> list[Member]:
        if part.format is not Format.GENERATE_CONTENT:
            self._losses.drop(where)
            return []
        return [_signed({"text": part.text, "thought": True}, part.signature)]

    def _call(self, part: ToolUse) -> Member:
        call: Member = {} if self._vertex else {"id": part.id}
        call["name"] = part.name
        call["args"] = arguments_object(part)
        return _signed({"functionCall": call}, part.signature)

    def _result(self, part: ToolResult, where: str) -> list[Member]:
        """Media of a result stand in it since Gemini 3, and behind it before."""
        texts: list[str] = []
        media: list[Member] = []
        for place, each in enumerate(part.parts):
            if isinstance(each, Text):
                texts.append(each.text)
            elif isinstance(each, Image | Document):
                media += self._media(each, f"{where}.content[{place}]")
            else:
                self._losses.drop(f"{where}.content[{place}]")
        response: Member = {
            "id": part.id,
            "name": part.name or self._names.get(part.id) or part.id,
            "response": _response(texts, is_error=part.is_error),
        }
        if media and self._newest:
            response["parts"] = media
            return [{"functionResponse": response}]
        return [{"functionResponse": response}, *media]

    def _media(self, part: Image | Document | Audio | Video, where: str) -> list[Member]:
        source = part.source
        member: Member
        if source.data is not None or source.text is not None:
            data = text_data(source.text) if source.text is not None else source.data
            member = {"inlineData": {"mimeType": media_type(part), "data": data}}
        elif source.url is not None and (is_own_file(source.url) or web_url(source) is not None):
            member = {"fileData": {"mimeType": media_type(part), "fileUri": source.url}}
        elif source.file_id is not None and is_own_file(source.file_id):
            member = {"fileData": {"fileUri": source.file_id}}
            if source.media_type:
                member["fileData"]["mimeType"] = source.media_type
        else:
            self._losses.drop(where)
            return []
        if isinstance(part, Image):
            self._describe_image(part, member, where)
        elif isinstance(part, Document):
            self._describe_document(part, next(iter(member.values())), where)
        return [member]

    def _describe_image(self, part: Image, member: Member, where: str) -> None:
        _signed(member, part.signature)
        if part.detail in _LEVELS and self._newest:
            member["mediaResolution"] = {"level": _LEVELS[part.detail]}
        elif part.detail not in {None, "auto"}:
            self._losses.drop(f"{where}.detail")

    def _describe_document(self, part: Document, file: Member, where: str) -> None:
        if part.title is not None:
            if self._vertex:
                file["displayName"] = part.title
            else:
                self._losses.drop(f"{where}.title")
        if part.context is not None:
            self._losses.drop(f"{where}.context")
        if part.cite:
            self._losses.drop(f"{where}.citations")

    def _sign_current_turn(self) -> None:
        """Gemini 3 demands a signature of the first call in each of the model's steps since the user last
        said something; earlier turns are not looked at."""
        for content in reversed(self._contents):
            if content["role"] == "user":
                if "functionResponse" not in content["parts"][0]:
                    return
                continue
            first = next((part for part in content["parts"] if "functionCall" in part), None)
            if first is not None:
                first.setdefault("thoughtSignature", UNSIGNED[0])


def _response(texts: list[str], *, is_error: bool) -> msgspec.Raw | Member:
    """Under the keys that Google documents. Output that is an object already, and cannot be taken for those,
    stays one."""
    if is_error:
        return {"error": texts if len(texts) > 1 else "".join(texts)}
    if len(texts) != 1:
        return {"output": texts} if texts else {}
    text = texts[0]
    if not text.startswith("{"):
        return {"output": text}
    written = object_in(text)
    if written is None or set(MEMBERS.decode(written)) <= {"output", "result", "error"}:
        return {"output": text}
    return written


def _signed(part: Member, signature: str | None) -> Member:
    if signature is not None:
        part["thoughtSignature"] = signature
    return part
