"""How the wish for reasoning is told to each generation of models."""

from typing import Any

import pytest
from tests.support.messages_requests import chat, says, user, written

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Effort,
    Reasoning,
    Role,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.wire.messages.models import traits

OLD, BUDGETED, BOTH, ADAPTIVE, ALWAYS = (
    "claude-3-5-sonnet-20241022",
    "claude-sonnet-4-5-20250929",
    "claude-sonnet-4-6",
    "claude-opus-4-8",
    "claude-fable-5-2",
)

NEW = {"type": "adaptive"}
OFF = {"type": "disabled"}


def enabled(budget: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget}


def thoughts(
    wish: Reasoning, model: str, *, format: Format = Format.CHAT, max_tokens: int = 64_000, **fields: Any
) -> tuple[Any, str | None, list[str]]:
    """`thinking`, the effort, and what is lost."""
    request = Conversation(
        format=format, messages=(user("hi"),), reasoning=wish, max_output_tokens=max_tokens, **fields
    )
    body, lost = written(request, model)
    return body.get("thinking"), body.get("output_config", {}).get("effort"), lost


@pytest.mark.parametrize(
    ("effort", "model", "expected"),
    [
        (Effort.HIGH, OLD, (None, None, ["reasoning_effort"])),
        (Effort.NONE, OLD, (None, None, [])),
        (Effort.MINIMAL, BUDGETED, (enabled(1_024), None, [])),
        (Effort.LOW, BUDGETED, (enabled(2_048), None, [])),
        (Effort.MEDIUM, BUDGETED, (enabled(8_192), None, [])),
        (Effort.HIGH, BUDGETED, (enabled(16_384), None, [])),
        (Effort.MAX, BUDGETED, (enabled(32_000), None, [])),  # half of what there is
        (Effort.NONE, BUDGETED, (OFF, None, [])),
        (Effort.MINIMAL, BOTH, (NEW, "low", [])),
        (Effort.MEDIUM, BOTH, (NEW, "medium", [])),
        (Effort.XHIGH, BOTH, (NEW, "high", ["reasoning_effort"])),
        (Effort.MAX, BOTH, (NEW, "max", [])),
        (Effort.XHIGH, ADAPTIVE, (NEW, "xhigh", [])),
        (Effort.NONE, ADAPTIVE, (OFF, None, [])),
        (Effort.NONE, ALWAYS, (None, None, ["reasoning_effort"])),
    ],
)
def test_efforts(effort: Effort, model: str, expected: tuple[Any, str | None, list[str]]) -> None:
    assert thoughts(Reasoning(effort=effort), model) == expected


@pytest.mark.parametrize(
    ("budget", "model", "max_tokens", "expected"),
    [
        (2_000, BUDGETED, 4_000, (enabled(2_000), None, [])),
        (2_000, BOTH, 4_000, (enabled(2_000), None, [])),
        (10, BUDGETED, 4_000, (enabled(1_024), None, ["thinking.budget_tokens"])),
        (9_000, BUDGETED, 4_000, (enabled(3_999), None, ["thinking.budget_tokens"])),
        (9_000, BUDGETED, 1_024, (None, None, ["thinking.budget_tokens", "thinking"])),
        (9_000, ADAPTIVE, 4_000, (NEW, None, ["thinking.budget_tokens"])),
        (9_000, OLD, 4_000, (None, None, ["thinking"])),
    ],
)
def test_budgets(
    budget: int, model: str, max_tokens: int, expected: tuple[Any, str | None, list[str]]
) -> None:
    assert thoughts(Reasoning(budget_tokens=budget), model, max_tokens=max_tokens) == expected


@pytest.mark.parametrize(("shown", "display"), [(True, "summarized"), (False, "omitted")])
def test_whether_it_is_shown(shown: bool, display: str) -> None:
    wish = Reasoning(effort=Effort.LOW, shown=shown)
    assert thoughts(wish, BOTH)[0] == {**NEW, "display": display}


def test_in_this_format_an_effort_does_not_ask_for_thinking() -> None:
    wish = Reasoning(effort=Effort.XHIGH)
    assert thoughts(wish, BOTH, format=Format.MESSAGES) == (None, "high", ["output_config.effort"])
    assert thoughts(wish, BUDGETED, format=Format.MESSAGES) == (None, None, ["output_config.effort"])
    adaptive = Reasoning(adaptive=True, effort=Effort.LOW)
    assert thoughts(adaptive, BOTH, format=Format.INVOKE) == (NEW, "low", [])
    assert thoughts(adaptive, OLD, format=Format.INVOKE) == (None, None, ["output_config.effort", "thinking"])


def test_a_forced_tool_excludes_thinking() -> None:
    wish = Reasoning(effort=Effort.LOW)
    tools: dict[str, Any] = {
        "tools": (Tool(name="f"),),
        "tool_choice": ToolChoice(choosing=Choosing.REQUIRED),
    }
    assert thoughts(wish, BUDGETED, **tools) == (None, None, ["reasoning_effort"])
    tools["tool_choice"] = ToolChoice(choosing=Choosing.AUTO)
    assert thoughts(wish, BUDGETED, **tools) == (enabled(2_048), None, [])


def test_thinking_excludes_sampling() -> None:
    request = chat(
        reasoning=Reasoning(effort=Effort.LOW), temperature=0.3, top_k=4, max_output_tokens=9_000, top_p=0.96
    )
    body, lost = written(request, BUDGETED)
    assert body["top_p"] == 0.96
    assert lost == ["temperature", "top_k"]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_budget_in_the_middle_of_a_turn_needs_the_thinking_that_began_it(sealed: bool) -> None:
    thought = Thinking(text="hm", signature="s", format=Format.MESSAGES if sealed else Format.CHAT)
    use = ToolUse(id="a", name="f", arguments="{}")
    request = chat(
        user("go"),
        says(Role.ASSISTANT, thought, use),
        user(ToolResult(id="a", parts=(Text(text="1"),))),
        says(Role.ASSISTANT, ToolUse(id="b", name="f", arguments="{}")),
        user(ToolResult(id="b", parts=(Text(text="1"),))),
        reasoning=Reasoning(effort=Effort.LOW),
    )
    body, lost = written(request, BUDGETED)
    assert ("thinking" in body) is sealed
    assert ("reasoning_effort" in lost) is not sealed
    assert "thinking" in written(request, BOTH)[0]
    # A client of this API may leave it to that.
    request.format, request.reasoning = Format.MESSAGES, Reasoning(budget_tokens=2_000)
    assert "thinking" in written(request, BUDGETED)[0]


@pytest.mark.parametrize(
    ("model", "adaptive", "budgets"),
    [
        ("claude-3-opus-20240229", False, False),
        ("claude-3-7-sonnet-20250219", False, True),
        ("claude-opus-4-20250514", False, True),
        ("claude-opus-4-1-20250805", False, True),
        ("claude-opus-4-5@20251101", False, True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", False, True),
        ("global.anthropic.claude-opus-4-6-v1", True, True),
        ("claude-opus-4.7", True, False),
        ("claude-4.6-sonnet", True, True),
        ("claude-haiku-5-5", True, False),
        ("claude-mythos-preview", True, False),
        ("claude-sonnet-latest", True, True),
        ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc", True, True),
    ],
)
def test_generations_by_name(model: str, adaptive: bool, budgets: bool) -> None:
    assert (traits(model).adaptive, traits(model).budgets) == (adaptive, budgets)
