import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.byte_server import chunk, chunked_head, response

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.response import HEAD_LIMIT, ResponseReader


def read(*pieces: bytes) -> ResponseReader:
    reader = ResponseReader()
    for piece in pieces:
        reader.feed(piece)
    return reader


@pytest.mark.parametrize(
    ("wire", "status", "body", "keep_alive"),
    [
        (response(b"hi"), 200, b"hi", True),
        (response(b"hi", b"Connection: close"), 200, b"hi", False),
        (response(b"", status=b"404 Not Found"), 404, b"", True),
        (response(b"hi").replace(b"1.1", b"1.0"), 200, b"hi", False),
        (response(b"hi", b"Connection: keep-alive").replace(b"1.1", b"1.0"), 200, b"hi", True),
        (chunked_head() + chunk(b"hi") + chunk(b" there") + chunk(b""), 200, b"hi there", True),
        (chunked_head() + b"2;ext=1\r\nhi\r\n0\r\nx-trailer: 1\r\n\r\n", 200, b"hi", True),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, b"", True),
        (
            b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + response(b"hi"),
            200,
            b"hi",
            True,
        ),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", True),
        # What follows a complete message does not belong to it, and ends the connection.
        (response(b"hi") + b"surplus", 200, b"hi", False),
        (response(b"hi") + response(b"again"), 200, b"hi", False),
        (response(b"hi", b"Connection: close") + b"surplus", 200, b"hi", False),
    ],
)
def test_complete_whatever_the_pieces(wire: bytes, status: int, body: bytes, keep_alive: bool) -> None:
    for pieces in ([wire], [wire[i : i + 1] for i in range(len(wire))]):
        reader = read(*pieces)
        assert (reader.status, b"".join(reader.chunks), reader.done) == (status, body, True)
        assert reader.keep_alive is keep_alive
        assert reader.size == len(body)
        assert b"x-trailer" not in reader.index


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx y: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\nx: 1\n\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 2000 High\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<html>",
        chunked_head() + b"0x2\r\nhi\r\n",
        chunked_head() + b"-1\r\nhi\r\n",
        chunked_head() + b"fffffffffffffffff\r\nhi",
        chunked_head() + b"2\r\nhi!\r\n",
    ],
)
def test_refused(wire: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(wire)
    assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x: %b\r\n" % (b"v" * 1000)),  # headers without end
        (b"HTTP/1.1 200 OK\r\nx: ", b"v" * 1000),  # one header without end
        (b"", b"HTTP/1.1 100 Continue\r\nx: %b\r\n\r\n" % (b"v" * 1000)),  # interim responses without end
        (chunked_head() + b"0\r\nx: ", b"v" * 1000),  # a trailer without end
        (chunked_head() + b"2;ext=", b"v" * 1000),  # a chunk extension without end
    ],
)
def test_what_llhttp_does_not_bound_is_refused_at_64_kib(start: bytes, more: bytes) -> None:
    fed: list[int] = []

    def feed() -> None:
        reader = read(start) if start else ResponseReader()
        while sum(fed) < 10 * HEAD_LIMIT:
            reader.feed(more)
            fed.append(len(more))

    with pytest.raises(UpstreamError, match="64 KiB"):
        feed()
    assert HEAD_LIMIT - 2 * len(more) < sum(fed) <= HEAD_LIMIT


def test_a_long_head_in_a_single_piece_is_refused_too() -> None:
    with pytest.raises(UpstreamError, match="64 KiB"):
        read(response(b"x" * 10, *(b"x: " + b"v" * 1000 for _ in range(70))))


def test_a_head_below_the_limit_with_a_large_body_in_one_piece_is_fine() -> None:
    reader = read(response(b"x" * 200_000, *(b"x: " + b"v" * 1000 for _ in range(60))))
    assert reader.done
    assert reader.size == 200_000


def test_tiny_chunks_do_not_cost_an_object_each() -> None:
    reader = read(chunked_head(), chunk(b"ab") * 1000, chunk(b"cd") * 1000)
    assert reader.chunks == [b"ab" * 1000, b"cd" * 1000]


def test_headers_are_lower_case_in_order_and_indexed() -> None:
    reader = read(response(b"", b"X-A: 1", b"x-b:", b"X-A: 2"))
    assert reader.headers == [(b"x-a", b"1"), (b"x-b", b""), (b"x-a", b"2"), (b"content-length", b"0")]
    assert reader.index[b"x-a"] == b"2"


def test_a_body_without_framing_ends_with_the_stream() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")
    assert not reader.done
    assert reader.finish()
    assert (b"".join(reader.chunks), reader.keep_alive) == (b"hello", False)


@pytest.mark.parametrize(
    "wire", [b"", b"HTTP/1.1 200 OK\r\n", response(b"hello")[:-1], chunked_head() + chunk(b"x")]
)
def test_the_end_of_the_stream_does_not_complete_a_framed_body(wire: bytes) -> None:
    assert not read(*([wire] if wire else [])).finish()


def test_one_reader_serves_many_responses() -> None:
    reader = ResponseReader()
    for n in range(3):
        reader.reset()
        reader.feed(response(b"%d" % n, b"x-n: %d" % n))
        assert (reader.done, reader.chunks, reader.index[b"x-n"]) == (True, [b"%d" % n], b"%d" % n)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=6), st.data())
def test_rechunking_never_changes_the_outcome(parts: list[bytes], data: st.DataObject) -> None:
    wire = chunked_head(b"x: y") + b"".join(map(chunk, parts)) + chunk(b"")
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=10)))
    reader = read(*(wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)))
    assert reader.done
    assert reader.keep_alive
    assert b"".join(reader.chunks) == b"".join(parts)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_incomplete(garbage: bytes) -> None:
    reader = ResponseReader()
    kind = None
    try:
        reader.feed(b"HTTP/1.1 200 OK\r\n" + garbage)
    except UpstreamError as error:
        kind = error.kind
    assert kind in {None, FailureKind.PROTOCOL}
    assert reader.size <= len(garbage)
