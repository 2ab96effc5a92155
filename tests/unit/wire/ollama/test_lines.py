"""Splitting newline-delimited JSON, however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.wire.ollama.lines import LineSplitter

TEXT = b'{"a":1}\n\n{"error": null,"b":"\\n"}\r\n{"done":true,"error":"x"}\n'
LINES = [b'{"a":1}\n', b"\n", b'{"error": null,"b":"\\n"}\r\n', b'{"done":true,"error":"x"}\n']


def split(chunks: list[bytes], limit: int = 1000) -> list[bytes]:
    splitter = LineSplitter(limit)
    found: list[bytes] = []
    for chunk in chunks:
        count = splitter.feed(chunk)
        events = splitter.events()
        assert len(events) == count
        assert b"".join(line for line, _ in events) == splitter.block
        found += [line for line, _ in events]
    return found


@given(st.lists(st.integers(0, len(TEXT)), max_size=10))
def test_where_it_is_cut_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    chunks = [TEXT[a:b] for a, b in pairwise(edges)]
    assert split(chunks) == LINES


def test_a_block_that_is_whole_is_not_copied() -> None:
    splitter = LineSplitter(100)
    splitter.feed(TEXT)
    assert splitter.block is TEXT


def test_the_tail() -> None:
    splitter = LineSplitter(100)
    assert splitter.feed(b"{}\n{") == 1
    assert splitter.feed(b'"a"') == 0
    assert splitter.take_tail() == b'{"a"'
    assert splitter.take_tail() == b""


@pytest.mark.parametrize("chunks", [[b"12\n1234567890\n3\n"], [b"12\n12345", b"67890"], [b"12\n1234567890"]])
def test_a_line_that_is_too_long(chunks: list[bytes]) -> None:
    splitter = LineSplitter(8)
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
    assert split([b"1234567\n", b"1234", b"567\n"], limit=8) == [b"1234567\n"] * 2
