"""What a format has no words for is named as the client wrote it, and only where something is asked for."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.conversation import CacheFor, Conversation, Tool
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.wire.interface import Losses
from fastgate.wire.unsaid import drop_marks, drop_unsaid, written


def dropped(format_: Format, *names: str, **fields: Any) -> list[str]:
    losses = Losses()
    drop_unsaid(Conversation(format=format_, messages=(), **fields), losses, *(names or fields))
    return losses.names


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        (Format.CHAT, "max_completion_tokens"),
        (Format.COMPLETIONS, "max_completion_tokens"),
        (Format.RESPONSES, "max_output_tokens"),
        (Format.MESSAGES, "max_tokens"),
        (Format.INVOKE, "max_tokens"),
        (Format.GENERATE_CONTENT, "generationConfig.maxOutputTokens"),
        (Format.CONVERSE, "inferenceConfig.maxTokens"),
    ],
)
def test_names_are_the_clients(format_: Format, name: str) -> None:
    assert dropped(format_, max_output_tokens=5) == [name]


def test_each_field_has_a_name_in_each_format() -> None:
    for format_ in CONVERSATIONS:
        request = Conversation(format=format_, messages=())
        names = [written(request, field) for field in Conversation.__struct_fields__]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"n": 1}, []),
        ({"n": 2}, ["n"]),
        ({"store": False}, []),
        ({"store": True}, ["store"]),
        ({"parallel_tools": True}, []),
        ({"parallel_tools": False}, ["parallel_tool_calls"]),
        ({"service_tier": "auto"}, []),
        ({"service_tier": "flex"}, ["service_tier"]),
        ({"metadata": {}}, []),
        ({"stop": ()}, []),
        ({"seed": 0}, ["seed"]),
        ({"temperature": 0.0}, ["temperature"]),
        ({"frequency_penalty": 0.0}, []),
    ],
)
def test_what_asks_for_nothing_is_not_named(fields: dict[str, Any], names: list[str]) -> None:
    assert dropped(Format.CHAT, **fields) == names


def test_only_the_fields_in_question() -> None:
    assert dropped(Format.CHAT, "user", user="u", seed=1) == ["user"]


def test_marks_of_a_tool() -> None:
    losses = Losses()
    drop_marks(Tool(name="a"), "tools[0]", losses)
    drop_marks(Tool(name="b", cache=CacheFor.DEFAULT, extra={"x": msgspec.Raw(b"1")}), "tools[1]", losses)
    assert losses.names == ["tools[1].cache_control", "tools[1].x"]
