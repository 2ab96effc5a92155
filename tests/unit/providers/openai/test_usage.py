"""Usage objects as vendors of OpenAI's dialect send them."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.usage import Usage
from fastgate.providers.openai.answer import read_answer
from fastgate.providers.openai.responses_stream import ResponsesStream
from fastgate.providers.openai.stream import PlainStream
from fastgate.wire.openai_usage import MAX_TOKENS, usage_of


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def read(**usage: Any) -> Usage:
    found = usage_of(raw(usage), msgspec.Raw(b'"default"'))
    assert found is not None
    assert found.service_tier == "default"
    found.service_tier = None
    return found


def answer(endpoint: Endpoint, **body: Any) -> Usage | None:
    return read_answer(endpoint, msgspec.json.encode(body), stored=False).usage


def test_an_object_without_a_count_is_no_usage() -> None:
    """The gateway counts then: the call would be free of charge otherwise."""
    for said in ({}, {"new_tokens": 3}, {"prompt_tokens": None, "completion_tokens": None}):
        assert usage_of(raw(said), msgspec.Raw(b'"default"')) is None
        assert answer(Endpoint.CHAT, id="a", usage=said) is None
    assert read(prompt_tokens=0, completion_tokens=0) == Usage()


def test_chat_with_every_detail() -> None:
    # The fields of openai-python 3's CompletionUsage. Rejected predictions are in completion_tokens already.
    assert read(
        prompt_tokens=1_000,
        completion_tokens=300,
        total_tokens=1_300,
        prompt_tokens_details={
            "audio_tokens": 10,
            "cached_tokens": 500,
            "cache_write_tokens": 200,
            "image_tokens": 85,
            "text_tokens": 905,
        },
        completion_tokens_details={
            "accepted_prediction_tokens": 20,
            "audio_tokens": 30,
            "reasoning_tokens": 100,
            "rejected_prediction_tokens": 40,
        },
    ) == Usage(
        input_tokens=1_000,
        output_tokens=300,
        cached_input_tokens=500,
        cache_write_tokens=200,
        input_audio_tokens=10,
        input_image_tokens=85,
        output_audio_tokens=30,
        reasoning_tokens=100,
    )


def test_images_and_what_of_them_was_cached() -> None:
    assert read(
        input_tokens=500,
        output_tokens=1_056,
        total_tokens=1_556,
        input_tokens_details={
            "image_tokens": 400,
            "text_tokens": 100,
            "cached_tokens": 300,
            "cached_tokens_details": {"image_tokens": 250, "text_tokens": 50},
        },
        output_tokens_details={"image_tokens": 1_000, "text_tokens": 56},
    ) == Usage(
        input_tokens=500,
        output_tokens=1_056,
        input_image_tokens=400,
        cached_input_tokens=300,
        cached_image_tokens=250,
        output_image_tokens=1_000,
    )


def test_reasoning_that_is_beside_the_output_is_billed() -> None:
    # xAI: docs.x.ai, "reasoning token consumption will be counted separately from completion_tokens, but
    # will be counted in the total_tokens". The numbers are of an answer of grok-3-mini (vercel/ai #12425).
    assert read(
        prompt_tokens=12,
        completion_tokens=1,
        total_tokens=399,
        completion_tokens_details={"reasoning_tokens": 386},
    ) == Usage(input_tokens=12, output_tokens=387, reasoning_tokens=386)


def test_reasoning_that_only_the_total_tells_of() -> None:
    # Gemini's OpenAI-compatible endpoint: thoughts are in no count but the total.
    assert read(prompt_tokens=20, completion_tokens=198, total_tokens=623) == Usage(
        input_tokens=20, output_tokens=603, reasoning_tokens=405
    )


def test_a_total_that_has_another_reason_changes_nothing() -> None:
    # Cached tokens beside the input (as Anthropic counts) are no output.
    said = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 108}
    assert read(**said, prompt_tokens_details={"cached_tokens": 100}).output_tokens == 3
    assert read(prompt_tokens=5, completion_tokens=3, total_tokens=2).output_tokens == 3


def test_a_total_alone_is_input() -> None:
    assert read(total_tokens=42) == Usage(input_tokens=42)


@pytest.mark.parametrize("field", ["cached_tokens", "prompt_cache_hit_tokens"])
def test_caches_of_moonshot_and_deepseek(field: str) -> None:
    said = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101, field: 64}
    assert read(**said).cached_input_tokens == 64


def test_research_of_perplexity() -> None:
    # docs.perplexity.ai, sonar-deep-research: all of it is billed, and the total has only the first two.
    assert read(
        prompt_tokens=33,
        completion_tokens=7_163,
        total_tokens=7_196,
        citation_tokens=20_016,
        num_search_queries=30,
        reasoning_tokens=193_267,
    ) == Usage(
        input_tokens=33,
        output_tokens=7_163 + 20_016 + 193_267,
        reasoning_tokens=193_267,
        web_searches=30,
        other={"output_citation_tokens": 20_016},
    )


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ({"type": "duration", "seconds": 3}, 3_000),
        ({"type": "duration", "seconds": 12.3456}, 12_346),
        ({"type": "duration", "seconds": "7.5"}, 7_500),
        ({"type": "duration", "seconds": -3}, 0),
        ({"type": "duration", "seconds": None}, 0),
        ({"prompt_audio_seconds": 203, "total_tokens": 0}, 203_000),
    ],
)
def test_sound_that_is_billed_by_time(said: dict[str, Any], heard: int) -> None:
    assert read(**said) == Usage(audio_ms=heard, input_audio_ms=heard)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (b"-5", 0),
        (b'"12"', 12),
        (b"12.9", 12),
        (b"1e3", 1_000),
        (b"1e400", MAX_TOKENS),
        (b"true", 0),
        (b"[1]", 0),
        (b"99999999999999999999999999999999999999999", 0),
        (b"9999999999999999999999", MAX_TOKENS),
    ],
)
def test_a_count_that_is_odd_costs_no_other(value: bytes, count: int) -> None:
    said = (
        b'{"prompt_tokens":' + value + b',"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2}}'
    )
    found = usage_of(msgspec.Raw(said), msgspec.Raw())
    assert found is not None
    assert (found.input_tokens, found.output_tokens, found.cached_input_tokens) == (count, 7, 2)


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    "output": [
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "a"}},
        {"type": "web_search_call", "id": "ws_2", "action": {"type": "open_page", "url": "b"}},
        {"type": "web_search_call", "id": "ws_3"},
        {"type": "file_search_call", "id": "fs_1", "queries": []},
        {"type": "message", "content": [{"type": "output_text", "text": "x"}]},
    ],
}
SEARCHED = Usage(input_tokens=10, output_tokens=5, web_searches=2, other={"storage_searches": 1})


def test_searches_of_a_response() -> None:
    assert answer(Endpoint.RESPONSES, **RESPONSE) == SEARCHED


def test_searches_of_a_streamed_response_are_counted_once() -> None:
    stream = ResponsesStream()
    opening = {**RESPONSE, "status": "in_progress", "usage": None, "output": []}
    for name, response in (("created", opening), ("completed", RESPONSE)):
        event = {"type": f"response.{name}", "response": response}
        stream.event(b"data: " + msgspec.json.encode(event) + b"\n\n")
    assert stream.usage == SEARCHED


def test_a_response_that_only_talks_of_searches() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "web_search_call"}]}
    said = answer(Endpoint.RESPONSES, **{**RESPONSE, "output": [message]})
    assert said == Usage(input_tokens=10, output_tokens=5)


def test_images_are_counted() -> None:
    assert answer(Endpoint.IMAGES_GENERATIONS, created=1, data=[{"url": "a"}, {"url": "b"}]) == Usage(
        images=2
    )
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    assert answer(Endpoint.IMAGES_EDITS, created=1, data=[{"b64_json": "x"}], usage=usage) == Usage(
        input_tokens=1, output_tokens=2, images=1
    )
    assert answer(Endpoint.IMAGES_GENERATIONS, created=1) is None


def test_images_of_a_stream_are_counted() -> None:
    stream = PlainStream()
    for kind in ("partial_image", "completed", "completed"):
        event = {"type": f"image_generation.{kind}", "b64_json": "x"}
        stream.event(b"data: " + msgspec.json.encode(event) + b"\n\n")
    assert stream.usage == Usage(images=2)


def test_a_transcript_that_tells_how_long_the_sound_was() -> None:
    assert answer(Endpoint.AUDIO_TRANSCRIPTIONS, text="x", duration=8.47) == Usage(
        audio_ms=8_470, input_audio_ms=8_470
    )
    assert answer(Endpoint.AUDIO_TRANSCRIPTIONS, text="x") is None
    said = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
    said["input_token_details"] = {"text_tokens": 0, "audio_tokens": 14}
    assert answer(Endpoint.AUDIO_TRANSCRIPTIONS, text="x", duration=8.47, usage=said) == Usage(
        input_tokens=14, output_tokens=45, input_audio_tokens=14
    )
