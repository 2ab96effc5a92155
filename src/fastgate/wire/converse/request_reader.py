"""A client's Converse request, read into a conversation."""

from typing import Final

import msgspec

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Foreign,
    Message,
    Part,
    Places,
    Role,
    Schema,
    Tool,
    ToolChoice,
)
from fastgate.domain.format import Format
from fastgate.wire.converse import shapes
from fastgate.wire.converse.block_reader import Block, MalformedBlock, cache_for, read_parts
from fastgate.wire.converse.known import BLOCK, CACHE_POINT
from fastgate.wire.converse.model_fields import MODEL_FIELDS, ReadFields
from fastgate.wire.interface import raw as raw_json
from fastgate.wire.reading import MEMBERS, decoded, invalid, json_object, too_deep
from fastgate.wire.unread import Known, Unread


class _Inference(msgspec.Struct):
    maxTokens: int | None = None
    temperature: float | None = None
    topP: float | None = None
    stopSequences: list[str] | None = None


class _InputSchema(msgspec.Struct):
    json: msgspec.Raw


class _ToolSpec(msgspec.Struct):
    name: str
    inputSchema: _InputSchema
    description: str | None = None
    strict: bool | None = None


class _Named(msgspec.Struct):
    name: str


class _Choice(msgspec.Struct):
    """A union. `auto` and `any` are empty objects."""

    auto: dict[str, msgspec.Raw] | None = None
    any: dict[str, msgspec.Raw] | None = None
    tool: _Named | None = None


class _ToolConfig(msgspec.Struct):
    tools: list[Block]
    toolChoice: _Choice | None = None


class _JsonSchema(msgspec.Struct):
    schema: str
    name: str | None = None
    description: str | None = None


class _Structure(msgspec.Struct):
    jsonSchema: _JsonSchema | None = None


class _TextFormat(msgspec.Struct):
    structure: _Structure


class _OutputConfig(msgspec.Struct):
    textFormat: _TextFormat | None = None
    effort: str | None = None


class _ServiceTier(msgspec.Struct):
    type: str


class _Request(msgspec.Struct):
    messages: list[shapes.Message] | None = None
    system: list[Block] | None = None
    inferenceConfig: _Inference | None = None
    toolConfig: _ToolConfig | None = None
    additionalModelRequestFields: ReadFields | None = None
    outputConfig: _OutputConfig | None = None
    serviceTier: _ServiceTier | None = None
    requestMetadata: dict[str, str] | None = None


_NEUTRAL: Final = frozenset(_Request.__struct_fields__)
_UNDERSTOOD: Final = frozenset(ReadFields.__struct_fields__)

_requests: Final = msgspec.json.Decoder(_Request)
_optional: Final = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_specs: Final = msgspec.json.Decoder(_ToolSpec)
_points: Final = msgspec.json.Decoder(shapes.CachePoint)

_unread: Final = Unread(
    Known(
        _Request,
        kept=True,
        messages=Known(shapes.Message, content=BLOCK),
        system=BLOCK,
        toolConfig=Known(
            _ToolConfig,
            tools=Known(kept=True, toolSpec=Known(_ToolSpec), cachePoint=CACHE_POINT),
            toolChoice=Known(_Choice, auto=Known(), any=Known()),
        ),
        additionalModelRequestFields=Known(ReadFields, kept=True),
        outputConfig=Known(_OutputConfig, textFormat=Known(_TextFormat, also=("type",))),
    )
)

_ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}


def read_request(body: bytes) -> Conversation:
    """GatewayError invalid_field."""
    request = decoded(_requests, body)
    inference = request.inferenceConfig or _Inference()
    fields = request.additionalModelRequestFields or ReadFields()
    output = request.outputConfig or _OutputConfig()
    config = request.toolConfig
    messages, places = _messages(request)
    tools, tool_places = _tools(config.tools) if config else ((), ())
    return Conversation(
        format=Format.CONVERSE,
        messages=messages,
        tools=tools,
        tool_choice=_tool_choice(config.toolChoice) if config and config.toolChoice else None,
        max_output_tokens=inference.maxTokens,
        temperature=inference.temperature,
        top_p=inference.topP,
        top_k=fields.limit(),
        stop=tuple(inference.stopSequences or ()),
        output_schema=_schema(output.textFormat),
        reasoning=fields.wish(output.effort),
        service_tier=request.serviceTier.type if request.serviceTier else None,
        metadata=dict(request.requestMetadata) if request.requestMetadata else None,
        extra=_extra(body) | _unread.of(body),
        places=Places(parts=places, tools=tool_places),
    )


def _extra(body: bytes) -> dict[str, msgspec.Raw]:
    """What has no neutral meaning; of the model's own fields those that are not understood."""
    members = MEMBERS.decode(body)
    extra = {name: raw for name, raw in members.items() if name not in _NEUTRAL}
    own = members.get(MODEL_FIELDS)
    if own is not None:
        rest = {name: raw for name, raw in (_optional.decode(own) or {}).items() if name not in _UNDERSTOOD}
        if rest:
            extra[MODEL_FIELDS] = raw_json(rest)
    return extra


_Paths = str | tuple[str, ...]


def _messages(request: _Request) -> tuple[tuple[Message, ...], tuple[_Paths, ...]]:
    """The messages, and `Places.parts` of them."""
    out = []
    places = []
    if request.system:
        parts, paths = _parts(request.system, "system")
        out.append(Message(role=Role.SYSTEM, parts=parts))
        places.append(paths)
    for index, message in enumerate(request.messages or ()):
        role = _ROLES.get(message.role)
        if role is None:
            raise invalid(f"messages[{index}].role", "A role is user, assistant or system")
        parts, paths = _parts(message.content, f"messages[{index}].content")
        out.append(Message(role=role, parts=parts))
        places.append(paths)
    return tuple(out), tuple(places)


def _parts(content: list[Block], path: str) -> tuple[tuple[Part, ...], _Paths]:
    places: list[int] = []
    try:
        parts = read_parts(content, places)
    except MalformedBlock as error:
        raise invalid(path + error.path, error.reason) from None
    except RecursionError:
        raise too_deep() from None
    if len(parts) == len(content):
        return parts, path
    return parts, tuple([f"{path}[{index}]" for index in places])


def _tools(listed: list[Block]) -> tuple[tuple[Tool | Foreign, ...], tuple[str, ...]]:
    """The tools, and `Places.tools` of them."""
    tools: list[Tool | Foreign] = []
    places: list[str] = []
    for index, entry in enumerate(listed):
        path = f"toolConfig.tools[{index}]"
        if len(entry) != 1:
            raise invalid(path, "Expected exactly one kind of tool")
        ((kind, raw),) = entry.items()
        if kind == "toolSpec":
            spec = decoded(_specs, raw, f"{path}.toolSpec")
            tools.append(
                Tool(
                    name=spec.name,
                    description=spec.description,
                    parameters=json_object(spec.inputSchema.json, f"{path}.toolSpec.inputSchema.json"),
                    strict=spec.strict,
                )
            )
            places.append(f"{path}.toolSpec")
            continue
        last = tools[-1] if tools else None
        if kind == "cachePoint" and isinstance(last, Tool) and last.cache is None:
            cache = cache_for(decoded(_points, raw, f"{path}.cachePoint"))
            if cache is not None:
                tools[-1] = msgspec.structs.replace(last, cache=cache)
                continue
        tools.append(Foreign(format=Format.CONVERSE, kind=kind, raw=raw))
        places.append(path)
    return tuple(tools), tuple(places)


def _tool_choice(choice: _Choice) -> ToolChoice | None:
    if choice.tool is not None:
        return ToolChoice(choosing=Choosing.REQUIRED, names=(choice.tool.name,))
    if choice.any is not None:
        return ToolChoice(choosing=Choosing.REQUIRED)
    return None if choice.auto is None else ToolChoice(choosing=Choosing.AUTO)


def _schema(wanted: _TextFormat | None) -> Schema | None:
    """The schema stands in a string."""
    if wanted is None or wanted.structure.jsonSchema is None:
        return None
    said = wanted.structure.jsonSchema
    path = "outputConfig.textFormat.structure.jsonSchema.schema"
    schema = json_object(msgspec.Raw(said.schema.encode("utf-8", "surrogatepass")), path)
    return Schema(schema=schema, name=said.name, description=said.description)
