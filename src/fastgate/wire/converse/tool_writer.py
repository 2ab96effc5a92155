"""`toolConfig`: the tools of a conversation, and the choice among them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fastgate.domain.conversation import Choosing, Foreign, Tool, ToolResult, ToolUse
from fastgate.domain.format import Format
from fastgate.wire.converse.block_writer import Block, cache_point
from fastgate.wire.converse.family import Family
from fastgate.wire.converse.writing import Writing
from fastgate.wire.messages.schema import enforceable
from fastgate.wire.tools import NO_PARAMETERS, only_tools
from fastgate.wire.unsaid import drop_extra


class ToolWriter:
    """`config` is None where there are no tools. `members` are those of `additionalModelRequestFields` that
    limit Claude to a tool at a time, which Converse itself cannot ask for."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._request = writing.request
        self._called = list(self._names_called())
        self.config = self._config()
        self.members: dict[str, Any] = {}
        if self._request.parallel_tools is False and self.config is not None:
            self._take_turns(self.config)

    def _config(self) -> dict[str, Any] | None:
        choice = self._request.tool_choice
        choosing = choice.choosing if choice is not None else Choosing.AUTO
        if choosing is Choosing.NONE:
            # There is no such choice: without tools none can be called, but those of earlier turns must stay.
            if not self._called:
                return None
            self._writing.lose("tool_choice")
        tools = self._offered()
        config: dict[str, Any] = {"tools": tools}
        if choice is not None and choosing is Choosing.REQUIRED:
            names = {tool["toolSpec"]["name"] for tool in tools if "toolSpec" in tool}
            if names.issuperset(choice.names) and names:
                forced = len(choice.names) == 1
                config["toolChoice"] = {"tool": {"name": choice.names[0]}} if forced else {"any": {}}
            else:
                self._writing.lose("tool_choice")
        if not tools:
            # Bedrock refuses tool uses and results in a conversation without tools.
            config["tools"] = [_spec(name, None, NO_PARAMETERS) for name in self._called]
        return config if config["tools"] else None

    def _take_turns(self, config: dict[str, Any]) -> None:
        if self._writing.family is Family.CLAUDE and "toolChoice" not in config:
            self.members["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        else:
            self._writing.lose("parallel_tools")

    def _names_called(self) -> Iterator[str]:
        """Of the tools of earlier turns, each once."""
        seen = set()
        for message in self._request.messages:
            for part in message.parts:
                name = part.name if isinstance(part, ToolUse | ToolResult) else None
                if name is not None and name not in seen:
                    seen.add(name)
                    yield name

    def _offered(self) -> list[Block]:
        """A choice among some of the tools leaves the others out."""
        only = only_tools(self._request.tool_choice)
        out: list[Block] = []
        for index, tool in enumerate(self._request.tools):
            path = f"tools[{index}]"
            if isinstance(tool, Foreign):
                if tool.format is Format.CONVERSE:
                    out.append({tool.kind: tool.raw})
                else:
                    self._writing.losses.drop(path)
            elif tool.custom:
                self._writing.losses.drop(path)
            elif not only or tool.name in only:
                out += self._tool(tool, path)
        return out

    def _tool(self, tool: Tool, path: str) -> Iterator[Block]:
        schema = NO_PARAMETERS if tool.parameters is None else tool.parameters
        strict = bool(tool.strict) and self._can_be_strict(schema)
        if tool.strict and not strict:
            self._writing.losses.drop(f"{path}.strict")
        drop_extra(tool, path, self._writing.losses)
        yield _spec(tool.name, tool.description, schema, strict=strict)
        if tool.cache is None:
            return
        if self._writing.caches:
            yield cache_point(tool.cache)
        else:
            self._writing.losses.drop(f"{path}.cache_control")

    def _can_be_strict(self, schema: msgspec.Raw) -> bool:
        return self._writing.own or (self._writing.enforces and not enforceable(schema)[1])


def _spec(name: str, description: str | None, schema: msgspec.Raw, *, strict: bool = False) -> Block:
    spec: Block = {"name": name, "inputSchema": {"json": schema}}
    if description:
        spec["description"] = description
    if strict:
        spec["strict"] = True
    return {"toolSpec": spec}
