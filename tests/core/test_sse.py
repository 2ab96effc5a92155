import itertools
import tracemalloc
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference import sse as reference

from fastgate._core import sse

MARKERS = (b'"usage"', b'"content"', b"[DONE]", b'"error"', b"data:", b'"', b'"a b"')

SAMPLES = {
    "lf": b'data: {"content": "Hi"}\n\ndata: [DONE]\n\n',
    "crlf": b'data: {"content": "Hi"}\r\n\r\ndata: [DONE]\r\n\r\n',
    "cr": b'data: {"content": "Hi"}\r\rdata: [DONE]\r\r',
    "blank line of another kind": b"data:a\n\r\ndata:b\r\n\ndata:c\n\rdata:d\r\r\ndata:e\r\n\rdata:f\n\n",
    "comments": b": ping\n\n:\n\n: OPENROUTER PROCESSING\r\n\r\ndata: x\n\n",
    "leading blank lines": b"\n\r\n\r\r\ndata: x\n\n\n\n\ndata: y\n\n\n",
    "byte order mark": b"\xef\xbb\xbfdata: x\n\ndata: y\n\n",
    "utf-8": 'data: {"content": "Grüße 🚀"}\n\n'.encode(),
    "bad utf-8": b'data: {"content": "\xff\xfe\xc3"}\n\n\x00\n\n',
    "unfinished": b"data: x\n\ndata: [DO",
    "unfinished line end": b"data: x\n\ndata: y\r\n\r",
    "usage or null": b'data: {"usage":null}\n\n{"usage" \t: \t null}\n\ndata: {"usage" \t:\t {"a":1}}\n\n',
    "usage after null": b'data: {"usage":null,"x":{"usage":{}}}\n\n',
    "usage as text": b'data: {"content":"\\"usage\\": 5", "x": "usage"}\n\n{"usage"\n\n{"usage":\n\n',
    "usage cut by the end": b'data: {"usage":nul\n\ndata: "usage": n\n\n"usage":\r\n\r\n',
    "many lines": b"event: a\ndata: 1\ndata:2\ndata\nid: 7\nretry: 3\ndata:  3\n\nevent:b\nevent: c\n\n",
    "anthropic": b'event: ping\ndata: {"type": "ping"}\n\nevent: error\ndata: {"error": {}}\n\n',
}


def replay(chunks: Iterable[bytes], limit: int = 1 << 20) -> list[tuple[bytes, int]]:
    """Feed both, compare all that can be seen after each chunk, and return all events."""
    splitter = sse.EventSplitter(MARKERS, limit)
    oracle = reference.EventSplitter(MARKERS, limit)
    found = []
    for chunk in chunks:
        held_before = splitter.pending
        assert splitter.feed(chunk) == oracle.feed(chunk)
        assert (splitter.block, splitter.mask, splitter.pending, splitter.events()) == (
            oracle.block,
            oracle.mask,
            oracle.pending,
            oracle.events(),
        )
        if splitter.block and not held_before and not splitter.pending:
            assert splitter.block is chunk
        found += splitter.events()
    assert splitter.take_tail() == oracle.take_tail()
    assert splitter.pending == 0
    return found


@pytest.mark.parametrize("stream", SAMPLES.values(), ids=SAMPLES.keys())
def test_every_two_cuts(stream: bytes) -> None:
    whole = replay([stream])
    for first, second in itertools.combinations_with_replacement(range(len(stream) + 1), 2):
        cut = replay([stream[:first], stream[first:second], stream[second:]])
        assert cut == whole[: len(cut)]
        # Only a lone CR that the end leaves open may tell them apart, and it does not.
        assert len(cut) == len(whole)


@pytest.mark.parametrize("stream", SAMPLES.values(), ids=SAMPLES.keys())
def test_byte_by_byte(stream: bytes) -> None:
    assert replay(bytes([byte]) for byte in stream) == replay([stream])


@given(
    pieces=st.lists(
        st.sampled_from(
            [b"\n", b"\r", b"\r\n", b"data: ", b'"usage"', b":", b" ", b"null", b"{}", b"x", b"\xef\xbb\xbf"]
        )
        | st.binary(max_size=4)
    ),
    limit=st.integers(1, 64),
)
def test_any_bytes_any_chunks_any_limit(pieces: list[bytes], limit: int) -> None:
    splitter = sse.EventSplitter(MARKERS, limit)
    oracle = reference.EventSplitter(MARKERS, limit)
    for chunk in pieces:
        outcomes = []
        for one in (splitter, oracle):
            try:
                outcomes.append(one.feed(chunk))
            except BufferError:
                outcomes.append(-1)
        assert outcomes[0] == outcomes[1]
        assert (splitter.block, splitter.mask, splitter.pending) == (
            oracle.block,
            oracle.mask,
            oracle.pending,
        )
        assert splitter.events() == oracle.events()
    assert splitter.take_tail() == oracle.take_tail()


@given(
    st.lists(
        st.sampled_from([b"\n", b"\r", b"data:", b"x", b" ", b"event", b":", b"\xef\xbb\xbf"])
        | st.binary(max_size=3)
    )
)
def test_fields_of_any_bytes(pieces: list[bytes]) -> None:
    event = b"".join(pieces)
    assert sse.event_data(event) == reference.event_data(event)
    assert sse.event_name(event) == reference.event_name(event)


@pytest.mark.parametrize(
    ("event", "data", "name"),
    [
        (b"data: x\n\n", b"x", b""),
        (b"data:x\ndata:  y\ndata\ndata:\n\n", b"x\n y\n\n", b""),
        (b"event: a\r\ndata: 1\r\ndata: 2\r\n\r\n", b"1\n2", b"a"),
        (b"\xef\xbb\xbfdata: x\n\n", b"x", b""),
        (b"Data: x\ndatax: y\n data: z\n:data: c\n\n", b"", b""),
        (b"event: a\revent:b\r\r", b"", b"b"),
        (b"", b"", b""),
        (b"data: the end is missing", b"the end is missing", b""),
    ],
)
def test_fields(event: bytes, data: bytes, name: bytes) -> None:
    assert sse.event_data(event) == data
    assert sse.event_name(event) == name


def test_a_cr_stream_is_not_delayed() -> None:
    splitter = sse.EventSplitter()
    assert splitter.feed(b"data: x\r\r") == 1
    assert splitter.pending == 0


def test_a_block_of_several_events_is_the_same_object() -> None:
    splitter = sse.EventSplitter()
    data = b"data: 1\n\n: ping\n\ndata: 2\n\n"
    assert splitter.feed(data) == 3
    assert splitter.block is data


def feed_all(splitter: sse.EventSplitter, chunks: Iterable[bytes]) -> int:
    return sum(map(splitter.feed, chunks))


def test_an_event_at_the_limit_passes_and_one_beyond_does_not() -> None:
    event = b"data: 123\n\n"
    assert sse.EventSplitter((), len(event)).feed(event) == 1
    for cut in range(len(event) + 1):
        splitter = sse.EventSplitter((), len(event) - 1)
        with pytest.raises(BufferError):
            feed_all(splitter, [event[:cut], event[cut:]])
        assert splitter.pending == 0


def test_the_limit_is_for_each_event() -> None:
    splitter = sse.EventSplitter((), 9)
    splitter.feed(b"data: 1")
    assert splitter.feed(b"\n\ndata: 2\n\ndata: 3\n") == 2
    assert splitter.feed(b"\ndata: 4\n\n") == 2


def test_the_events_before_an_oversized_one_are_delivered() -> None:
    splitter = sse.EventSplitter((b"b",), 10)
    with pytest.raises(BufferError):
        splitter.feed(b"data: b\n\ndata: much too long\n\n")
    assert (splitter.block, splitter.mask) == (b"data: b\n\n", 1)
    with pytest.raises(BufferError):
        splitter.feed(b"data: c\n\n")
    assert splitter.block == b""
    assert splitter.take_tail() == b""
    assert splitter.feed(b"data: c\n\n") == 1


def test_endless_blank_lines_are_bounded() -> None:
    splitter = sse.EventSplitter((), 1000)
    feed_all(splitter, [b"\n"] * 1000)
    with pytest.raises(BufferError):
        splitter.feed(b"\n")


@pytest.mark.parametrize("size", [1, 7, 1000, 65536])
def test_a_line_of_2_mb_costs_its_bytes(size: int) -> None:
    """Quadratic work would be 10^12 bytes at the smallest size, beyond any time limit."""
    event = b"data: " + b"x" * 2_000_000 + b"\n\n"
    splitter = sse.EventSplitter(MARKERS)
    assert feed_all(splitter, (event[at : at + size] for at in range(0, len(event), size))) == 1
    assert splitter.block == event


def test_memory_of_a_long_event_is_bounded_and_given_back() -> None:
    event = b"data: " + b"x" * 2_000_000 + b"\n\n"
    splitter = sse.EventSplitter()
    tracemalloc.start()
    try:
        feed_all(splitter, (event[at : at + 4096] for at in range(0, len(event), 4096)))
        splitter.feed(b": ping\n\n")
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3.5 * len(event)
    assert after < 100_000


@pytest.mark.parametrize(
    ("construct", "error"),
    [
        (lambda: sse.EventSplitter((b"",)), ValueError),
        (lambda: sse.EventSplitter((b"a\nb",)), ValueError),
        (lambda: sse.EventSplitter((b"a\rb",)), ValueError),
        (lambda: sse.EventSplitter((b"x",) * (sse.MAX_MARKERS + 1)), ValueError),
        (lambda: sse.EventSplitter((), 0), ValueError),
        (lambda: sse.EventSplitter(("x",)), TypeError),  # type: ignore[arg-type]  # the wrong type is the test
    ],
)
def test_wrong_arguments(construct: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        construct()


def test_each_marker_has_a_bit() -> None:
    splitter = sse.EventSplitter(tuple(b"<%d>" % i for i in range(sse.MAX_MARKERS)))
    splitter.feed(b"data: <0><15>\n\n")
    assert splitter.mask == 1 | 1 << 15


@pytest.mark.parametrize("wrong", [None, "text", bytearray(b"x"), 1])
def test_only_bytes_are_taken(wrong: object) -> None:
    for function in (sse.EventSplitter().feed, sse.event_data, sse.event_name):
        with pytest.raises(TypeError):
            function(wrong)  # type: ignore[arg-type]  # the wrong type is the test
