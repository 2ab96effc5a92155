"""Streams of Gemini, chunk by chunk."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.conversation import Image, Source
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.gemini import PROVIDER
from fastgate.wire.gemini.stream_reader import GeminiStreamReader


def event(body: Any) -> bytes:
    return b"data: %b\r\n\r\n" % msgspec.json.encode(body)


def chunk(*parts: Any, index: int = 0, **fields: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": index, **fields}
    return {"candidates": [candidate], "modelVersion": "gemini-3-pro", "responseId": "r"}


def read(*chunks: Any) -> tuple[list[Delta], GeminiStreamReader]:
    reader = GeminiStreamReader()
    return [delta for each in chunks for delta in reader.read(event(each))], reader


STARTED = Started("r", "gemini-3-pro")

STREAM = [
    chunk({"text": "hm", "thought": True}),
    {**chunk({"text": "Hé"}), "usageMetadata": {"promptTokenCount": 5}},
    chunk(
        {"functionCall": {"name": "f", "args": {"a": [1]}, "id": "c"}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "id": "d"}},
    ),
    {
        **chunk({"text": "", "thoughtSignature": "c2ln"}, finishReason="STOP"),
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "thoughtsTokenCount": 2},
    },
]
DELTAS: list[Delta] = [
    STARTED,
    ThinkingDelta("hm"),
    TextDelta("Hé"),
    Used(Usage(input_tokens=5)),
    ToolStarted(index=0, id="c", name="f", signature="c2ln"),
    ToolDelta(0, '{"a":[1]}'),
    ToolStarted(index=1, id="d", name="g"),
    ToolDelta(1, "{}"),
    Sealed(format=Format.GENERATE_CONTENT, signature="c2ln"),
    Ended(Finish.TOOL_USE),
    Used(Usage(input_tokens=5, output_tokens=5, reasoning_tokens=2)),
]


def test_a_stream() -> None:
    deltas, reader = read(*STREAM)
    assert deltas == DELTAS
    assert reader.complete()


@given(st.lists(st.integers(1, 60), max_size=30))
def test_re_chunking_changes_nothing(cuts: list[int]) -> None:
    data = b"".join(map(event, STREAM)) + b": a comment\n\n"
    splitter, reader = PROVIDER.splitter(10_000), PROVIDER.stream_reader()
    deltas: list[Delta] = []
    at = 0
    for size in (*cuts, len(data)):
        if splitter.feed(data[at : at + size]):
            for raw, _ in splitter.events():
                deltas += reader.read(raw)
        at += size
    assert deltas == DELTAS
    assert splitter.take_tail() == b""


def test_every_byte_of_a_split() -> None:
    data = b"".join(map(event, STREAM))
    for at in range(len(data) + 1):
        splitter, reader = PROVIDER.splitter(10_000), PROVIDER.stream_reader()
        deltas: list[Delta] = []
        for piece in (data[:at], data[at:]):
            splitter.feed(piece)
            deltas += [delta for raw, _ in splitter.events() for delta in reader.read(raw)]
        assert deltas == DELTAS


def test_parallel_candidates_each_end() -> None:
    deltas, reader = read(
        chunk({"text": "a"}),
        chunk({"text": "b"}, index=1),
        chunk(finishReason="STOP"),
        chunk({"text": "c"}, index=1),
    )
    assert not reader.complete()
    assert TextDelta("c", 1) in deltas
    assert reader.read(event(chunk(index=1, finishReason="MAX_TOKENS"))) == [Ended(Finish.LENGTH, 1)]
    assert reader.complete()


def test_a_blocked_prompt() -> None:
    deltas, reader = read(
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    )
    assert deltas == [Started("", ""), Ended(Finish.FILTERED), Used(Usage(input_tokens=4))]
    assert reader.complete()


def test_a_block_ends_what_had_begun() -> None:
    blocked = {"promptFeedback": {"blockReason": "OTHER"}}
    deltas, reader = read(chunk({"text": "a"}, index=1), blocked, blocked)
    assert deltas[2:] == [Ended(Finish.FILTERED, 1)]
    assert reader.complete()


def test_calls_without_ids_get_some() -> None:
    deltas, _ = read(chunk({"functionCall": {"name": "f"}}), chunk({"functionCall": {"name": "f"}}))
    ids = [delta.id for delta in deltas if isinstance(delta, ToolStarted)]
    assert len(set(ids)) == 2
    assert all(len(id_) == 29 for id_ in ids)


def test_a_signature_stands_before_its_text_and_behind_its_thoughts() -> None:
    deltas, _ = read(
        chunk(
            {"text": "a", "thought": True, "thoughtSignature": "YQ=="},
            {"text": "b", "thoughtSignature": "Yg=="},
        )
    )
    assert deltas == [
        STARTED,
        ThinkingDelta("a"),
        Sealed(format=Format.GENERATE_CONTENT, signature="YQ=="),
        Sealed(format=Format.GENERATE_CONTENT, signature="Yg=="),
        TextDelta("b"),
    ]


def test_a_signature_alone_is_one_of_thoughts_or_of_text() -> None:
    deltas, _ = read(
        chunk({"thought": True, "thoughtSignature": "YQ=="}, {"thoughtSignature": "Yg=="}),
    )
    assert deltas[1:] == [
        Sealed(format=Format.GENERATE_CONTENT, signature="YQ=="),
        Sealed(format=Format.GENERATE_CONTENT, signature="Yg=="),
    ]


def test_grounding_counts_over_all_chunks() -> None:
    deltas, _ = read(
        chunk({"text": "Gruß"}),
        chunk(groundingMetadata={"groundingChunks": [{"web": {"uri": "u1"}}], "webSearchQueries": ["a"]}),
        {
            **chunk(
                groundingMetadata={
                    "groundingChunks": [{"web": {"uri": "u2", "title": "t"}}],
                    "groundingSupports": [{"segment": {"endIndex": 5}, "groundingChunkIndices": [1]}],
                },
                finishReason="STOP",
            ),
            "usageMetadata": {"promptTokenCount": 1},
        },
    )
    (cited,) = [delta.citation for delta in deltas if isinstance(delta, Cited)]
    assert (cited.url, cited.title, cited.start, cited.end) == ("u2", "t", 0, 4)
    assert deltas[-1] == Used(Usage(input_tokens=1, web_searches=1))


def test_probabilities_come_with_their_text() -> None:
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}
    deltas, _ = read(chunk({"text": "a"}, logprobsResult=result), chunk(logprobsResult=result))
    texts = [delta for delta in deltas if isinstance(delta, TextDelta)]
    assert [(each.text, each.logprobs is not None) for each in texts] == [("a", True), ("", True)]


def test_images_and_what_only_gemini_knows_are_content() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "s"}
    code = {"executableCode": {"code": "1"}}
    deltas, _ = read(chunk(image, code, {}))
    made = Image(source=Source(media_type="image/png", data="AAAA"), signature="s")
    assert ImageDelta(made) in deltas
    assert [each.kind for each in deltas if isinstance(each, ForeignDelta)] == ["executableCode"]


@pytest.mark.parametrize(
    "data",
    [
        b"data: {\r\n\r\n",
        b"data: []\r\n\r\n",
        b'data: {"candidates":1}\r\n\r\n',
        b'data: {"candidates":[{"content":{"parts":[{"text":1}]}}]}\r\n\r\n',
        b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[]}}]}}]}\r\n\r\n',
        b'data: {"candidates":[{"index":-1}]}\r\n\r\n',
        b'data: {"candidates":[{"content":{"parts":[{"inlineData":{"data":1}}]}}]}\r\n\r\n',
        b"data: \xff\r\n\r\n",
        b"data: " + b"[" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_malformed_event_is_the_providers_failure(data: bytes) -> None:
    reader = GeminiStreamReader()
    reader.read(event(STREAM[0]))
    deltas = reader.read(data)
    assert isinstance(deltas[-1], Failed)
    assert deltas[-1].status == 502
    assert not reader.complete()
    assert reader.read(event(STREAM[-1])) == ()


def test_content_behind_the_end_is_the_providers_failure() -> None:
    deltas, _ = read(chunk({"text": "a"}, finishReason="STOP"), chunk({"text": "b"}))
    assert isinstance(deltas[-1], Failed)
    deltas, reader = read(chunk({"text": "a"}, finishReason="STOP"), chunk(finishReason="STOP"))
    assert deltas.count(Ended(Finish.STOP)) == 1
    assert reader.complete()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}, Failed(429, "slow")),
        ({"status": "UNAVAILABLE", "message": "x"}, Failed(503, "x")),
        ({}, Failed(500, "an error without a message")),
    ],
)
def test_an_error_in_the_stream(error: Any, expected: Failed) -> None:
    assert read({"error": error})[0] == [expected]


@pytest.mark.parametrize("data", [b": ping\n\n", b"\r\n", b"event: x\r\n\r\n"])
def test_events_without_data_say_nothing(data: bytes) -> None:
    assert GeminiStreamReader().read(data) == ()


@given(st.binary(max_size=80))
def test_no_bytes_raise(data: bytes) -> None:
    deltas: Sequence[Delta] = GeminiStreamReader().read(b"data: " + data.replace(b"\n", b" ") + b"\n\n")
    assert isinstance(deltas, Sequence)


def test_a_stream_without_an_end_is_not_complete() -> None:
    assert not read(*STREAM[:-1])[1].complete()
    assert not GeminiStreamReader().complete()
