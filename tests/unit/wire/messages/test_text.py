"""The text of requests and answers, for counting tokens."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.wire.messages import CLIENT
from fastgate.wire.messages.count import answer


def text(**body: Any) -> str:
    return CLIENT.text(msgspec.json.encode(body))


def test_a_request() -> None:
    found = text(
        model="the model",
        system=[{"type": "text", "text": "S."}],
        messages=[
            {"role": "user", "content": "a"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "SIGNATURE"},
                    {"type": "tool_use", "id": "ID", "name": "f", "input": {"x": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "ID", "content": [{"type": "text", "text": "r"}]},
                    {"type": "image", "source": {"type": "base64", "data": "DATA"}},
                    {"type": "document", "title": "T", "source": {"type": "text", "data": "d"}},
                    {"type": "document", "source": {"type": "content", "content": "c"}},
                ],
            },
        ],
        tools=[{"name": "g", "description": "D", "input_schema": {"type": "object"}}],
    )
    assert found == 'S.ahmf{"x":1}rTdcgD{"type":"object"}'


def test_an_answer() -> None:
    assert text(id="msg_1", content=[{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]) == "xy"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"3", b"\xff", b"[" * 5_000, b'{"messages":3,"system":{"text":null}}']
)
def test_what_is_not_understood_counts_as_nothing(body: bytes) -> None:
    assert CLIENT.text(body) == ""


@given(
    st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_nothing_makes_it_raise(value: Any) -> None:
    CLIENT.text(msgspec.json.encode(value))


def test_an_answer_with_a_count() -> None:
    assert answer(12) == b'{"input_tokens":12}'
