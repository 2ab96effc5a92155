"""Tools of a request for a chat and the choice among them, read into neutral ones."""

from typing import Final

import msgspec

from fastgate.domain.conversation import CacheFor, Choosing, Foreign, Tool, ToolChoice
from fastgate.domain.format import Format
from fastgate.wire.chat.message_reader import cache_of
from fastgate.wire.chat.shapes import ChatRequest, ChatTool, Function, Named, NamedChoice
from fastgate.wire.reading import MEMBERS, Members, decoded, json_object, missing

_tools: Final = msgspec.json.Decoder(ChatTool)
_OF_ALL: Final = frozenset({"type", "cache_control"})


def read_tools(request: ChatRequest) -> tuple[Tool | Foreign, ...]:
    """Those of today, or where there is none of them the functions of old. GatewayError `missing_field`,
    `invalid_field`."""
    if request.tools:
        return tuple([_tool(tool, f"tools[{index}]") for index, tool in enumerate(request.tools)])
    functions = enumerate(request.functions or ())
    return tuple([_function(function, f"functions[{index}]") for index, function in functions])


def function_paths(request: ChatRequest) -> tuple[str, ...]:
    """Where the tools are that `read_tools` gives; nothing where that is `tools`."""
    if request.tools:
        return ()
    return tuple([f"functions[{index}]" for index in range(len(request.functions or ()))])


def read_choice(request: ChatRequest) -> ToolChoice | None:
    choice = request.tool_choice
    if choice is None:
        call = request.function_call
        if isinstance(call, Named):
            return ToolChoice(choosing=Choosing.REQUIRED, names=(call.name,))
        return None if call is None else ToolChoice(choosing=Choosing(call))
    if isinstance(choice, NamedChoice):
        return _named(choice)
    # "any" is Mistral's word.
    return ToolChoice(choosing=Choosing.REQUIRED if choice == "any" else Choosing(choice))


def _named(choice: NamedChoice) -> ToolChoice:
    if choice.type == "allowed_tools":
        allowed = choice.allowed_tools or missing("tool_choice.allowed_tools")
        named = [tool.function or tool.custom for tool in allowed.tools]
        names = tuple(
            each.name if each is not None else missing(f"tool_choice.allowed_tools.tools[{index}].function")
            for index, each in enumerate(named)
        )
        return ToolChoice(choosing=Choosing(allowed.mode), names=names)
    only = (choice.custom if choice.type == "custom" else choice.function) or missing(
        f"tool_choice.{choice.type}"
    )
    return ToolChoice(choosing=Choosing.REQUIRED, names=(only.name,))


def _tool(written: msgspec.Raw, at: str) -> Tool | Foreign:
    tool = decoded(_tools, written, at)
    if tool.type == "function":
        function = tool.function or missing(f"{at}.function")
        return _function(function, f"{at}.function", cache_of(tool), _extra(tool, written))
    if tool.type == "custom":
        custom = tool.custom or missing(f"{at}.custom")
        return Tool(
            name=custom.name,
            description=custom.description,
            parameters=json_object(custom.format, f"{at}.custom.format"),
            custom=True,
            cache=cache_of(tool),
            extra=_extra(tool, written),
        )
    return Foreign(format=Format.CHAT, kind=tool.type, raw=written)


def _function(
    function: Function, at: str, cache: CacheFor | None = None, extra: Members | None = None
) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        parameters=json_object(function.parameters, f"{at}.parameters"),
        strict=function.strict,
        cache=cache,
        extra=extra or {},
    )


def _extra(tool: ChatTool, written: msgspec.Raw) -> Members:
    """What stands beside the member that the tool's type names."""
    members = MEMBERS.decode(written)
    if len(members) == 2:
        return {}
    return {name: value for name, value in members.items() if name != tool.type and name not in _OF_ALL}
