"""What the simulation says: its length, its caps, and when it calls a tool."""

from typing import Any

import pytest

from fastgate.sim.answer import Tool, answer

TOOLS = (Tool("first", {"type": "object"}), Tool("second", {"type": "object", "required": []}))


@pytest.mark.parametrize("tokens", [1, 5, 13, 14, 500])
def test_a_text_has_as_many_words_as_tokens(tokens: int) -> None:
    given = answer(tokens, ())
    assert len(given.text.split()) == given.tokens == tokens
    assert given.finish_reason == "stop"


@pytest.mark.parametrize(
    ("caps", "tokens", "finish_reason"),
    [
        ((None, None), 10, "stop"),
        ((10,), 10, "stop"),
        ((9,), 9, "length"),
        ((None, 3, 5), 3, "length"),
    ],
)
def test_the_smallest_cap_counts(caps: tuple[int | None, ...], tokens: int, finish_reason: str) -> None:
    given = answer(10, caps)
    assert (given.tokens, given.finish_reason) == (tokens, finish_reason)


@pytest.mark.parametrize(
    ("choice", "after_result", "called"),
    [
        (None, False, "first"),
        ("auto", False, "first"),
        ("auto", True, None),
        ("none", False, None),
        ("required", True, "first"),
        ({"type": "function", "function": {"name": "second"}}, True, "second"),
        ({"type": "function", "name": "second"}, False, "second"),
        ({"type": "function", "name": "unknown"}, False, "first"),
    ],
)
def test_which_tool_is_called(choice: Any, after_result: bool, called: str | None) -> None:
    given = answer(10, (), tools=TOOLS, tool_choice=choice, after_tool_result=after_result)
    assert given.tool == called
    assert given.finish_reason == ("tool_calls" if called else "stop")


def test_caps_do_not_cut_structured_output() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert answer(10, (1,), schema=schema).text == '{"a":"simulated"}'
