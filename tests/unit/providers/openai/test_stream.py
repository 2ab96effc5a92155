"""What the events of OpenAI's streams mean: first content, end, usage, and errors inside a 200."""

import json

import pytest

from fastgate._core.sse import EventSplitter
from fastgate.domain.failure import FailureKind
from fastgate.providers.interface import Sees
from fastgate.providers.openai.stream import ChunkStream, PlainStream


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


def test_an_empty_finish_reason_is_none() -> None:
    stream = ChunkStream(1)
    stream.event(chunk({"content": "x"}, ""))
    assert not stream.finished()


def test_every_choice_that_began_must_finish() -> None:
    stream = ChunkStream(1, more_choices=True)
    stream.event(event({"choices": [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}]}))
    stream.event(event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}))
    assert not stream.complete()
    stream.event(event({"choices": [{"index": 1, "text": "", "finish_reason": "stop"}]}))
    assert stream.complete()


def test_choices_beyond_those_asked_for_are_seen_in_events_without_other_marks() -> None:
    raw = event({"choices": [{"index": 1, "text": "b", "finish_reason": None}]})
    for more, seen in ((False, False), (True, True)):
        splitter = EventSplitter(ChunkStream(1, more_choices=more).markers)
        splitter.feed(raw)
        assert bool(splitter.mask) is seen


@pytest.mark.parametrize("error", ["", None, {}, False])
def test_an_empty_error_beside_choices_is_none(error: object) -> None:
    assert ChunkStream(1).event(chunk({"content": "x"}, error=error)) is Sees.CONTENT


@pytest.mark.parametrize("error", [["m"], 5, True])
def test_an_error_of_another_type_is_one(error: object) -> None:
    stream = ChunkStream(1)
    assert stream.event(event({"error": error})) is Sees.ERROR
    assert stream.error is not None


USAGES: list[tuple[object, int | None]] = [
    ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0.5}}, 9),
    ({"prompt_tokens": "9", "completion_tokens": None}, 9),
    ({"prompt_tokens": 9, "prompt_tokens_details": "none"}, 9),
    ({"prompt_tokens": -9}, 0),
    ({"prompt_tokens": 10**400}, 0),
    ({"prompt_tokens": 1e300}, 1 << 40),
    ({"prompt_tokens": True, "input_tokens": 9}, 9),
    ({"prompt_tokens": "nan"}, 0),
    ("none", None),
    ([1], None),
]


@pytest.mark.parametrize(("usage", "tokens"), USAGES)
def test_odd_usage_costs_neither_the_content_nor_the_end(usage: object, tokens: int | None) -> None:
    stream = ChunkStream(1)
    seen = stream.event(chunk({"content": "x"}, "stop", usage=usage, service_tier=5))
    assert seen is Sees.CONTENT
    assert stream.finished()
    assert (None if stream.usage is None else stream.usage.input_tokens) == tokens


def test_odd_usage_does_not_hide_an_error() -> None:
    stream = ChunkStream(1)
    assert stream.event(event({"usage": {"prompt_tokens": []}, "error": {"code": 429}})) is Sees.ERROR
    assert stream.error is not None
    assert stream.error.kind is FailureKind.RATE_LIMITED


def test_usage_that_cannot_be_read_is_still_withheld_and_takes_none_away() -> None:
    stream = ChunkStream(1)
    stream.event(event({"choices": [], "usage": {"prompt_tokens": 4}}))
    assert stream.event(event({"choices": [], "usage": "gone"})) is Sees.USAGE_ONLY
    assert stream.usage is not None
    assert stream.usage.input_tokens == 4


def test_vllms_error_is_marked_and_read() -> None:
    raw = event({"object": "error", "message": "m", "type": "BadRequestError", "code": 400})
    splitter = EventSplitter(ChunkStream.markers)
    splitter.feed(raw)
    assert splitter.mask
    assert ChunkStream(1).event(raw) is Sees.ERROR


ENDS = ["transcript.text.done", "speech.audio.done", "image_generation.completed", "image_edit.completed"]


@pytest.mark.parametrize("type_", ENDS)
def test_openais_other_streams_are_complete_with_their_last_event(type_: str) -> None:
    stream = PlainStream()
    begun = event({"type": f"{type_.rpartition('.')[0]}.delta", "delta": "x"})
    last = event({"type": type_, "usage": {"input_tokens": 3}})
    assert stream.event(begun) is Sees.CONTENT
    assert (stream.complete(), stream.finished()) == (False, False)
    splitter = EventSplitter(stream.markers)
    splitter.feed(last)
    assert splitter.mask  # it is looked at after the first content, too
    assert stream.event(last) is Sees.CONTENT
    assert (stream.complete(), stream.finished()) == (True, True)
    assert stream.usage is not None
    assert stream.usage.input_tokens == 3


def test_other_vendors_streams_may_end_anywhere_but_not_be_cut() -> None:
    stream = PlainStream()
    assert stream.event(event({"audio": "x"})) is Sees.CONTENT
    assert (stream.complete(), stream.finished()) == (True, False)
    assert stream.event(b"data: [DONE]\n\n") is Sees.END
    assert stream.finished()


def test_an_error_in_another_stream() -> None:
    assert PlainStream().event(event({"error": {"message": "m"}})) is Sees.ERROR
    assert PlainStream().event(event({"type": "error", "message": "m"})) is Sees.ERROR
