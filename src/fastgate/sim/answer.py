"""What a simulated model says: text, JSON for a schema, or a tool call. One word is one token."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import cycle, islice
from typing import Any

import msgspec

from fastgate.sim.reply import SimError
from fastgate.sim.schema import sample

_OPENING = "This is a simulated answer from fastgate sim, not from a language model."
_FILLER = "It goes on for as many tokens as it was told to."
_CHARS_PER_PIECE = 12


class Tool(msgspec.Struct, frozen=True):
    """A function that the caller offers; `parameters` is its JSON Schema."""

    name: str
    parameters: Any = None


class Answer(msgspec.Struct, frozen=True):
    """`pieces` joined are the text, or the arguments for `tool`; each piece counts as a token."""

    pieces: Sequence[str]
    encoded: Sequence[bytes]
    finish_reason: str
    tool: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        return len(self.pieces)


def answer(
    tokens: int,
    caps: Sequence[int | None],
    *,
    tools: Sequence[Tool] = (),
    tool_choice: Any = None,
    after_tool_result: bool = False,
    schema: Any = None,
) -> Answer:
    """A tool call where one is asked for or due, else JSON where a schema is given, else text.

    Caps shorten only text: half a JSON document would be no structured output.
    """
    if (tool := _chosen_tool(tools, tool_choice, after_tool_result)) is not None:
        return _json_answer(tool.parameters or {"type": "object"}, "tool_calls", tool.name)
    if schema is not None:
        return _json_answer(schema, "stop", None)
    cap = min((cap for cap in caps if cap is not None), default=tokens)
    if cap < tokens:
        return _text_answer(max(1, cap), "length")
    return _text_answer(tokens, "stop")


@lru_cache(maxsize=256)
def _text_answer(tokens: int, finish_reason: str) -> Answer:
    opening, filler = _OPENING.split(), _FILLER.split()
    words = [*opening, *islice(cycle(filler), max(0, tokens - len(opening)))][:tokens]
    pieces = (words[0], *(f" {word}" for word in words[1:]))
    return Answer(pieces, _encoded(pieces), finish_reason)


def _json_answer(schema: Any, finish_reason: str, tool: str | None) -> Answer:
    try:
        text = msgspec.json.encode(sample(schema)).decode()
    except ValueError as error:
        raise SimError(400, f"Invalid schema: {error}", code="invalid_json_schema") from error
    pieces = [text[i : i + _CHARS_PER_PIECE] for i in range(0, len(text), _CHARS_PER_PIECE)]
    return Answer(pieces, _encoded(pieces), finish_reason, tool)


def _encoded(pieces: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(msgspec.json.encode(piece) for piece in pieces)


def _chosen_tool(tools: Sequence[Tool], choice: Any, after_tool_result: bool) -> Tool | None:
    if not tools or choice == "none":
        return None
    if isinstance(choice, Mapping):
        function = choice.get("function", choice)  # chat nests the name, responses doesn't
        name = function.get("name") if isinstance(function, Mapping) else None
        return next((tool for tool in tools if tool.name == name), tools[0])
    if after_tool_result and choice != "required":
        return None
    return tools[0]
