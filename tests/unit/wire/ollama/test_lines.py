"""Splitting newline-delimited JSON, however it is cut; markers as the splitter of events has them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate._core.sse import EventSplitter
from fastgate.wire.ollama.lines import LineSplitter

TEXT = b'{"a":1}\n\n{"error": null,"b":"\\n"}\r\n{"done":true,"error":"x"}\n'
LINES = [b'{"a":1}\n', b"\n", b'{"error": null,"b":"\\n"}\r\n', b'{"done":true,"error":"x"}\n']


def split(chunks: list[bytes], markers: tuple[bytes, ...] = (), limit: int = 1000) -> list[tuple[bytes, int]]:
    splitter = LineSplitter(markers, limit)
    found: list[tuple[bytes, int]] = []
    for chunk in chunks:
        count = splitter.feed(chunk)
        events = splitter.events()
        assert len(events) == count
        assert b"".join(line for line, _ in events) == splitter.block
        mask = 0
        for _, each in events:
            mask |= each
        assert splitter.mask == mask
        found += events
    return found


@given(st.lists(st.integers(0, len(TEXT)), max_size=10))
def test_where_it_is_cut_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    chunks = [TEXT[a:b] for a, b in pairwise(edges)]
    found = split(chunks, (b'"error"', b'"done":true'))
    assert found == list(zip(LINES, [0, 0, 0, 3], strict=True))


def test_a_block_that_is_whole_is_not_copied() -> None:
    splitter = LineSplitter((), 100)
    splitter.feed(TEXT)
    assert splitter.block is TEXT


def test_the_tail() -> None:
    splitter = LineSplitter((), 100)
    assert splitter.feed(b"{}\n{") == 1
    assert splitter.feed(b'"a"') == 0
    assert splitter.take_tail() == b'{"a"'
    assert splitter.take_tail() == b""


@pytest.mark.parametrize("chunks", [[b"12\n1234567890\n3\n"], [b"12\n12345", b"67890"], [b"12\n1234567890"]])
def test_a_line_that_is_too_long(chunks: list[bytes]) -> None:
    splitter = LineSplitter((), 8)
    lines: list[bytes] = []
    *first, last = chunks
    for chunk in first:
        splitter.feed(chunk)
        lines += [line for line, _ in splitter.events()]
    with pytest.raises(BufferError, match="more than 8 bytes"):
        splitter.feed(last)
    assert lines + [line for line, _ in splitter.events()] == [b"12\n"]
    with pytest.raises(BufferError):
        splitter.feed(b"3\n")
    assert splitter.events() == []


def test_a_line_of_just_the_limit() -> None:
    assert split([b"1234567\n", b"1234", b"567\n"], limit=8) == [(b"1234567\n", 0)] * 2


@given(
    st.lists(
        st.sampled_from([b'"error"', b":", b" ", b"null", b"nul", b'"x"', b"\t", b"{", b"done", b"}"]),
        max_size=12,
    )
)
def test_markers_mean_what_they_mean_in_events(pieces: list[bytes]) -> None:
    line = b"".join(pieces)
    markers = (b'"error"', b"done", b'"x"')
    ours = LineSplitter(markers, 1000)
    theirs = EventSplitter(markers, 1000)
    ours.feed(line + b"\n")
    theirs.feed(line + b"\n\n")
    assert ours.mask == (theirs.mask if line else 0)
