"""The stream of the Responses API: what is content, what fails whom, and how a broken one is ended."""

import json

import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.interface import Sees
from fastgate.providers.openai.responses_stream import ResponsesStream


def event(payload: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload)}\n\n".encode()


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


def item(type_: str) -> dict[str, object]:
    return {"type": "response.output_item.added", "sequence_number": 2, "item": {"type": type_, "id": "i"}}


@pytest.mark.parametrize(
    "payload",
    [
        item("message"),
        item("reasoning"),
        {"type": "response.output_item.added"},
        {"type": "response.output_item.added", "item": "odd"},
        {"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}},
        {"type": "response.reasoning_summary_part.added", "part": {"type": "summary_text", "text": ""}},
        {"type": "keepalive", "sequence_number": 3},
    ],
)
def test_what_only_announces_content_is_held_back(payload: object) -> None:
    assert ResponsesStream().event(event(payload)) is Sees.NOTHING


@pytest.mark.parametrize(
    "payload",
    [
        item("function_call"),
        item("custom_tool_call"),
        item("web_search_call"),
        item("mcp_approval_request"),
        {"type": "response.output_text.delta", "delta": "x"},
        {"type": "response.reasoning_summary_text.delta", "delta": "x"},
        {"type": "response.something_new"},
    ],
)
def test_what_the_user_sees_is_content(payload: object) -> None:
    assert ResponsesStream().event(event(payload)) is Sees.CONTENT


FAULTS: list[tuple[object, FailureKind]] = [
    ({"code": "server_error"}, FailureKind.SERVER_ERROR),
    ({"code": "vector_store_timeout"}, FailureKind.SERVER_ERROR),
    ({"code": "rate_limit_exceeded"}, FailureKind.RATE_LIMITED),
    ({"code": "invalid_prompt"}, FailureKind.CLIENT_ERROR),
    ({"code": "image_content_policy_violation"}, FailureKind.CLIENT_ERROR),
    ({"code": "failed_to_download_image"}, FailureKind.CLIENT_ERROR),
    ({"code": None, "message": "m"}, FailureKind.SERVER_ERROR),
    ("text", FailureKind.SERVER_ERROR),
    (None, FailureKind.STREAM_ERROR),
]


@pytest.mark.parametrize(("error", "kind"), FAULTS)
def test_whose_fault_a_failed_response_is(error: object, kind: FailureKind) -> None:
    stream = ResponsesStream()
    failed = {**CREATED, "id": 5, "usage": "odd", "status": "failed", "error": error}
    assert stream.event(event({"type": "response.failed", "response": failed})) is Sees.ERROR
    assert stream.error is not None
    assert stream.error.kind is kind


def test_a_failed_event_without_a_response_is_a_failure() -> None:
    stream = ResponsesStream()
    assert stream.event(event({"type": "response.failed", "response": 7})) is Sees.ERROR
    assert stream.error is not None


def test_done_without_a_terminal_event_is_no_end() -> None:
    stream = ResponsesStream()
    assert stream.event(b"data: [DONE]\n\n") is Sees.ERROR
    assert stream.error is not None
    assert stream.error.kind is FailureKind.TRUNCATED


def opened() -> ResponsesStream:
    stream = ResponsesStream()
    stream.event(event({"type": "response.created", "sequence_number": 4, "response": CREATED}))
    return stream


def delta(number: object) -> bytes:
    return event({"type": "response.output_text.delta", "sequence_number": number, "delta": "x"})


@pytest.mark.parametrize(
    ("last_events", "number"),
    [
        (delta(7) + delta(8), 9),
        (delta(7) + b": ping\n\n", 8),
        (delta(7) + b": ping\n\n" + event({"no": "number"}) + b"data: {oops\n\n", 8),
        (delta(7).replace(b"\n", b"\r\n") + b": ping\r\n\r\n", 8),
        (b": ping\n\n", 5),
        (b"", 5),
        (delta(2), 5),
        (delta("odd"), 5),
        (b"data: \xff\n\n", 5),
    ],
)
def test_a_terminal_error_keeps_the_id_and_counts_on(last_events: bytes, number: int) -> None:
    data = json.loads(opened().failure("it broke", "upstream_error", last_events).partition(b"\ndata: ")[2])
    assert (data["type"], data["sequence_number"]) == ("response.failed", number)
    assert data["response"]["id"] == "resp_1"


def test_a_terminal_error_before_the_response_was_named() -> None:
    failure = ResponsesStream().failure("it broke", "upstream_error", delta(7))
    data = json.loads(failure.partition(b"\ndata: ")[2])
    assert (data["type"], data["sequence_number"], data["code"]) == ("error", 8, "upstream_error")
