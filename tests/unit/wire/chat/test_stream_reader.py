"""Streams from servers: OpenAI's, and what other vendors make of them."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.conversation import Citation, Image, Source
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.chat import PROVIDER
from fastgate.wire.interface import raw

DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def chunk(delta: Any = None, reason: str | None = None, index: int = 0, **fields: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": reason, **fields}
    return event({"id": "i", "model": "m", "choices": [choice]})


def read(*events: bytes) -> list[Delta]:
    """All but who it is that answers."""
    reader = PROVIDER.stream_reader()
    deltas = [delta for each in events for delta in reader.read(each)]
    return [delta for delta in deltas if not isinstance(delta, Started)]


def test_a_whole_stream() -> None:
    reader = PROVIDER.stream_reader()
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    stream = [
        b": comment\n\n",
        event({"id": "i", "model": "m", "choices": [], "prompt_filter_results": []}),
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "Hel"}, logprobs={"content": []}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        event({"choices": [], "usage": usage, "service_tier": "flex"}),
        DONE,
    ]
    deltas = [delta for each in stream[:-3] for delta in reader.read(each)]
    assert deltas == [
        Started("i", "m"),
        TextDelta("Hel", 0, raw({"content": []})),
        TextDelta("lo"),
    ]
    assert not reader.complete()
    assert reader.read(stream[-3]) == [Ended(Finish.STOP)]
    assert reader.complete()
    assert reader.read(stream[-2]) == [Used(Usage(input_tokens=3, output_tokens=2, service_tier="flex"))]
    assert reader.read(stream[-1]) == (Closed(),)


@pytest.mark.parametrize(
    ("delta", "deltas"),
    [
        ({"reasoning_content": "t"}, [ThinkingDelta("t")]),
        ({"reasoning": "t", "content": ""}, [ThinkingDelta("t")]),
        ({"reasoning_content": "t", "content": "a"}, [ThinkingDelta("t"), TextDelta("a")]),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "a"},
                    {"type": "text", "text": ""},
                    "odd",
                ]
            },
            [ThinkingDelta("t"), TextDelta("a")],
        ),
        ({"content": [{"type": "thinking", "thinking": "t"}]}, [ThinkingDelta("t")]),
        ({"refusal": "no"}, [RefusalDelta("no")]),
        ({"audio": {"id": "a"}}, [ForeignDelta(format=Format.CHAT, kind="audio", raw=raw({"id": "a"}))]),
        (
            {"images": [{"image_url": {"url": "data:image/png;base64,AA=="}}, {}]},
            [ImageDelta(Image(source=Source(media_type="image/png", data="AA==")))],
        ),
        ({"content": None, "tool_calls": None, "audio": None}, []),
        (None, []),
    ],
)
def test_what_vendors_write(delta: Any, deltas: list[Delta]) -> None:
    assert read(chunk(delta)) == deltas


def test_annotations_are_citations() -> None:
    annotation = {"type": "url_citation", "url_citation": {"url": "https://h", "title": "t"}}
    cited = Citation(url="https://h", title="t", format=Format.CHAT, raw=raw(annotation))
    assert read(chunk({"annotations": [annotation]})) == [Cited(cited)]


def call(
    index: int | None = None, id_: str | None = None, name: str | None = None, arguments: Any = None
) -> Any:
    return {"index": index, "id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


F = ToolStarted(index=0, id="1", name="f")
G = ToolStarted(index=1, id="2", name="g")


@pytest.mark.parametrize(
    ("calls", "deltas"),
    [
        pytest.param(
            [call(0, "1", "f", ""), call(0, None, None, '{"a"'), call(0, None, None, ":1}")],
            [F, ToolDelta(0, '{"a"'), ToolDelta(0, ":1}")],
            id="openai",
        ),
        pytest.param(
            [
                call(0, "1", "f", "{"),
                call(1, "2", "g", "["),
                call(0, None, None, "}"),
                call(1, None, None, "]"),
            ],
            [F, ToolDelta(0, "{"), G, ToolDelta(1, "["), ToolDelta(0, "}"), ToolDelta(1, "]")],
            id="interleaved",
        ),
        pytest.param(
            [call(None, "1", "f", "{"), call(None, None, None, "}"), call(None, "2", "g", "{}")],
            [F, ToolDelta(0, "{"), ToolDelta(0, "}"), G, ToolDelta(1, "{}")],
            id="without an index",
        ),
        pytest.param(
            [call(0, "1", "f", "{}"), call(0, "2", "g", "{}")],
            [F, ToolDelta(0, "{}"), G, ToolDelta(1, "{}")],
            id="one index for all, as Gemini's",
        ),
        pytest.param(
            [call(0, "1", "f", "{"), call(0, "1", "f", "}")],
            [F, ToolDelta(0, "{"), ToolDelta(0, "}")],
            id="id and name in each",
        ),
        pytest.param(
            [call(0, "1", None, "{"), call(0, None, "f", "}")],
            [F, ToolDelta(0, "{}")],
            id="the name comes later",
        ),
        pytest.param([call(0, "1", "f", {"a": 1})], [F, ToolDelta(0, '{"a":1}')], id="an object"),
        pytest.param([call(3, "1", "f", "{}")], [F, ToolDelta(0, "{}")], id="counted from elsewhere"),
    ],
)
def test_calls(calls: list[Any], deltas: list[Delta]) -> None:
    assert read(*(chunk({"tool_calls": [each]}) for each in calls)) == deltas
    assert read(chunk({"tool_calls": calls})) == deltas


def test_custom_calls_and_signatures() -> None:
    custom = {"index": 0, "id": "1", "type": "custom", "custom": {"name": "c", "input": "fr"}}
    rest = {"index": 0, "custom": {"input": "ee"}}
    assert read(chunk({"tool_calls": [custom]}), chunk({"tool_calls": [rest]})) == [
        ToolStarted(index=0, id="1", name="c", custom=True),
        ToolDelta(0, "fr"),
        ToolDelta(0, "ee"),
    ]
    signed = {**call(0, "1", "f"), "extra_content": {"google": {"thought_signature": "g"}}}
    assert read(chunk({"tool_calls": [signed]})) == [ToolStarted(index=0, id="1", name="f", signature="g")]


def test_calls_without_an_id_get_one_each() -> None:
    first, second = read(chunk({"tool_calls": [call(0, None, "f"), call(1, None, "g")]}))
    assert isinstance(first, ToolStarted)
    assert isinstance(second, ToolStarted)
    assert first.id
    assert second.id
    assert first.id != second.id


def test_a_function_call_of_old() -> None:
    first, *rest = read(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    )
    assert isinstance(first, ToolStarted)
    assert (first.index, first.name) == (0, "f")
    assert rest == [ToolDelta(0, "{}"), Ended(Finish.TOOL_USE)]


@pytest.mark.parametrize(
    ("delta", "reason", "finish"),
    [
        ({"content": "a"}, "stop", Finish.STOP),
        ({"content": "a"}, "eos_token", Finish.STOP),
        ({"content": "a"}, "length", Finish.LENGTH),
        ({"refusal": "no"}, "stop", Finish.REFUSED),
        ({"tool_calls": [call(0, "1", "f")]}, "stop", Finish.TOOL_USE),
        ({"tool_calls": [call(0, "1", "f")]}, "length", Finish.LENGTH),
    ],
)
def test_why_it_ended(delta: Any, reason: str, finish: Finish) -> None:
    assert read(chunk(delta), chunk({}, reason), chunk({}, reason))[-1] == Ended(finish)
    assert read(chunk(delta, reason))[-1] == Ended(finish)


def test_all_choices_must_end() -> None:
    reader = PROVIDER.stream_reader()
    assert not reader.complete()
    for each in (chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk({}, "stop")):
        reader.read(each)
    assert not reader.complete()
    assert reader.read(chunk({}, "length", 1)) == [Ended(Finish.LENGTH, 1)]
    assert reader.complete()


def test_done_is_complete_by_itself() -> None:
    reader = PROVIDER.stream_reader()
    reader.read(chunk({"content": "a"}))
    assert reader.read(b"data:[DONE]\r\n\r\n") == (Closed(),)
    assert reader.complete()


@pytest.mark.parametrize(
    ("data", "failed"),
    [
        (
            {"error": {"message": "slow down", "type": "rate_limit_error", "code": None}},
            Failed(429, "slow down"),
        ),
        ({"error": "overloaded"}, Failed(500, "overloaded")),
        ({"object": "error", "message": "bad", "code": 400}, Failed(400, "bad")),
        ({"id": "i", "choices": [], "error": {"code": 502, "message": "m"}}, Failed(502, "m")),
    ],
)
def test_errors(data: Any, failed: Failed) -> None:
    assert read(event(data)) == [failed]


def test_an_error_that_is_null_is_none() -> None:
    chunk_ = {"id": "i", "choices": [{"index": 0, "delta": {"content": "a"}}], "error": None}
    assert read(event(chunk_)) == [TextDelta("a")]
    assert read(chunk({"content": '"error'})) == [TextDelta('"error')]


@pytest.mark.parametrize(("reason", "status"), [("error", 502), ("insufficient_system_resource", 503)])
def test_reasons_that_are_failures(reason: str, status: int) -> None:
    reader = PROVIDER.stream_reader()
    *_, last = reader.read(chunk({"content": "a"}, reason))
    assert isinstance(last, Failed)
    assert last.status == status
    assert not reader.complete()


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"choices":7}', b'{"choices":[{"index":"x"}]}', b"\xff", b'{"choices":[{"delta":[]}]}'],
)
def test_what_is_no_chunk(data: bytes) -> None:
    (failed,) = read(b"data: " + data + b"\n\n")
    assert isinstance(failed, Failed)
    assert failed.status == 502


def test_chunking_changes_nothing() -> None:
    stream = b"".join(
        (
            chunk({"role": "assistant", "content": "Hé"}),
            b"\r\n: ping\r\n\r\n",
            chunk({"tool_calls": [call(0, "1", "f", "{}")]}),
            chunk({}, "tool_calls"),
            event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
            DONE,
        )
    )
    whole = _cut(stream, len(stream))
    assert len(whole) == 7
    for size in range(1, len(stream)):
        assert _cut(stream, size) == whole


def _cut(stream: bytes, size: int) -> list[Delta]:
    splitter, reader = PROVIDER.splitter(len(stream)), PROVIDER.stream_reader()
    deltas: list[Delta] = []
    for at in range(0, len(stream), size):
        splitter.feed(stream[at : at + size])
        deltas += [delta for each, _ in splitter.events() for delta in reader.read(each)]
    assert splitter.take_tail() == b""
    return deltas
