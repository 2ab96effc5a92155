"""Tools of a request for a chat and the choice among them, read into neutral ones."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Choosing, Foreign, Tool, ToolChoice
from fastgate.domain.format import Format
from fastgate.wire.chat.message_reader import cache_of, missing
from fastgate.wire.chat.shapes import ChatRequest, ChatTool, Function, Named, NamedChoice
from fastgate.wire.interface import raw


def read_tools(request: ChatRequest, body: bytes) -> tuple[Tool | Foreign, ...]:
    """Those of today, or where there is none of them the functions of old. GatewayError `missing_field`."""
    if request.tools:
        return tuple([_tool(tool, index, body) for index, tool in enumerate(request.tools)])
    return tuple([_function(function) for function in request.functions or ()])


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


def _tool(tool: ChatTool, index: int, body: bytes) -> Tool | Foreign:
    if tool.type == "function":
        function = tool.function or missing(f"tools[{index}].function")
        return _function(function, tool)
    if tool.type == "custom":
        custom = tool.custom or missing(f"tools[{index}].custom")
        return Tool(
            name=custom.name,
            description=custom.description,
            parameters=_given(custom.format),
            custom=True,
            cache=cache_of(tool),
        )
    decoded: Any = msgspec.json.decode(body)
    return Foreign(format=Format.CHAT, kind=tool.type, raw=raw(decoded["tools"][index]))


def _function(function: Function, tool: ChatTool | None = None) -> Tool:
    return Tool(
        name=function.name,
        description=function.description,
        parameters=_given(function.parameters),
        strict=function.strict,
        cache=None if tool is None else cache_of(tool),
    )


def _given(value: msgspec.Raw) -> msgspec.Raw | None:
    return None if bytes(value) in (b"", b"null") else value
