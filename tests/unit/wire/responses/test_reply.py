"""Whole answers, as OpenAI's SDK takes them in strict mode, and Open Responses, too."""

from typing import Any, get_args

import msgspec
import pytest
from openai.types.responses import Response, ResponseUsage
from openai.types.responses.response import IncompleteDetails
from tests.support.responses_schema import read_by_sdk
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
from fastgate.wire.interface import Losses, Problem, raw
from fastgate.wire.responses import CLIENT
from fastgate.wire.responses.ids import response_of
from fastgate.wire.responses.response_object import incomplete_reason


def request(**members: Any) -> Conversation:
    return CLIENT.read_request(msgspec.json.encode({"model": "m", "input": "hi", **members}), None)


def reply(*parts: Part, finish: Finish = Finish.STOP, **fields: Any) -> Reply:
    return Reply(id="x", model="m-1", choices=(Choice(parts=parts, finish=finish),), **fields)


def written(answer: Reply, **members: Any) -> dict[str, Any]:
    """The response, which strict clients take."""
    body = CLIENT.write_answer(answer, asked(request(**members)), Losses())
    read_by_sdk(body)
    plain: dict[str, Any] = msgspec.json.decode(body)
    return plain


def output(*parts: Part, **fields: Any) -> list[dict[str, Any]]:
    """Without ids, which are all of the response."""
    response = written(reply(*parts, **fields))
    items: list[dict[str, Any]] = response["output"]
    ids = [item.pop("id") for item in items]
    assert len(set(ids)) == len(ids)
    assert {response_of(id_) for id_ in ids} <= {response["id"]}
    return items


def text(said: str, annotations: Any = (), logprobs: Any = ()) -> dict[str, Any]:
    return {
        "type": "output_text",
        "text": said,
        "annotations": list(annotations),
        "logprobs": list(logprobs),
    }


def message(*content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {"type": "message", "status": status, "role": "assistant", "content": list(content)}


def reasoning(encrypted: str | None, said: str = "") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": said}] if said else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}


def test_an_answer() -> None:
    usage = Usage(
        input_tokens=9, output_tokens=5, cached_input_tokens=3, cache_write_tokens=2, reasoning_tokens=1
    )
    response = written(reply(Text(text="Hello"), usage=usage, service_tier="standard"))
    assert response_of(response["id"]) == response["id"]
    assert response["model"] == "m-1"
    assert response["status"] == "completed"
    assert response["completed_at"] >= response["created_at"] == 1_790_000_000
    assert response["service_tier"] == "default"
    assert response["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }
    assert ResponseUsage.model_fields.keys() == response["usage"].keys()
    assert {name for name, field in Response.model_fields.items() if field.is_required()} <= response.keys()


def test_an_answer_that_says_nothing() -> None:
    response = written(Reply(id="", model="", choices=()))
    assert (response["model"], response["output"], response["usage"]) == ("asked-model", [], None)


def test_every_answer_has_an_id_of_its_own() -> None:
    """Providers may repeat theirs."""
    assert written(reply())["id"] != written(reply())["id"]


def test_it_repeats_what_was_asked_for() -> None:
    said: dict[str, Any] = {
        "instructions": "Be kind.",
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"},
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 7,
        "parallel_tool_calls": False,
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "low"},
        "safety_identifier": "u",
        "prompt_cache_key": "k",
        "truncation": None,
    }
    response = written(reply(Text(text="x")), **said)
    for name in set(said) - {"tools", "text", "reasoning", "truncation"}:
        assert response[name] == said[name]
    assert response["tools"] == [{**said["tools"][0], "strict": None, "description": None}]
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert response["truncation"] == "disabled"
    assert response["store"] is False


def test_parts() -> None:
    assert output(
        Thinking(text="hm", signature="s", format=Format.MESSAGES),
        Thinking(redacted="r", format=Format.MESSAGES),
        Thinking(text="plain"),
        Text(text="Hel"),
        Text(text="lo"),
        Refusal(text="no"),
        ToolUse(id="c1", name="f", arguments='{"a":1}'),
        ToolUse(id="c2", name="g", arguments="free", custom=True),
        Image(source=Source(media_type="image/png", data="QUJD")),
        Foreign(format=Format.MESSAGES, kind="server_tool_use", raw=raw({})),
        Text(text="!"),
    ) == [
        reasoning("fastgate.messages.here.s", "hm"),
        reasoning("fastgate.messages.redacted.r"),
        reasoning(None, "plain"),
        message(text("Hello"), {"type": "refusal", "refusal": "no"}),
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "f",
            "arguments": '{"a":1}',
            "status": "completed",
        },
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
        {"type": "image_generation_call", "status": "completed", "result": "QUJD"},
        message(text("!")),
    ]


def test_seals_of_texts_and_calls_stand_ahead_of_them() -> None:
    items = output(Text(text="a", signature="s"), ToolUse(id="c", name="f", arguments="{}", signature="t"))
    assert [item["type"] for item in items] == ["reasoning", "message", "reasoning", "function_call"]
    assert items[0] == reasoning("fastgate.generate_content.ahead.s")
    assert items[2] == reasoning("fastgate.generate_content.ahead.t")


def test_citations_are_of_their_part() -> None:
    """Those of a provider count from the beginning of all text."""
    said = Citation(url="https://a.example", title="T", start=4, end=6)
    (first, _, second) = output(
        Text(text="abc", citations=(Citation(url="https://b.example"), Citation(quoted="Q"))),
        ToolUse(id="c", name="f", arguments="{}"),
        Text(text="defg", citations=(said,)),
    )
    assert first["content"][0]["annotations"] == [
        {
            "type": "url_citation",
            "url": "https://b.example",
            "title": "",
            "start_index": 0,
            "end_index": 3,
        }
    ]
    (cited,) = second["content"][0]["annotations"]
    assert (cited["start_index"], cited["end_index"], cited["title"]) == (1, 3, "T")


def test_logprobs() -> None:
    told = {"token": "é", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "e", "logprob": -1.0}]}
    choice = Choice(
        parts=(Text(text="é"),), finish=Finish.STOP, logprobs=raw({"content": [told], "refusal": None})
    )
    response = written(Reply(id="x", model="m", choices=(choice,)))
    assert response["output"][0]["content"][0]["logprobs"] == [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
        }
    ]


@pytest.mark.parametrize("told", [{"content": None}, {"content": 3}, [], {}])
def test_logprobs_that_are_none(told: Any) -> None:
    choice = Choice(parts=(Text(text="x"),), finish=Finish.STOP, logprobs=raw(told))
    response = written(Reply(id="x", model="m", choices=(choice,)))
    assert response["output"][0]["content"][0]["logprobs"] == []


@pytest.mark.parametrize("finish", Finish)
def test_every_end(finish: Finish) -> None:
    response = written(reply(Text(text="x"), finish=finish))
    reason = incomplete_reason(finish, refused=False)
    if reason is None:
        assert response["status"] == response["output"][0]["status"] == "completed"
        assert response["incomplete_details"] is None
    else:
        assert response["status"] == response["output"][0]["status"] == "incomplete"
        assert response["completed_at"] is None
        assert response["incomplete_details"] == {"reason": reason}
        reasons = get_args(get_args(IncompleteDetails.model_fields["reason"].annotation)[0])
        assert reason in reasons


def test_ends() -> None:
    assert incomplete_reason(Finish.LENGTH, refused=False) == "max_output_tokens"
    assert incomplete_reason(Finish.FILTERED, refused=True) == "content_filter"
    assert written(reply(Refusal(text="no"), finish=Finish.REFUSED))["status"] == "completed"


def test_problems() -> None:
    problem = Problem(404, "No.", type="invalid_request_error", code="c", param="p", request_id="r")
    headers, body = CLIENT.write_problem(problem)
    assert headers == [(b"content-type", b"application/json")]
    assert msgspec.json.decode(body)["error"] == {
        "message": "No.",
        "type": "invalid_request_error",
        "param": "p",
        "code": "c",
    }


def test_the_text_of_an_answer() -> None:
    tools = [{"type": "function", "name": "f"}]
    said = asked(request(instructions="Be kind.", tools=tools))
    assert CLIENT.text(CLIENT.write_answer(reply(Text(text="Hello")), said, Losses())) == "Hello"
    assert CLIENT.text(CLIENT.write_answer(reply(), said, Losses())) == ""
    assert CLIENT.text(b"no JSON") == ""
