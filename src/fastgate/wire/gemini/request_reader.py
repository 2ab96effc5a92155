"""A client's `generateContent` into a `Conversation`."""

from typing import Final

import msgspec

from fastgate.domain.conversation import (
    Audio,
    Choosing,
    Conversation,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Places,
    Role,
    Tool,
    ToolChoice,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.gemini.asked_calls import AskedCalls
from fastgate.wire.gemini.config_reader import KNOWN_CONFIG, read_config
from fastgate.wire.gemini.known import CONTENT
from fastgate.wire.gemini.parts_reader import foreign_part, plain_part, result_of
from fastgate.wire.gemini.schema import json_schema
from fastgate.wire.gemini.seal import UNSIGNED
from fastgate.wire.gemini.shapes import (
    MEMBERS,
    Content,
    Shape,
    WrittenContent,
    listed,
    parts_in,
    written_parts,
)
from fastgate.wire.gemini.shapes import Part as PartShape
from fastgate.wire.gemini.spelling import camelled
from fastgate.wire.gemini.thoughts import with_whole_thoughts
from fastgate.wire.interface import raw
from fastgate.wire.reading import Members, decoded, invalid, is_absent, json_object
from fastgate.wire.unread import Known, Unread

_ROLES: Final = {
    None: Role.USER,
    "": Role.USER,
    "user": Role.USER,
    "function": Role.USER,
    "tool": Role.USER,
    "model": Role.ASSISTANT,
}
_READ: Final = frozenset(
    {
        "model",  # the path has it
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "labels",
        "serviceTier",
        "store",
    }
)
_CHOOSING: Final = {
    "AUTO": Choosing.AUTO,
    "VALIDATED": Choosing.AUTO,
    "ANY": Choosing.REQUIRED,
    "NONE": Choosing.NONE,
}
_TIERS: Final = {"standard": "default", "unspecified": None}


class _Declaration(Shape):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    parameters_json_schema: msgspec.Raw = msgspec.Raw()


class _Calling(Shape):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


_contents: Final[msgspec.json.Decoder[list[Content] | Content]] = msgspec.json.Decoder(
    list[Content] | Content
)
_written_contents: Final = msgspec.json.Decoder(WrittenContent)
_instructions: Final = msgspec.json.Decoder(Content | None)
_declaration_fields: Final = frozenset(_Declaration.__struct_encode_fields__)
_declarations: Final = msgspec.json.Decoder(_Declaration)
_callings: Final = msgspec.json.Decoder(_Calling | None)
_optional_members: Final = msgspec.json.Decoder(Members | None)
_texts: Final = msgspec.json.Decoder(str | None)
_flags: Final = msgspec.json.Decoder(bool | None)
_labels: Final = msgspec.json.Decoder(dict[str, str] | None)
_unread: Final = Unread(
    Known(
        kept=True,
        contents=CONTENT,
        systemInstruction=CONTENT,
        toolConfig=Known(kept=True, functionCallingConfig=Known(_Calling)),
        generationConfig=KNOWN_CONFIG,
    )
)


def read_request(body: bytes) -> Conversation:
    """`body` is a JSON object. GatewayError `invalid_field`, `missing_field`."""
    body = camelled(body)
    members = MEMBERS.decode(body)
    extra = {name: value for name, value in members.items() if name not in _READ}
    messages, places = _Messages(extra).read(members)
    tools, tool_places = _tools(members["tools"]) if "tools" in members else ((), ())
    conversation = Conversation(
        format=Format.GENERATE_CONTENT,
        messages=messages,
        tools=tuple(tools),
        extra=extra | _unread.of(body),
        places=Places(parts=places, tools=tuple(tool_places)),
    )
    if "toolConfig" in members:
        conversation.tool_choice = _tool_choice(members["toolConfig"], conversation.extra)
    if "generationConfig" in members:
        read_config(members["generationConfig"], conversation)
    if "labels" in members:
        conversation.metadata = decoded(_labels, members["labels"], "labels") or None
    if "serviceTier" in members:
        tier = decoded(_texts, members["serviceTier"], "serviceTier")
        conversation.service_tier = None if tier is None else _TIERS.get(tier.lower(), tier.lower())
    if "store" in members:
        conversation.store = decoded(_flags, members["store"], "store")
    return conversation


class _Messages:
    """Of one request. What stands beside a part and has no neutral meaning goes into `extra`, by its path."""

    def __init__(self, extra: Members) -> None:
        self._extra = extra
        self._calls = AskedCalls()

    def read(self, members: Members) -> tuple[tuple[Message, ...], tuple[str | tuple[str, ...], ...]]:
        """The messages, and `Places.parts` of them."""
        messages: list[Message] = []
        places: list[str] = []
        if "systemInstruction" in members:
            written = members["systemInstruction"]
            instruction = decoded(_instructions, written, "systemInstruction")
            if instruction is not None:
                parts = self._parts(instruction, written, "systemInstruction", 0)
                messages.append(Message(role=Role.SYSTEM, parts=parts))
                places.append("systemInstruction.parts")
        if "contents" not in members:
            raise GatewayError("missing_field", "The field 'contents' is missing.", param="contents")
        written = members["contents"]
        contents = decoded(_contents, written, "contents")
        for index, content in enumerate(contents if isinstance(contents, list) else [contents]):
            where = f"contents[{index}]"
            role = _ROLES.get(content.role)
            if role is None:
                raise invalid(f"{where}.role", "A role is 'user' or 'model'")
            messages.append(Message(role=role, parts=self._parts(content, written, where, index)))
            places.append(f"{where}.parts")
        return with_whole_thoughts(tuple(messages), places)

    def _parts(self, content: Content, written: msgspec.Raw, where: str, message: int) -> tuple[Part, ...]:
        """`written`: the content, or the list in which it is at `message`."""
        parts: list[Part] = []
        for index, shape in enumerate(parts_in(content)):
            if shape.text is None or bytes(shape.video_metadata):
                part = self._part(shape, f"{where}.parts[{index}]", message, index)
            else:
                part = plain_part(shape)
            if part is None:
                alone = _written_contents.decode(listed(written)[message])
                part = foreign_part(written_parts(alone)[index])
            parts.append(part)
        return tuple(parts)

    def _part(self, shape: PartShape, where: str, message: int, index: int) -> Part | None:
        if bytes(shape.video_metadata):
            self._extra[f"{where}.videoMetadata"] = shape.video_metadata
        call = shape.function_call
        if call is not None:
            if not call.name:
                raise invalid(f"{where}.functionCall.name", "A function call has a name")
            arguments = bytes(call.args).decode()
            if arguments in {"", "null"}:
                arguments = "{}"
            elif not arguments.startswith("{"):
                raise invalid(f"{where}.functionCall.args", "The arguments of a call are an object")
            return ToolUse(
                id=self._calls.called(call.id, call.name, message, index),
                name=call.name,
                arguments=arguments,
                signature=None if shape.thought_signature in UNSIGNED else shape.thought_signature,
            )
        response = shape.function_response
        if response is not None:
            id_ = self._calls.answered(response.id, response.name or "", message, index)
            try:
                return result_of(response, id_)
            except msgspec.ValidationError:
                raise invalid(f"{where}.functionResponse.response", "A response is an object") from None
        part = plain_part(shape)
        if bytes(shape.media_resolution) and (not isinstance(part, Image) or part.detail is None):
            self._extra[f"{where}.mediaResolution"] = shape.media_resolution
        if shape.thought_signature is not None and isinstance(part, Document | Audio | Video):
            self._extra[f"{where}.thoughtSignature"] = raw(shape.thought_signature)
        return part


def _items(value: msgspec.Raw, path: str) -> list[msgspec.Raw]:
    try:
        return listed(value)
    except msgspec.ValidationError:
        raise invalid(path, f"The field {path!r} is a list.") from None


def _tools(written: msgspec.Raw) -> tuple[list[Tool | Foreign], list[str]]:
    """Each function, and each other tool of Google's as the only one of its object; and `Places.tools`."""
    tools: list[Tool | Foreign] = []
    places: list[str] = []
    for index, tool in enumerate(_items(written, "tools")):
        for kind, value in decoded(MEMBERS, tool, f"tools[{index}]").items():
            path = f"tools[{index}].{kind}"
            if kind == "functionDeclarations":
                for place, each in enumerate(_items(value, path)):
                    places.append(f"{path}[{place}]")
                    tools.append(_tool(each, places[-1]))
            elif bytes(value) != b"null":
                alone = msgspec.Raw(msgspec.json.encode({kind: value}))
                places.append(path)
                tools.append(Foreign(format=Format.GENERATE_CONTENT, kind=kind, raw=alone))
    return tools, places


def _tool(written: msgspec.Raw, path: str) -> Tool:
    declaration = decoded(_declarations, written, path)
    parameters = json_object(declaration.parameters_json_schema, f"{path}.parametersJsonSchema")
    read = _declaration_fields
    if parameters is not None:
        read -= {"parameters"}
    elif not is_absent(declaration.parameters):
        parameters = json_schema(declaration.parameters, f"{path}.parameters")
    members = MEMBERS.decode(written)
    return Tool(
        name=declaration.name,
        description=declaration.description,
        parameters=parameters,
        extra={name: value for name, value in members.items() if name not in read},
    )


def _tool_choice(written: msgspec.Raw, extra: Members) -> ToolChoice | None:
    members = decoded(_optional_members, written, "toolConfig") or {}
    extra.update(
        {f"toolConfig.{name}": value for name, value in members.items() if name != "functionCallingConfig"}
    )
    path = "toolConfig.functionCallingConfig"
    calling = decoded(_callings, members.get("functionCallingConfig", b"null"), path)
    if calling is None or calling.mode in {None, "MODE_UNSPECIFIED"}:
        return None
    choosing = _CHOOSING.get((calling.mode or "").upper())
    if choosing is None:
        raise invalid(f"{path}.mode", "It is AUTO, ANY, NONE or VALIDATED")
    return ToolChoice(choosing=choosing, names=tuple(calling.allowed_function_names or ()))
