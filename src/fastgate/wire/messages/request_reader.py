"""Bodies for the Messages API, token counting among them, as a `Conversation`."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import (
    CacheFor,
    Choosing,
    Conversation,
    Effort,
    Foreign,
    Message,
    Part,
    Places,
    Reasoning,
    Role,
    Schema,
    Tool,
    ToolChoice,
)
from fastgate.domain.format import Format
from fastgate.wire.messages.block_reader import KNOWN, KNOWN_CACHE_CONTROL, BlockError, BlockReader
from fastgate.wire.messages.thread import refuse_thread
from fastgate.wire.reading import (
    MEMBERS,
    Members,
    decoded,
    invalid,
    is_absent,
    json_object,
    missing,
    too_deep,
)
from fastgate.wire.seals import carries_seals
from fastgate.wire.unread import Kinds, Known, Unread

_ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_CHOICES: Final = {
    "auto": Choosing.AUTO,
    "any": Choosing.REQUIRED,
    "tool": Choosing.REQUIRED,
    "none": Choosing.NONE,
}
_TTLS: Final = {"5m": CacheFor.FIVE_MINUTES, "1h": CacheFor.ONE_HOUR}
_READ: Final = frozenset(
    (
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "service_tier",
        "anthropic_version",
        "provider_options",
    )
)
_NO_CONTENT: Final = msgspec.Raw(b"[]")
_KNOWN_EFFORTS: Final = frozenset(Effort)


class MessagesConversation(Conversation, kw_only=True):
    """`written` are the contents of `messages` as the client wrote them, for the vendor's other hosts: there
    members without a neutral meaning stay where they are. None of one with another vendor's seal in it."""

    written: tuple[msgspec.Raw | None, ...] = ()


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = _NO_CONTENT


class _CacheControl(msgspec.Struct):
    ttl: str | None = None


class _Tool(msgspec.Struct):
    name: str
    input_schema: msgspec.Raw
    description: str | None = None
    strict: bool | None = None
    cache_control: _CacheControl | None = None


class _Kind(msgspec.Struct):
    type: str | None = None


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


class _OutputFormat(msgspec.Struct):
    type: str
    schema: msgspec.Raw = msgspec.Raw()


class _OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: _OutputFormat | None = None


class _Metadata(msgspec.Struct):
    user_id: str | None = None


_OF_TOOLS: Final = frozenset((*_Tool.__struct_fields__, "type"))
_TOOL: Final = Known(_Tool, kept=True, cache_control=KNOWN_CACHE_CONTROL)
_unread: Final = Unread(
    Known(
        kept=True,
        system=KNOWN,
        messages=Known(_Message, content=KNOWN),
        tools=Kinds("type", {None: _TOOL, "custom": _TOOL}),
        tool_choice=Known(_Choice),
        thinking=Known(_Thinking),
        output_config=Known(_OutputConfig, kept=True),
        metadata=Known(_Metadata),
    )
)


def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


_contents: Final = _decoder(str | list[msgspec.Raw] | None)
_kinds: Final = _decoder(_Kind)
_tools: Final = _decoder(_Tool)
_FIELDS: Final = {
    "messages": _decoder(list[_Message]),
    "max_tokens": _decoder(int | None),
    "temperature": _decoder(float | None),
    "top_p": _decoder(float | None),
    "top_k": _decoder(int | None),
    "stop_sequences": _decoder(list[str] | None),
    "tools": _decoder(list[msgspec.Raw] | None),
    "tool_choice": _decoder(_Choice | None),
    "thinking": _decoder(_Thinking | None),
    "output_config": _decoder(_OutputConfig | None),
    "metadata": _decoder(_Metadata | None),
    "service_tier": _decoder(str | None),
    "provider_options": _decoder(dict[str, Members] | None),
}


def read_request(body: bytes, own: Format) -> Conversation:
    """`body` is a valid JSON object; `own` is MESSAGES or INVOKE. GatewayError `missing_field`,
    `invalid_field`, and `unsupported_field` for a thread."""
    try:
        return _RequestReader(body, own).conversation()
    except RecursionError:
        raise too_deep() from None


class _RequestReader:
    def __init__(self, body: bytes, own: Format) -> None:
        self._own = own
        self._body: Members = MEMBERS.decode(body)
        self._written: list[msgspec.Raw | None] = []
        self._places: list[str | tuple[str, ...]] = []
        self._unread = _unread.of(body)

    def conversation(self) -> Conversation:
        refuse_thread(self._body)
        request = MessagesConversation(
            format=self._own,
            messages=self._messages(),
            written=tuple(self._written),
            max_output_tokens=self._field("max_tokens"),
            temperature=self._field("temperature"),
            top_p=self._field("top_p"),
            top_k=self._field("top_k"),
            stop=tuple(self._field("stop_sequences") or ()),
            service_tier=self._field("service_tier"),
            extra={name: value for name, value in self._body.items() if name not in _READ} | self._unread,
            options=self._field("provider_options") or {},
            places=Places(parts=tuple(self._places)),
        )
        if "tools" in self._body:
            request.tools = self._tools()
        if "tool_choice" in self._body:
            self._read_choice(request)
        if "thinking" in self._body or "output_config" in self._body:
            self._read_output(request)
        metadata: _Metadata | None = self._field("metadata")
        request.user = None if metadata is None else metadata.user_id
        return request

    def _field(self, name: str) -> Any:
        value = self._body.get(name)
        return None if value is None else decoded(_FIELDS[name], value, name)

    def _messages(self) -> tuple[Message, ...]:
        out = []
        system = self._body.get("system", _NO_CONTENT)
        if bytes(system) not in (b"null", b'""', b"[]"):
            out.append(Message(role=Role.SYSTEM, parts=self._parts(system, "system")))
        messages: list[_Message] | None = self._field("messages")
        if messages is None:
            missing("messages")
        for index, message in enumerate(messages):
            role = _ROLES.get(message.role)
            if role is None:
                raise invalid(f"messages[{index}].role", "It is none of user, assistant and system")
            parts = self._parts(message.content, f"messages[{index}].content")
            out.append(Message(role=role, parts=parts))
        return tuple(out)

    def _parts(self, content: msgspec.Raw, where: str) -> tuple[Part, ...]:
        self._written.append(None if carries_seals(self._own, bytes(content)) else content)
        said = decoded(_contents, content, where) or ""
        reader = BlockReader(self._own)
        try:
            parts = reader.parts(said)
        except BlockError as error:
            raise invalid(where + error.path, str(error)) from None
        self._places.append(where if len(parts) == len(said) else _kept(where, len(said), reader.skipped))
        return parts

    def _tools(self) -> tuple[Tool | Foreign, ...]:
        out: list[Tool | Foreign] = []
        for index, raw in enumerate(self._field("tools") or ()):
            at = f"tools[{index}]"
            kind = decoded(_kinds, raw, at).type
            own = kind in (None, "custom")
            out.append(_tool(raw, at) if own else Foreign(format=self._own, kind=kind, raw=raw))
        return tuple(out)

    def _read_choice(self, request: Conversation) -> None:
        said: _Choice | None = self._field("tool_choice")
        if said is None:
            return
        choosing = _CHOICES.get(said.type)
        if choosing is None:
            raise invalid("tool_choice.type", "It is none of auto, any, tool and none")
        if said.type == "tool" and said.name is None:
            missing("tool_choice.name")
        names = (said.name,) if said.type == "tool" and said.name is not None else ()
        request.tool_choice = ToolChoice(choosing=choosing, names=names)
        if said.disable_parallel_tool_use is not None:
            request.parallel_tools = not said.disable_parallel_tool_use

    def _read_output(self, request: Conversation) -> None:
        """A kind of thinking, or an effort, that has no neutral word is an extra."""
        wish: dict[str, Any] = {}
        thinking: _Thinking | None = self._field("thinking")
        if thinking is not None:
            if thinking.type == "enabled":
                wish["budget_tokens"] = thinking.budget_tokens
            elif thinking.type == "adaptive":
                wish["adaptive"] = True
            elif thinking.type == "disabled":
                wish["off"] = True
            else:
                request.extra["thinking"] = self._body["thinking"]
            if thinking.display is not None:
                wish["shown"] = thinking.display != "omitted"
        config: _OutputConfig | None = self._field("output_config")
        if config is not None:
            if config.effort in _KNOWN_EFFORTS:
                wish["effort"] = Effort(config.effort)
            if config.format is not None and config.format.type == "json_schema":
                if is_absent(config.format.schema):
                    missing("output_config.format.schema")
                schema = json_object(config.format.schema, "output_config.format.schema")
                request.output_schema = Schema(schema=schema)
            rest: Members = MEMBERS.decode(self._body["output_config"])
            if config.effort is None or "effort" in wish:
                rest.pop("effort", None)
            if config.format is None or request.output_schema is not None:
                rest.pop("format", None)
            if rest:
                request.extra["output_config"] = msgspec.Raw(msgspec.json.encode(rest))
        if wish:
            request.reasoning = Reasoning(**wish)


def _kept(where: str, count: int, skipped: list[int]) -> str | tuple[str, ...]:
    """The places of those blocks that are parts."""
    if not skipped:
        return where
    return tuple([f"{where}[{index}]" for index in range(count) if index not in skipped])


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    said: _Tool = decoded(_tools, raw, at)
    members: Members = MEMBERS.decode(raw)
    cache = said.cache_control
    return Tool(
        name=said.name,
        description=said.description,
        parameters=json_object(said.input_schema, f"{at}.input_schema"),
        strict=said.strict,
        cache=None if cache is None else _TTLS.get(cache.ttl or "", CacheFor.DEFAULT),
        extra={name: value for name, value in members.items() if name not in _OF_TOOLS},
    )
