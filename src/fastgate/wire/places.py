"""Where a client wrote the messages, parts and tools of a `Conversation`, to name those that are left out.

A writer knows them by their places in the conversation (`messages[1].content[0]`), which are the client's
only as long as its format has system messages, parts and tools in the same lists.
"""

import re
from collections.abc import Callable
from typing import Final

from fastgate.domain.conversation import Conversation, Text, ToolResult
from fastgate.domain.format import Format
from fastgate.wire.interface import Request

_PARTS: Final = re.compile(r"messages\[(\d+)\]\.content(?:\[(\d+)\](?:\.content\[(\d+)\])?)?")
_TOOL: Final = re.compile(r"tools\[(\d+)\]")
_RESULTS: Final = {
    Format.RESPONSES: "output",
    Format.CONVERSE: "toolResult.content",
    Format.GENERATE_CONTENT: "functionResponse.parts",
}
"""Where what a tool answered stands within its part; else in `content`."""
_CITATIONS: Final = {Format.RESPONSES: "annotations", Format.CONVERSE: "citationsContent.citations"}
"""What the citations of a text are called."""


def client_names(request: Request) -> Callable[[str], str]:
    """For `Losses`: what the client calls what a writer names by its place."""
    if not isinstance(request, Conversation):
        return str
    return lambda name: _client_name(request, name)


def _client_name(request: Conversation, name: str) -> str:
    found = _PARTS.match(name)
    if found is not None:
        return _path(request, found, name[found.end() :])
    found = _TOOL.match(name)
    if found is not None and request.places.tools:
        return request.places.tools[int(found[1])] + name[found.end() :]
    return name


def _path(request: Conversation, found: re.Match[str], field: str) -> str:
    index, place, inner = (None if each is None else int(each) for each in found.groups())
    assert index is not None
    parts = request.places.parts[index] if request.places.parts else None
    if not parts:
        return found[0] + field
    if place is None:
        return (parts if isinstance(parts, str) else _around(parts)) + field
    path = f"{parts}[{place}]" if isinstance(parts, str) else parts[place]
    part = request.messages[index].parts[place]
    if isinstance(part, ToolResult) and inner is not None:
        return f"{path}.{_inner(request.format, part, inner)}{field}"
    if isinstance(part, Text) and field == ".citations":
        return f"{path}.{_CITATIONS.get(request.format, 'citations')}"
    return path + field


def _around(parts: tuple[str, ...]) -> str:
    """What the first of them stands in."""
    return parts[0].rpartition("[")[0] or parts[0]


def _inner(format_: Format, result: ToolResult, inner: int) -> str:
    name = _RESULTS.get(format_, "content")
    if format_ is Format.GENERATE_CONTENT:
        # Its texts are of the response itself, and stand in front.
        texts = sum(isinstance(each, Text) for each in result.parts)
        return "functionResponse.response" if inner < texts else f"{name}[{inner - texts}]"
    return f"{name}[{inner}]"
