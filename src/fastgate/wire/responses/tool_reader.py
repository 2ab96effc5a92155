"""Tools and the choice among them. What OpenAI hosts is `Foreign`, and a choice of that is none."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Choosing, Foreign, Tool, ToolChoice
from fastgate.domain.format import Format
from fastgate.wire.interface import raw
from fastgate.wire.reading import MEMBERS, decoded, json_object, missing
from fastgate.wire.responses.shapes import Choice, CustomTool, FunctionTool, Grammar, Kind

_kinds: Final = msgspec.json.Decoder(Kind)
_functions: Final = msgspec.json.Decoder(FunctionTool)
_customs: Final = msgspec.json.Decoder(CustomTool)
_OF_FUNCTIONS: Final = frozenset((*FunctionTool.__struct_fields__, "type"))
_OF_CUSTOMS: Final = frozenset((*CustomTool.__struct_fields__, "type"))
_NOTHING: Final = frozenset({b"null", b"false"})
_NAMED: Final = frozenset({"function", "custom"})


def read_tools(tools: list[msgspec.Raw] | None) -> tuple[Tool | Foreign, ...]:
    """GatewayError `missing_field`, `invalid_field`."""
    return tuple([_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools or ())])


def read_choice(choice: str | Choice | None) -> ToolChoice | None:
    """None also for a choice that can only be said of tools that OpenAI hosts. GatewayError
    `missing_field`."""
    if choice is None or isinstance(choice, str):
        return None if choice is None else ToolChoice(choosing=Choosing(choice))
    if choice.type in _NAMED:
        return ToolChoice(choosing=Choosing.REQUIRED, names=(choice.name or missing("tool_choice.name"),))
    if choice.type != "allowed_tools":
        return None
    allowed = missing("tool_choice.tools") if choice.tools is None else choice.tools
    names = tuple(
        each.name or missing(f"tool_choice.tools[{index}].name")
        for index, each in enumerate(allowed)
        if each.type in _NAMED
    )
    # Without a name it would be a choice among all.
    return ToolChoice(choosing=Choosing(choice.mode or "auto"), names=names) if names else None


def _tool(tool: msgspec.Raw, where: str) -> Tool | Foreign:
    kind = decoded(_kinds, tool, where).type or missing(f"{where}.type")
    if kind == "function":
        function = decoded(_functions, tool, where)
        return Tool(
            name=function.name,
            description=function.description,
            parameters=json_object(function.parameters, f"{where}.parameters"),
            strict=function.strict,
            extra=_rest(tool, _OF_FUNCTIONS),
        )
    if kind == "custom":
        custom = decoded(_customs, tool, where)
        return Tool(
            name=custom.name,
            description=custom.description,
            parameters=None if custom.format is None else _grammar(custom.format),
            custom=True,
            extra=_rest(tool, _OF_CUSTOMS),
        )
    return Foreign(format=Format.RESPONSES, kind=kind, raw=tool)


def _grammar(format_: Grammar) -> msgspec.Raw | None:
    """In the shape of chat completions, which is the neutral one."""
    if format_.type != "grammar":
        return None
    grammar = {"syntax": format_.syntax, "definition": format_.definition}
    return raw({"type": "grammar", "grammar": grammar})


def _rest(tool: msgspec.Raw, known: frozenset[str]) -> dict[str, msgspec.Raw]:
    return {
        name: value
        for name, value in MEMBERS.decode(tool).items()
        if name not in known and bytes(value) not in _NOTHING
    }
