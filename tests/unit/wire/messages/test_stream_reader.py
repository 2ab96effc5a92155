"""Anthropic's streams, as they are and as they should not be."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.messages_requests import raw

from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.messages import PROVIDER

CITATION = {
    "type": "char_location",
    "cited_text": "C",
    "document_index": 0,
    "document_title": "T",
    "start_char_index": 40,
    "end_char_index": 41,
}


def event(type_: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), msgspec.json.encode({"type": type_, **members}))


def start(index: int, type_: str, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": type_, **block})


def delta(index: int, type_: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": type_, **members})


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


BEGIN = event(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "m",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
)
END = event(
    "message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 15}
)
CLOSE = event("message_stop")
STREAM = b"".join(
    (
        BEGIN,
        event("ping"),
        start(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="hm"),
        delta(0, "signature_delta", signature="s"),
        stop(0),
        start(1, "redacted_thinking", data="d"),
        stop(1),
        start(2, "server_tool_use", id="s", name="web_search", input={}),
        delta(2, "input_json_delta", partial_json='{"query"'),
        b": keep-alive\n\n",
        delta(2, "input_json_delta", partial_json=':"q"}'),
        stop(2),
        start(3, "web_search_tool_result", tool_use_id="s", content=[]),
        stop(3),
        start(4, "text", text=""),
        delta(4, "text_delta", text="It is "),
        stop(4),
        start(5, "text", text="", citations=[]),
        delta(5, "citations_delta", citation=CITATION),
        delta(5, "text_delta", text="só."),
        stop(5),
        start(6, "tool_use", id="t1", name="f", input={}),
        delta(6, "input_json_delta", partial_json=""),
        delta(6, "input_json_delta", partial_json='{"a":'),
        delta(6, "input_json_delta", partial_json="1}"),
        stop(6),
        start(7, "tool_use", id="t2", name="g", input={}),
        stop(7),
        END,
        CLOSE,
    )
)
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
DELTAS: list[Delta] = [
    Started("msg_1", "m", Usage(input_tokens=30, cached_input_tokens=5, output_tokens=1)),
    ThinkingDelta("hm"),
    Sealed(format=Format.MESSAGES, signature="s"),
    Sealed(format=Format.MESSAGES, redacted="d"),
    ForeignDelta(format=Format.MESSAGES, kind="server_tool_use", raw=raw(SEARCH)),
    ForeignDelta(format=Format.MESSAGES, kind="web_search_tool_result", raw=raw(FOUND)),
    TextDelta("It is "),
    TextDelta("só."),
    Cited(Citation(title="T", quoted="C", start=6, end=9, format=Format.MESSAGES, raw=raw(CITATION))),
    ToolStarted(index=0, id="t1", name="f"),
    ToolDelta(0, '{"a":'),
    ToolDelta(0, "1}"),
    ToolStarted(index=1, id="t2", name="g"),
    ToolDelta(1, "{}"),
    Used(Usage(input_tokens=30, cached_input_tokens=5, output_tokens=15)),
    Ended(Finish.TOOL_USE),
    Closed(),
]


def read(*chunks: bytes) -> list[Delta]:
    splitter, reader = PROVIDER.splitter(1 << 20), PROVIDER.stream_reader()
    out: list[Delta] = []
    for chunk in chunks:
        splitter.feed(chunk)
        out += chain.from_iterable(_plain(reader.read(each)) for each, _ in splitter.events())
    return out


def _plain(deltas: Sequence[Delta]) -> list[Delta]:
    """With the JSON that is kept in one form."""
    out: list[Delta] = []
    for each in deltas:
        match each:
            case ForeignDelta():
                out.append(msgspec.structs.replace(each, raw=raw(msgspec.json.decode(each.raw))))
            case Cited(citation):
                said = raw(msgspec.json.decode(citation.raw))
                out.append(Cited(msgspec.structs.replace(citation, raw=said)))
            case _:
                out.append(each)
    return out


def test_a_stream() -> None:
    assert read(STREAM) == DELTAS


def test_a_stream_of_crlf_lines_and_spaces() -> None:
    assert read(STREAM.replace(b"\n", b"\r\n").replace(b'"type":', b'"type" : ')) == DELTAS


@given(st.lists(st.integers(0, len(STREAM)), max_size=4).map(sorted))
def test_the_cuts_between_chunks_change_nothing(cuts: list[int]) -> None:
    borders = [0, *cuts, len(STREAM)]
    assert read(*(STREAM[one:other] for one, other in pairwise(borders))) == DELTAS


def test_every_cut_changes_nothing() -> None:
    assert read(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == DELTAS


def test_where_it_may_end() -> None:
    reader = PROVIDER.stream_reader()
    seen = [
        (reader.read(each), reader.complete())[1] for each in (BEGIN, start(0, "text", text=""), END, CLOSE)
    ]
    assert seen == [False, False, True, True]


def test_a_block_that_says_all_at_its_start() -> None:
    """As some servers of this API do."""
    stream = (
        start(0, "thinking", thinking="hm", signature="s"),
        stop(0),
        start(1, "text", text="x"),
        stop(1),
        start(2, "tool_use", id="t", name="f", input={"a": 1}),
        stop(2),
    )
    assert read(*stream) == [
        ThinkingDelta("hm"),
        Sealed(format=Format.MESSAGES, signature="s"),
        TextDelta("x"),
        ToolStarted(index=0, id="t", name="f"),
        ToolDelta(0, '{"a":1}'),
    ]


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("overloaded_error", 529),
        ("rate_limit_error", 429),
        ("invalid_request_error", 400),
        ("brand_new", 500),
    ],
)
def test_an_error_of_the_provider(type_: str, status: int) -> None:
    assert read(event("error", error={"type": type_, "message": "M"})) == [Failed(status, "M")]


@pytest.mark.parametrize(
    "odd",
    [
        event("ping", anything=3),
        event("brand_new", index="x", delta=[1]),
        delta(0, "brand_new_delta", text=""),
        b": comment\n\n",
        b"event: ping\n\n",
        event("content_block_stop", index=9),
        event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": -1}),
        event("message_delta", delta={}, usage={"output_tokens": "x"}),
    ],
)
def test_what_says_nothing_is_passed_over(odd: bytes) -> None:
    assert read(start(0, "text", text=""), odd, delta(0, "text_delta", text="x")) == [TextDelta("x")]


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"type":3}\n\n',
        b"data: [DONE]\n\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff"}}\n\n',
        delta(0, "text_delta", text=3),
        delta(1, "text_delta", text="x"),
        delta(0, "input_json_delta", partial_json="{}"),
        event("content_block_delta", index=0),
        event("content_block_start", index=1),
        event("content_block_start", index=1, content_block={"text": "x"}),
        start(1, "tool_use", id="t", name="f", input=[]),
        start(1, "text", text=3),
        start(1, "new", input={}) + delta(1, "input_json_delta", partial_json="{") + stop(1),
        event("message_start", message=3),
        event("error", error="x"),
    ],
)
def test_what_cannot_be_read_is_a_failure(broken: bytes) -> None:
    (failed,) = read(start(0, "text", text=""), broken)
    assert isinstance(failed, Failed)
    assert failed.status == 502


@given(st.binary(max_size=200), st.integers(0, len(STREAM)))
def test_no_bytes_make_it_raise(noise: bytes, at: int) -> None:
    read(STREAM[:at] + noise + b"\n\n" + STREAM[at:])
