"""Hypothesis strategies for answers and streams in the neutral model, and how to compare streams."""

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from tests.support.conversations import IDS, NAMES, Calls, Says, assistant_messages, tools_of

from fastgate.domain.conversation import Refusal, Text, Thinking, ToolUse
from fastgate.domain.reply import (
    Choice,
    Closed,
    Delta,
    Ended,
    Finish,
    RefusalDelta,
    Reply,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage

_COUNTS: Final = st.integers(0, 5_000)
_PARTS_OF_USAGE: Final = (
    "cached_input_tokens",
    "cache_write_tokens",
    "input_audio_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
)


@st.composite
def usages(draw: st.DrawFn, parts: Collection[str] = ("cached_input_tokens", "reasoning_tokens")) -> Usage:
    """`parts` are those fields of tokens that the format can say; together they fit into their wholes."""
    unknown = set(parts) - set(_PARTS_OF_USAGE)
    assert not unknown, f"there is no strategy for {sorted(unknown)}"
    said: dict[str, Any] = {name: draw(_COUNTS) for name in parts}
    output = sum(count for name, count in said.items() if name in ("reasoning_tokens", "output_audio_tokens"))
    return Usage(
        input_tokens=sum(said.values()) - output + draw(st.integers(1, 5_000)),
        output_tokens=output + draw(st.integers(1, 5_000)),
        **said,
    )


@st.composite
def replies(
    draw: st.DrawFn,
    says: Says,
    *,
    finishes: Collection[Finish] = (Finish.STOP, Finish.LENGTH),
    choices: int = 1,
    usage: st.SearchStrategy[Usage] | None = None,
) -> Reply:
    """Of as many `choices`. One that calls tools ends so; `finishes` are for the others."""
    called = Calls()
    made = []
    for _ in range(choices):
        tools = draw(tools_of(says))
        message = draw(assistant_messages(says, tools, called))
        # A cache marker is a thing of requests.
        parts = tuple(
            msgspec.structs.replace(part, cache=None) if isinstance(part, Text | ToolUse) else part
            for part in message.parts
        )
        calls = any(isinstance(part, ToolUse) for part in parts)
        finish = Finish.TOOL_USE if calls else draw(st.sampled_from(sorted(finishes)))
        made.append(Choice(parts=parts, finish=finish))
    return Reply(
        id=draw(IDS),
        model=draw(NAMES),
        choices=tuple(made),
        usage=draw(st.none() | (usages() if usage is None else usage)),
    )


# --- streams -------------------------------------------------------------------------------------------


@st.composite
def streams(draw: st.DrawFn, answers: st.SearchStrategy[Reply]) -> list[Delta]:
    """An answer as a reader would give it: in pieces, each choice in order, several of them interleaved."""
    reply = draw(answers)
    lines = [draw(_choice_deltas(index, choice)) for index, choice in enumerate(reply.choices)]
    out: list[Delta] = [Started(reply.id, reply.model)]
    while any(lines):
        at = draw(st.sampled_from([index for index, line in enumerate(lines) if line]))
        out.append(lines[at].pop(0))
    if reply.usage is not None:
        out.append(Used(reply.usage))
    return [*out, Closed()]


@st.composite
def _choice_deltas(draw: st.DrawFn, index: int, choice: Choice) -> list[Delta]:
    out: list[Delta] = []
    calls = 0
    for part in choice.parts:
        match part:
            case Text():
                out += [TextDelta(piece, index) for piece in draw(_pieces(part.text))]
            case Refusal():
                out += [RefusalDelta(piece, index) for piece in draw(_pieces(part.text))]
            case Thinking():
                out += [ThinkingDelta(piece, index) for piece in draw(_pieces(part.text))]
                if part.signature is not None or part.redacted is not None:
                    assert part.format is not None
                    out.append(
                        Sealed(
                            format=part.format,
                            signature=part.signature,
                            redacted=part.redacted,
                            choice=index,
                        )
                    )
            case ToolUse():
                out.append(
                    ToolStarted(
                        index=calls,
                        id=part.id,
                        name=part.name,
                        custom=part.custom,
                        signature=part.signature,
                        choice=index,
                    )
                )
                out += [ToolDelta(calls, piece, index) for piece in draw(_pieces(part.arguments))]
                calls += 1
            case _:
                raise AssertionError(f"no model says a {type(part).__name__}")
    return [*out, Ended(choice.finish, index)]


@st.composite
def _pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=3)))
    borders = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in pairwise(borders)]
    return [piece for piece in pieces if piece]


def merged_deltas(deltas: Iterable[Delta]) -> list[Delta]:
    """Neighbours that say the same kind of thing as one, and nothing of those that say nothing: for comparing
    streams that may cut otherwise."""
    out: list[Delta] = []
    for delta in deltas:
        match out[-1] if out else None, delta:
            case TextDelta(a, i), TextDelta(b, j) if i == j:
                out[-1] = TextDelta(a + b, i)
            case ThinkingDelta(a, i), ThinkingDelta(b, j) if i == j:
                out[-1] = ThinkingDelta(a + b, i)
            case RefusalDelta(a, i), RefusalDelta(b, j) if i == j:
                out[-1] = RefusalDelta(a + b, i)
            case ToolDelta(n, a, i), ToolDelta(m, b, j) if (n, i) == (m, j):
                out[-1] = ToolDelta(n, a + b, i)
            case _:
                if getattr(delta, "text", True) and getattr(delta, "arguments", True):
                    out.append(delta)
    return out
