"""Frames, against botocore's reader in both directions and at every border of bytes."""

from collections.abc import Iterable
from itertools import pairwise
from struct import pack
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from fastgate.wire.converse.frames import Frame, FrameSplitter, exception_frame, frame, read_frame

_NAMES = st.sampled_from(("messageStart", "contentBlockDelta", "metadata", "chunk"))
_FRAMES = st.lists(st.tuples(_NAMES, st.binary(max_size=60)), max_size=6)
_STREAM = frame("messageStart", b'{"role":"assistant"}') + frame("chunk", b"{}") + frame("metadata", b"")


def _built(headers: bytes, payload: bytes = b"") -> bytes:
    """A frame by hand."""
    lengths = pack(">II", 16 + len(headers) + len(payload), len(headers))
    checked = lengths + pack(">I", crc32(lengths)) + headers + payload
    return checked + pack(">I", crc32(checked))


def _split(chunks: Iterable[bytes], limit: int = 1 << 20) -> list[bytes]:
    splitter = FrameSplitter(limit)
    found = []
    for chunk in chunks:
        count = splitter.feed(chunk)
        events = splitter.events()
        assert len(events) == count
        assert b"".join(event for event, _ in events) == splitter.block
        found += [event for event, _ in events]
    assert splitter.take_tail() == b""
    return found


@given(_FRAMES)
def test_botocore_reads_what_is_written(frames: list[tuple[str, bytes]]) -> None:
    reader = EventStreamBuffer()
    reader.add_data(b"".join(frame(name, payload) for name, payload in frames))
    read = [(message.headers, message.payload) for message in reader]
    assert read == [
        ({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)
        for name, payload in frames
    ]


def test_botocore_reads_exceptions() -> None:
    reader = EventStreamBuffer()
    reader.add_data(exception_frame("throttlingException", b"{}"))
    (message,) = list(reader)
    assert message.to_response_dict()["status_code"] == 400
    assert message.headers[":exception-type"] == "throttlingException"


@given(_FRAMES, st.data())
def test_where_the_bytes_are_cut_makes_no_difference(
    frames: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    written = [frame(name, payload) for name, payload in frames]
    stream = b"".join(written)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    borders = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(borders)]
    assert _split(chunks) == written


@pytest.mark.parametrize("cut", range(len(_STREAM) + 1))
def test_every_byte_is_a_border(cut: int) -> None:
    frames = _split((_STREAM[:cut], _STREAM[cut:]))
    assert [read_frame(each).name for each in frames] == ["messageStart", "chunk", "metadata"]


def test_byte_by_byte() -> None:
    assert b"".join(_split(_STREAM[at : at + 1] for at in range(len(_STREAM)))) == _STREAM


def test_a_whole_chunk_is_not_copied() -> None:
    splitter = FrameSplitter(1000)
    assert splitter.feed(_STREAM) == 3
    assert splitter.block is _STREAM


@pytest.mark.parametrize("at", range(len(frame("chunk", b"{}"))))
def test_any_broken_byte_is_noticed(at: int) -> None:
    """In the length it may also lead out of the limit, or the rest of the frame is missing."""
    good = frame("chunk", b"{}")
    broken = good + good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :] + good
    splitter = FrameSplitter(1000)
    with pytest.raises((ValueError, BufferError)):
        splitter.feed(broken)
    assert splitter.block == good
    assert splitter.events() == [(good, 0)]
    with pytest.raises((ValueError, BufferError)):
        splitter.feed(good)
    assert splitter.block == b""
    assert splitter.events() == []


def test_botocore_refuses_the_same() -> None:
    good = frame("chunk", b"{}")
    for at in (1, 9, 20, len(good) - 1):
        reader = EventStreamBuffer()
        reader.add_data(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        with pytest.raises(Exception, match="Checksum"):
            list(reader)


def test_the_limit_counts_before_the_frame_is_there() -> None:
    big = frame("chunk", b"x" * 2000)
    splitter = FrameSplitter(1000)
    with pytest.raises(BufferError):
        splitter.feed(frame("chunk", b"") + big[:12])
    assert splitter.events() == [(frame("chunk", b""), 0)]
    with pytest.raises(BufferError):
        splitter.feed(big[12:])


def test_a_frame_as_large_as_the_limit() -> None:
    one = frame("chunk", b"x" * 100)
    assert _split([one], len(one)) == [one]


def test_a_length_that_leaves_no_room() -> None:
    lengths = pack(">II", 20, 40)
    with pytest.raises(ValueError, match="shorter"):
        FrameSplitter(1000).feed(lengths + pack(">I", crc32(lengths)))


def test_the_tail_is_what_is_held_back() -> None:
    splitter = FrameSplitter(1000)
    splitter.feed(_STREAM[:-3])
    assert splitter.take_tail() == frame("metadata", b"")[:-3]
    assert splitter.feed(_STREAM) == 3


def test_after_a_break_the_tail_makes_it_as_new() -> None:
    splitter = FrameSplitter(1000)
    with pytest.raises(ValueError, match="checksum"):
        splitter.feed(b"\0" * 12)
    assert splitter.take_tail() == b""
    assert splitter.feed(_STREAM) == 3


def test_headers_of_all_types_are_passed_over() -> None:
    fixed = {0: b"", 1: b"", 2: b"\1", 3: b"\0\1", 4: b"\0" * 4, 5: b"\0" * 8, 8: b"\0" * 8, 9: b"\0" * 16}
    headers = b"".join(b"\2h%d" % type_ + bytes([type_]) + value for type_, value in fixed.items())
    headers += b"\2h6\6\0\3abc"
    headers += b"\x0b:event-type\7\0\4some\x0d:message-type\7\0\5event"
    reader = EventStreamBuffer()
    reader.add_data(_built(headers, b"p"))
    assert len(next(iter(reader)).headers) == 11
    assert read_frame(_built(headers, b"p")) == Frame("event", "some", b"p")


def test_an_error_tells_itself_in_its_headers() -> None:
    headers = b"\x0d:message-type\7\0\5error\x0b:error-code\7\0\1c\x0e:error-message\7\0\4text"
    assert read_frame(_built(headers)) == Frame("error", "c", b"", "text")


@pytest.mark.parametrize(
    "headers", [b"\x0bshort", b"\1a\7\0\xffx", b"\1a\x0b", b"\1a", b"\2\xff\xff\7\0\1x", b"\1a\7\0\1\xff"]
)
def test_malformed_headers(headers: bytes) -> None:
    with pytest.raises(ValueError, match="headers"):
        read_frame(_built(headers))
