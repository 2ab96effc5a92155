"""What the events of OpenAI's streams mean: first content, end, usage, and errors inside a 200."""

import json

import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.interface import Sees
from fastgate.providers.openai.stream import ChunkStream, PlainStream, ResponsesStream


def event(payload: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload)}\n\n".encode()


def chunk(delta: dict[str, object], finish: str | None = None, index: int = 0, **more: object) -> bytes:
    return event({"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **more})


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"role": "assistant", "content": "x"},
        {"refusal": "no"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"audio": {"id": "a"}},
        {"something_new": 1},
    ],
)
def test_every_kind_of_delta_is_content(delta: dict[str, object]) -> None:
    assert ChunkStream(1).event(chunk(delta)) is Sees.CONTENT


@pytest.mark.parametrize(
    "raw",
    [
        chunk({"role": "assistant"}),
        chunk({"role": "assistant", "content": ""}),
        chunk({"role": "assistant", "content": None, "tool_calls": []}),
        event({"choices": [], "prompt_filter_results": [{}]}),
        b": OPENROUTER PROCESSING\n\n",
        b"\n",
    ],
)
def test_what_comes_before_content_is_held_back(raw: bytes) -> None:
    assert ChunkStream(1).event(raw) is Sees.NOTHING


def test_usage_alone_is_told_apart_from_usage_beside_content() -> None:
    stream = ChunkStream(1)
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert stream.event(chunk({"content": "x"}, usage=usage)) is Sees.CONTENT
    assert stream.event(event({"choices": [], "usage": usage, "service_tier": "flex"})) is Sees.USAGE_ONLY
    assert stream.usage is not None
    assert (stream.usage.input_tokens, stream.usage.output_tokens) == (9, 5)
    assert (stream.usage.cached_input_tokens, stream.usage.reasoning_tokens) == (4, 2)
    assert stream.usage.service_tier == "flex"


def test_a_stream_is_complete_when_every_choice_has_finished() -> None:
    stream = ChunkStream(2)
    stream.event(chunk({}, "stop", index=0))
    assert not stream.complete()
    stream.event(chunk({}, "length", index=1))
    assert stream.complete()
    assert stream.ending() == b"data: [DONE]\n\n"


def test_done_ends_it() -> None:
    stream = ChunkStream(1)
    assert stream.event(b"data: [DONE]\n\n") is Sees.END
    assert stream.complete()
    assert stream.ending() == b""


def test_a_stream_without_either_is_not_complete() -> None:
    stream = ChunkStream(1)
    stream.event(chunk({"content": "x"}))
    assert not stream.complete()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "m", "type": "rate_limit_error", "code": None}, FailureKind.RATE_LIMITED),
        ({"message": "m", "type": "x", "code": "rate_limit_exceeded"}, FailureKind.RATE_LIMITED),
        ({"message": "m", "code": 429}, FailureKind.RATE_LIMITED),
        ({"message": "m", "code": "502"}, FailureKind.SERVER_ERROR),
        ({"message": "m", "type": "invalid_request_error"}, FailureKind.CLIENT_ERROR),
        ({"message": "m", "code": "invalid_api_key"}, FailureKind.CREDENTIAL_REJECTED),
        ({"message": "m"}, FailureKind.SERVER_ERROR),
        ("plain text", FailureKind.SERVER_ERROR),
    ],
)
def test_an_error_in_a_200_counts_as_the_status_that_it_names(error: object, kind: FailureKind) -> None:
    stream = ChunkStream(1)
    assert stream.event(event({"error": error})) is Sees.ERROR
    assert stream.error is not None
    assert stream.error.kind is kind


def test_bad_utf8_and_bad_json_are_relayed_as_content() -> None:
    stream = ChunkStream(1)
    assert stream.event(b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n') is Sees.CONTENT
    assert stream.event(b"data: {oops\n\n") is Sees.CONTENT


def test_a_failed_chat_stream_ends_in_an_error_object_and_no_done() -> None:
    failure = ChunkStream(1).failure("it broke", "upstream_error", b"")
    assert b"[DONE]" not in failure
    assert json.loads(failure.removeprefix(b"data: ")) == {
        "error": {"message": "it broke", "type": "upstream_error", "param": None, "code": "upstream_error"}
    }


CREATED: dict[str, object] = {
    "id": "resp_1",
    "object": "response",
    "status": "in_progress",
    "output": [],
    "error": None,
}


def test_responses_opening_events_are_held_back_and_give_the_id() -> None:
    stream = ResponsesStream()
    opening = {"type": "response.created", "sequence_number": 0, "response": CREATED}
    assert stream.event(event(opening, "response.created")) is Sees.NOTHING
    assert stream.response_id == "resp_1"
    delta = {"type": "response.output_text.delta", "sequence_number": 1, "delta": "x"}
    assert stream.event(event(delta, "response.output_text.delta")) is Sees.CONTENT
    assert not stream.complete()


def test_responses_terminal_event_carries_usage() -> None:
    stream = ResponsesStream()
    done = {
        **CREATED,
        "status": "completed",
        "usage": {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 1}},
    }
    seen = stream.event(event({"type": "response.completed", "sequence_number": 5, "response": done}))
    assert seen == Sees.CONTENT | Sees.END
    assert stream.complete()
    assert stream.usage is not None
    assert (stream.usage.input_tokens, stream.usage.cached_input_tokens) == (3, 1)


def test_responses_failure_is_numbered_after_the_last_event_and_shows_the_response() -> None:
    stream = ResponsesStream()
    stream.event(event({"type": "response.created", "sequence_number": 0, "response": CREATED}))
    last = event({"type": "response.output_text.delta", "sequence_number": 7, "delta": "x"})
    failure = stream.failure("it broke", "upstream_error", last)
    name, _, data = failure.partition(b"\ndata: ")
    decoded = json.loads(data)
    assert name == b"event: response.failed"
    assert decoded["type"] == "response.failed"
    assert decoded["sequence_number"] == 8
    assert decoded["response"]["id"] == "resp_1"
    assert decoded["response"]["status"] == "failed"
    assert decoded["response"]["error"] == {"code": "server_error", "message": "it broke"}


def test_responses_failed_event_is_an_upstream_failure() -> None:
    stream = ResponsesStream()
    failed = {**CREATED, "status": "failed", "error": {"code": "rate_limit_exceeded", "message": "m"}}
    assert (
        stream.event(event({"type": "response.failed", "sequence_number": 2, "response": failed}))
        is Sees.ERROR
    )
    assert stream.error is not None
    assert stream.error.kind is FailureKind.RATE_LIMITED


def test_responses_error_event() -> None:
    stream = ResponsesStream()
    payload = {"type": "error", "code": "server_error", "message": "m", "param": None, "sequence_number": 1}
    assert stream.event(event(payload, "error")) is Sees.ERROR
    assert stream.error is not None


def test_plain_streams_have_content_at_once_and_may_end_anywhere() -> None:
    stream = PlainStream()
    assert stream.event(event({"type": "transcript.text.delta", "delta": "x"})) is Sees.CONTENT
    assert stream.complete()
    assert stream.event(event({"error": {"message": "m"}})) is Sees.ERROR
