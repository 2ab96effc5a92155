"""Streams as Gemini's clients take them: events and the array."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from tests.support.discovery import faults

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.conversation import Citation, Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Finish,
    ForeignDelta,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.gemini import CLIENT
from fastgate.wire.gemini.framing import stream_type_for
from fastgate.wire.gemini.seal import opened
from fastgate.wire.gemini.stream_reader import GeminiStreamReader
from fastgate.wire.interface import Asked, Problem
from fastgate.wire.seals import HERE, REDACTED

EVENTS = Asked(
    request=Conversation(format=Format.GENERATE_CONTENT, messages=()),
    model="gemini-3-pro",
    fallback_id="r1",
    created_s=0,
    include_usage=False,
    path="/v1beta/models/gemini-3-pro:streamGenerateContent",
    query="alt=sse",
)
ARRAY = EVENTS._replace(query="prettyPrint=false")
PROBLEM = Problem(502, "it broke", "upstream_error", "upstream_error", None, "req-1")


def written(*batches: Sequence[Delta]) -> list[Any]:
    writer = CLIENT.stream_writer(EVENTS)
    data = b"".join(writer.write(batch) for batch in batches) + writer.end()
    return elements(data)


def elements(data: bytes) -> list[Any]:
    splitter = EventSplitter((), 1 << 20)
    splitter.feed(data)
    found = [msgspec.json.decode(event_data(event)) for event, _ in splitter.events()]
    assert splitter.take_tail() == b""
    for each in found:
        if "error" not in each:
            assert faults("gemini", "GenerateContentResponse", each) == []
            types.GenerateContentResponse.model_validate(each)
    return found


def parts(element: Any) -> Any:
    return element["candidates"][0]["content"]["parts"]


def test_text_comes_at_once_and_the_finish_with_the_usage() -> None:
    first, second, last = written(
        [Started("a", "claude")],
        [TextDelta("He"), TextDelta("llo")],
        [TextDelta("!")],
        [Ended(Finish.STOP)],
        [Used(Usage(input_tokens=3, output_tokens=2)), Closed()],
    )
    around = {"modelVersion": "claude", "responseId": "a"}
    assert first == {
        "candidates": [{"index": 0, "content": {"parts": [{"text": "Hello"}], "role": "model"}}],
        **around,
    }
    assert parts(second) == [{"text": "!"}]
    assert last == {
        "candidates": [{"index": 0, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        **around,
    }


def test_calls_are_whole_whatever_pieces_they_came_in() -> None:
    first, last = written(
        [ToolStarted(index=0, id="a", name="f"), ToolDelta(0, '{"x"')],
        [ToolStarted(index=1, id="b", name="g", signature="c2ln")],
        [ToolDelta(0, ": 1}")],
        [Ended(Finish.TOOL_USE)],
    )
    assert parts(first) == [
        {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}},
        {"functionCall": {"id": "b", "name": "g", "args": {}}, "thoughtSignature": "c2ln"},
    ]
    assert last["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("finish", "reason"), [(Finish.TOOL_USE, "MALFORMED_FUNCTION_CALL"), (Finish.LENGTH, "MAX_TOKENS")]
)
def test_a_call_that_was_cut_off_is_left_out(finish: Finish, reason: str) -> None:
    (last,) = written([ToolStarted(index=0, id="a", name="f"), ToolDelta(0, '{"x"'), Ended(finish)])
    assert last["candidates"] == [{"index": 0, "finishReason": reason}]


def test_a_stream_that_ends_without_a_word_is_closed_all_the_same() -> None:
    first, last = written([TextDelta("a"), ToolStarted(index=0, id="a", name="f")])
    assert parts(first) == [{"text": "a"}]
    assert parts(last) == [{"functionCall": {"id": "a", "name": "f", "args": {}}}]
    assert last["candidates"][0]["finishReason"] == "OTHER"
    assert written() == []
    assert written([ToolDelta(3, "{}")])[0]["candidates"] == [{"index": 0, "finishReason": "OTHER"}]


def test_usage_alone_and_usage_from_the_start() -> None:
    (only,) = written([Started("", "", Usage(input_tokens=4))])
    assert only["usageMetadata"]["promptTokenCount"] == 4
    assert (only["modelVersion"], only["responseId"]) == ("gemini-3-pro", "r1")


def test_thoughts_and_seals() -> None:
    (first, _) = written(
        [
            ThinkingDelta("h"),
            ThinkingDelta("m"),
            Sealed(format=Format.MESSAGES, signature="ErUB"),
            Sealed(format=Format.MESSAGES, redacted="xyz"),
            RefusalDelta("no"),
            Sealed(format=Format.GENERATE_CONTENT, signature="YQ=="),
            TextDelta("a"),
            TextDelta("b"),
            Sealed(format=Format.GENERATE_CONTENT, signature="Yg=="),
            Ended(Finish.STOP),
        ]
    )
    thought, sealed, redacted, refusal, text, more, alone = parts(first)
    assert thought == {"text": "hm", "thought": True}
    assert opened(sealed["thoughtSignature"]) == (Format.MESSAGES, "ErUB", HERE)
    assert opened(redacted["thoughtSignature"]) == (Format.MESSAGES, "xyz", REDACTED)
    assert refusal == {"text": "no"}
    assert text == {"text": "a", "thoughtSignature": "YQ=="}
    assert more == {"text": "b"}
    assert alone == {"text": "", "thoughtSignature": "Yg=="}


def test_candidates_side_by_side() -> None:
    both, last = written([TextDelta("a"), TextDelta("b", 1)], [Ended(Finish.STOP), Ended(Finish.LENGTH, 1)])
    assert [each["index"] for each in both["candidates"]] == [0, 1]
    assert [each["finishReason"] for each in last["candidates"]] == ["STOP", "MAX_TOKENS"]


def test_citations_come_last() -> None:
    citation = Citation(url="u", title="t", start=0, end=2)
    _, last = written([TextDelta("éab"), Cited(citation)], [Ended(Finish.STOP)])
    assert last["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 0, "endIndex": 3, "text": "éa"}, "groundingChunkIndices": [0]}
        ],
    }


def test_probabilities() -> None:
    said = msgspec.Raw(b'{"content":[{"token":"a","logprob":-1.0,"bytes":null,"top_logprobs":[]}]}')
    first, _ = written([TextDelta("a", 0, said), TextDelta("a", 0, said)])
    token = {"token": "a", "logProbability": -1.0}
    assert first["candidates"][0]["logprobsResult"] == {"chosenCandidates": [token, token]}
    nothing = msgspec.Raw(b'{"content":null}')
    assert "logprobsResult" not in written([TextDelta("a", 0, nothing)])[0]["candidates"][0]


def test_foreign_content() -> None:
    own = ForeignDelta(format=Format.GENERATE_CONTENT, kind="x", raw=msgspec.Raw(b'{"executableCode":{}}'))
    other = ForeignDelta(format=Format.MESSAGES, kind="x", raw=msgspec.Raw(b"{}"))
    assert parts(written([own, other])[0]) == [{"executableCode": {}}]


def test_a_failure_is_the_last_event() -> None:
    writer = CLIENT.stream_writer(EVENTS)
    data = writer.write([TextDelta("a")]) + writer.failure(PROBLEM) + writer.end()
    *_, last = elements(data)
    assert last["error"]["code"] == 502
    assert last["error"]["message"] == "it broke"
    assert last["error"]["status"] == "UNAVAILABLE"


def test_an_array_grows_and_is_closed() -> None:
    writer = CLIENT.stream_writer(ARRAY)
    pieces = [writer.write([TextDelta("a")]), writer.write([TextDelta("b")]), writer.end(), writer.end()]
    found = msgspec.json.decode(b"".join(pieces))
    assert [parts(each) for each in found[:2]] == [[{"text": "a"}], [{"text": "b"}]]
    assert len(found) == 3
    assert CLIENT.stream_writer(ARRAY).end() == b"[]"


def test_a_failure_is_the_last_element_of_an_array() -> None:
    writer = CLIENT.stream_writer(ARRAY)
    found = msgspec.json.decode(writer.write([TextDelta("a")]) + writer.failure(PROBLEM) + writer.end())
    assert "error" in found[1]
    assert msgspec.json.decode(CLIENT.stream_writer(ARRAY).failure(PROBLEM))[0]["error"]["code"] == 502


@pytest.mark.parametrize(
    ("path", "query", "content_type"),
    [
        (EVENTS.path, "alt=sse", b"text/event-stream"),
        (EVENTS.path, "key=a&alt=sse", b"text/event-stream"),
        (EVENTS.path, "", b"application/json; charset=UTF-8"),
        (EVENTS.path, "alt=json", b"application/json; charset=UTF-8"),
        ("", "", b"text/event-stream"),
    ],
)
def test_the_query_says_which_form(path: str, query: str, content_type: bytes) -> None:
    assert stream_type_for(EVENTS._replace(path=path, query=query)) == content_type


_IDS = st.integers(0, 2)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_DELTAS = st.one_of(
    st.builds(Started, st.just("i"), st.just("m")),
    st.builds(TextDelta, _TEXTS, _IDS),
    st.builds(ThinkingDelta, _TEXTS, _IDS),
    st.builds(RefusalDelta, _TEXTS, _IDS),
    st.builds(Sealed, format=st.sampled_from(Format), signature=st.just("c2ln"), choice=_IDS),
    st.builds(Sealed, format=st.sampled_from(Format), redacted=st.just("c2ln"), choice=_IDS),
    st.builds(ToolStarted, index=_IDS, id=st.just("a"), name=st.just("f"), choice=_IDS),
    st.builds(ToolDelta, _IDS, st.sampled_from(("{", "}", '"a":1', "")), _IDS),
    st.builds(Cited, st.builds(Citation, url=st.just("u"), start=_IDS, end=_IDS), _IDS),
    st.builds(Ended, st.sampled_from(Finish), _IDS),
    st.builds(Used, st.just(Usage(input_tokens=1))),
    st.just(Closed()),
)


@given(st.lists(st.lists(_DELTAS, max_size=4), max_size=8))
def test_any_order_is_a_valid_stream(batches: list[list[Delta]]) -> None:
    found = written(*batches)
    said = "".join(
        delta.text for batch in batches for delta in batch if isinstance(delta, TextDelta | RefusalDelta)
    )
    texts = [
        part["text"]
        for element in found
        for candidate in element.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
        if "text" in part and "thought" not in part
    ]
    assert sorted("".join(texts)) == sorted(said)


def test_what_was_written_is_read_as_the_same() -> None:
    deltas: list[Delta] = [
        Started("r", "m"),
        ThinkingDelta("hm"),
        TextDelta("a"),
        ToolStarted(index=0, id="1", name="f", signature="c2ln"),
        ToolDelta(0, '{"a":1}'),
        Ended(Finish.TOOL_USE),
        Used(Usage(input_tokens=1, output_tokens=3, reasoning_tokens=1)),
    ]
    writer, reader = CLIENT.stream_writer(EVENTS), GeminiStreamReader()
    splitter = EventSplitter((), 1 << 20)
    splitter.feed(writer.write(deltas) + writer.end())
    assert [delta for event, _ in splitter.events() for delta in reader.read(event)] == deltas
    assert reader.complete()
