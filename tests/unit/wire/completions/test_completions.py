"""Legacy completions of models that chat; the SDK's types judge what a client gets."""

from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import APIError
from openai.types.completion_create_params import CompletionCreateParamsBase
from tests.support.answers import replies, streams
from tests.support.chat_schema import legacy_by_sdk, legacy_chunks_by_sdk
from tests.support.conversations import Feature, Says
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Conversation, Message, Refusal, Role, Text, Thinking
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Choice,
    Closed,
    Delta,
    Ended,
    Finish,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.completions import CLIENT
from fastgate.wire.completions.request_reader import CompletionRequest
from fastgate.wire.interface import Asked, Losses, Problem, raw

ASKED = asked(Conversation(format=Format.COMPLETIONS, messages=()))
LOGPROBS = raw(
    {
        "content": [
            {"token": "He", "logprob": -0.5, "bytes": None, "top_logprobs": []},
            {"token": "llo", "logprob": -1.5, "top_logprobs": [{"token": "y", "logprob": -2.5}]},
        ]
    }
)


def read(**fields: Any) -> Conversation:
    return CLIENT.read_request(msgspec.json.encode({"model": "m", "prompt": "p", **fields}), None)


def write(*deltas: Delta, of: Asked = ASKED) -> bytes:
    writer = CLIENT.stream_writer(of)
    return b"".join([writer.write([delta]) for delta in deltas]) + writer.end()


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_a_message(prompt: Any) -> None:
    conversation = read(prompt=prompt)
    assert conversation.format is Format.COMPLETIONS
    assert conversation.messages == (Message(role=Role.USER, parts=(Text(text="Once"),)),)


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (["a", "b"], "invalid_field"),
        ([1, 2], "invalid_field"),
        ([[1, 2]], "invalid_field"),
        ([], "invalid_field"),
        (7, "invalid_field"),
        ([{}], "invalid_field"),
        (None, "missing_field"),
    ],
)
def test_other_prompts_are_refused(prompt: Any, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        read(prompt=prompt)
    assert caught.value.code == code
    assert (caught.value.param or "").startswith("prompt")


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({}, "max_output_tokens", 16),
        ({"max_tokens": 7}, "max_output_tokens", 7),
        ({"stop": "a"}, "stop", ("a",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({}, "logprobs", None),
        ({"logprobs": 0}, "logprobs", True),
        ({"logprobs": 0}, "top_logprobs", None),
        ({"logprobs": 3}, "top_logprobs", 3),
        ({"temperature": 0.5}, "temperature", 0.5),
    ],
)
def test_fields(fields: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(read(**fields), name) == value


def test_every_field_of_the_sdk_is_read_or_kept() -> None:
    unread = set(get_type_hints(CompletionCreateParamsBase)) - set(CompletionRequest.__struct_fields__)
    assert unread == {"best_of", "echo", "suffix"}
    assert set(read(best_of=2, echo=True, suffix=None).extra) == {"best_of", "echo"}


def test_an_answer_is_its_text() -> None:
    reply = Reply(
        id="i",
        model="m",
        choices=(
            Choice(
                parts=(Thinking(text="t"), Text(text="Hel"), Text(text="lo")),
                finish=Finish.TOOL_USE,
                logprobs=LOGPROBS,
            ),
            Choice(parts=(Refusal(text="no"),), finish=Finish.REFUSED),
        ),
        usage=Usage(input_tokens=3, output_tokens=2),
    )
    answer = legacy_by_sdk(CLIENT.write_answer(reply, ASKED, Losses()))
    assert [(choice.text, choice.index, choice.finish_reason) for choice in answer.choices] == [
        ("Hello", 0, "stop"),
        ("no", 1, "content_filter"),
    ]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 5
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.to_dict() == {
        "tokens": ["He", "llo"],
        "token_logprobs": [-0.5, -1.5],
        "top_logprobs": [{}, {"y": -2.5}],
        "text_offset": [0, 2],
    }


@pytest.mark.parametrize("logprobs", [raw({}), raw([]), raw({"content": None}), raw({"content": [{}]})])
def test_log_probabilities_that_cannot_be_read(logprobs: msgspec.Raw) -> None:
    choice = Choice(parts=(Text(text="a"),), finish=Finish.STOP, logprobs=logprobs)
    answer = legacy_by_sdk(CLIENT.write_answer(Reply(id="i", model="m", choices=(choice,)), ASKED, Losses()))
    assert answer.choices[0].logprobs is None


def test_a_stream() -> None:
    stream = write(
        Started("i", "m"),
        ThinkingDelta("t"),
        TextDelta("ab"),
        TextDelta("Hello", 0, LOGPROBS),
        Ended(Finish.LENGTH),
        Used(Usage(input_tokens=3, output_tokens=2)),
        Closed(),
        of=ASKED._replace(include_usage=True),
    )
    *chunks, last = legacy_chunks_by_sdk(stream)
    assert [(chunk.id, chunk.model, chunk.choices[0].text) for chunk in chunks] == [
        ("i", "m", "ab"),
        ("i", "m", "Hello"),
        ("i", "m", ""),
    ]
    assert [chunk.choices[0].to_dict().get("finish_reason") for chunk in chunks] == [None, None, "length"]
    logprobs = chunks[1].choices[0].logprobs
    assert logprobs is not None
    assert logprobs.text_offset == [2, 4]
    assert (last.choices, last.usage and last.usage.total_tokens) == ([], 5)


def test_a_failure() -> None:
    writer = CLIENT.stream_writer(ASKED)
    problem = Problem(502, "it broke", "upstream_error", "upstream_error", None, "r")
    stream = writer.write([RefusalDelta("no")]) + writer.failure(problem)
    assert writer.end() == b""
    with pytest.raises(APIError, match="it broke"):
        legacy_chunks_by_sdk(stream)
    headers, body = CLIENT.write_problem(problem)
    assert headers == [(b"content-type", b"application/json")]
    assert msgspec.json.decode(body)["error"]["message"] == "it broke"


SAYS = Says(Format.CHAT, {Feature.PLAIN_THINKING, Feature.TOOLS, Feature.REFUSALS})


@given(streams(replies(SAYS, choices=2, finishes=tuple(Finish))), st.randoms(), st.booleans())
def test_any_order_is_a_valid_stream(deltas: list[Delta], random: Any, usage: bool) -> None:
    random.shuffle(deltas)
    stream = write(*deltas, of=ASKED._replace(include_usage=usage))
    assert stream.endswith(b"data: [DONE]\n\n")
    legacy_chunks_by_sdk(stream)


def test_text() -> None:
    assert CLIENT.text(b'{"prompt":"hello"}') == "hello"
    reply = Reply(id="i", model="m", choices=(Choice(parts=(Text(text="a"),), finish=Finish.STOP),))
    assert CLIENT.text(CLIENT.write_answer(reply, ASKED, Losses())) == "a"
