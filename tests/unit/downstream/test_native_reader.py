"""The reader of requests: the same result however the stream is cut, the same as h11's, and its bounds."""

from typing import NamedTuple

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastgate.downstream.native.request import (
    HEAD_LIMIT,
    HEADERS_LIMIT,
    LINES_AHEAD,
    TARGET_LIMIT,
    RequestReader,
)

HOST = b"Host: a\r\n"
GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"POST /u HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n"


class Seen(NamedTuple):
    """What a request was read as. With a `code`, it is the refusal."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    keep_alive: bool
    done: bool
    broken: bool
    old: bool
    code: str | None


def read(*pieces: bytes, end: bool = False) -> list[Seen]:
    reader = RequestReader()
    for piece in pieces:
        reader.feed(piece)
    if end:
        reader.ended()
    seen = []
    while reader.requests:
        request = reader.next()
        if request.refusal is not None:
            seen.append(Seen("", b"", (), b"", False, True, False, False, request.refusal.code))
            continue
        headers = tuple(request.headers)
        body = request.take()
        assert len(body) == request.size
        seen.append(
            Seen(
                request.method,
                request.target,
                headers,
                body,
                request.keep_alive,
                request.done,
                request.broken,
                request.old,
                None,
            )
        )
    return seen


def codes(*pieces: bytes) -> list[str | None]:
    return [seen.code for seen in read(*pieces)]


STREAMS = [
    GET,
    POST,
    GET + POST + GET,
    b"\r\n\r\n" + GET + b"\r\n" + GET,
    CHUNKED + b"3\r\nabc\r\n1;ext=1\r\nd\r\n0\r\nTrailer: x\r\n\r\n" + GET,
    CHUNKED + b"3\r\nabcd\r\n" + GET,
    CHUNKED + b"x\r\n" + GET,
    UPGRADE + b"Content-Length: 3\r\n\r\nabc" + POST,
    UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + GET,
    UPGRADE + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc" + GET,
    UPGRADE + b"Transfer-Encoding: chunked\r\n\r\nx\r\n" + GET,
    UPGRADE + b"\r\n" + UPGRADE + b"\r\n" + GET,
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" + GET,
    GET.replace(HOST, HOST + b"Connection: close\r\n") + GET,
    GET.replace(b"1.1", b"1.0") + GET,
    GET.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n") + GET,
    GET.replace(HOST, b"") + GET,
    GET.replace(HOST, HOST * 2) + GET,
    GET + b"GET /a b HTTP/1.1\r\n\r\n" + GET,
    GET + b"GET / HTTP/1.2\r\nHost: a\r\n\r\n" + GET,
    GET + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + GET,
    GET + b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" + GET,
    GET + b"GET / HTTP/1.1\nHost: a\n\n" + GET,
    POST.replace(b"3", b"+3") + GET,
    POST.replace(b"Content", b"Content-Length: 3\r\nContent") + GET,
    POST.replace(b"Content", b"Transfer-Encoding: chunked\r\nContent") + GET,
    CHUNKED.replace(b"chunked", b"gzip, chunked") + b"0\r\n\r\n" + GET,
    CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n" + GET,
    GET.replace(HOST, HOST + b"x:\r\n" * HEADERS_LIMIT) + GET,
    GET[:20],
    POST[:-1],
    CHUNKED + b"3\r\nab",
]


@pytest.mark.parametrize("stream", STREAMS, ids=range(len(STREAMS)))
def test_it_does_not_matter_where_the_pieces_end(stream: bytes) -> None:
    whole = read(stream, end=True)
    for cut in range(1, len(stream)):
        assert read(stream[:cut], stream[cut:], end=True) == whole, cut
    assert read(*(stream[at : at + 1] for at in range(len(stream))), end=True) == whole


def test_the_first_value_counts_for_the_index_and_all_are_listed() -> None:
    reader = RequestReader()
    reader.feed(GET.replace(HOST, HOST + b"X-A: 1\r\nx-a:  2 \r\n"))
    request = reader.next()
    assert request.index == {b"host": b"a", b"x-a": b"1"}
    assert request.headers == [(b"host", b"a"), (b"x-a", b"1"), (b"x-a", b"2")]
    headers = request.headers
    request.drop_headers()
    assert not request.headers
    assert not request.index
    assert len(headers) == 3


# --- compared with h11 -----------------------------------------------------------------------------


def by_h11(stream: bytes) -> list[Seen] | str:
    """Why, where h11 refuses any of it."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2 * HEAD_LIMIT)
    seen: list[Seen] = []
    connection.receive_data(stream)
    connection.receive_data(b"")
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                headers = tuple((bytes(name), bytes(value)) for name, value in event.headers)
                old = event.http_version == b"1.0"
                seen.append(
                    Seen(event.method.decode(), event.target, headers, b"", False, False, False, old, None)
                )
            elif isinstance(event, h11.Data):
                seen[-1] = seen[-1]._replace(body=seen[-1].body + event.data)
            elif isinstance(event, h11.EndOfMessage):
                connection.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
                connection.send(h11.EndOfMessage())
                keeps = connection.our_state is h11.DONE
                seen[-1] = seen[-1]._replace(done=True, keep_alive=keeps)
                if not keeps:
                    return seen
                connection.start_next_cycle()
            else:
                return seen
    except h11.RemoteProtocolError as exc:
        return str(exc)


TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=6)
VALUE = st.binary(max_size=8)
BLANK = st.sampled_from(["", " ", "  ", "\t", " \t"])
METHOD = st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "DELETE", "PATCH"])
KNOWN = st.sampled_from(
    [
        b"Host: a",
        b"Host: ",
        b"Connection: close",
        b"Connection: Keep-Alive",
        b"Connection: keep-alive, close",
        b"Content-Length: 3",
        b"Content-Length: 03",
        b"Content-Length: 3, 3",
        b"Content-Length: +3",
        b"Content-Length: 3 ",
        b"Content-Length:",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked ",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Expect: 100-continue",
    ]
)
END = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])
BODY = st.sampled_from(
    [
        b"",
        b"abc",
        b"abcd",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"03\r\nabc\r\n0\r\n\r\n",
        b"3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"-1\r\nabc\r\n0\r\n\r\n",
    ]
)


@st.composite
def _line(draw: st.DrawFn) -> bytes:
    if draw(st.booleans()):
        return draw(KNOWN)
    before, after = draw(BLANK), draw(BLANK)
    return f"{draw(TOKEN)}:{before}".encode() + draw(VALUE) + after.encode()


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    stream = b""
    for _ in range(draw(st.integers(1, 2))):
        version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0"]))
        target = draw(st.sampled_from(["/", "/a?b=c", "/%20", "*", "http://h/p", "/a#b"]))
        stream += f"{draw(METHOD)} {target} HTTP/{version}".encode() + draw(END)
        for line in draw(st.lists(_line(), max_size=4)):
            stream += line + draw(END)
        stream += b"\r\n" + draw(BODY)
    return stream


BYTES = [b" ", b"\t", b":", b",", b";", b"0", b"3", b"\0", b"\x7f", b"\xff", b"[", b"%"]
ENDS = [b"\r\n", b"\n", b"\r"]
LINES = [HOST, b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"]
PIECES = st.sampled_from([*BYTES, *ENDS, *LINES])


@st.composite
def _mutants(draw: st.DrawFn) -> bytes:
    stream = draw(
        st.sampled_from([each for each in STREAMS if b"Upgrade" not in each and b"CONNECT" not in each])
    )
    for _ in range(draw(st.integers(1, 2))):
        at, dropped = draw(st.integers(0, len(stream))), draw(st.integers(0, 1))
        stream = stream[:at] + draw(st.just(b"") | PIECES) + stream[at + dropped :]
    return stream


# What is taken here and not by h11: line ends before a request line (RFC 9112 2.2 asks for it), and several
# blanks between its parts (RFC 9112 3 allows it). Neither moves the end of a request. One that breaks off is
# an error to h11; here `done` says so. HTTP/1.0 is kept alive where its client asks for it (RFC 9112 9.3),
# and h11 never does.
MORE_THAN_H11 = ("no request line received", "illegal request line", "peer unexpectedly closed")


@settings(max_examples=1000, deadline=None)
@given(_requests() | _mutants())
def test_what_h11_reads_too_it_reads_alike(stream: bytes) -> None:
    ours, theirs = read(stream, end=True), by_h11(stream)
    if any(seen.code is not None or seen.broken for seen in ours):
        return
    if isinstance(theirs, str):
        assert theirs.startswith(MORE_THAN_H11)
        return
    if theirs and theirs[-1].old:
        ours = ours[: len(theirs)]
    assert [_but_old(seen) for seen in ours] == [_but_old(seen) for seen in theirs]


def _but_old(seen: Seen) -> Seen:
    return seen._replace(keep_alive=False) if seen.old else seen


# --- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [b"", GET, POST])
@pytest.mark.parametrize("cut", [1, 100, HEAD_LIMIT - 100, HEAD_LIMIT])
def test_the_size_of_a_head(cut: int, before: bytes) -> None:
    """Exactly, wherever it begins and in however many pieces it comes."""
    rest = HEAD_LIMIT - len(b"/") - len(b"Hosta") - 4 - len(b"x") - 4
    fits, large = (
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * size + b"\r\n\r\n" for size in (rest, rest + 1)
    )
    ahead: list[str | None] = [None] if before else []
    for stream, code in ((fits, None), (large, "request_head_too_large")):
        whole = before + stream
        assert codes(whole) == [*ahead, code]
        assert codes(whole[:cut], whole[cut:]) == [*ahead, code]


def test_a_head_without_an_end_is_refused_before_it_ends() -> None:
    assert codes(GET[:-2] + b"x: ", *[b"y" * 1000] * 80) == ["request_head_too_large"]
    assert codes(*[b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000]) == ["request_head_too_large"]


def test_the_length_of_a_target() -> None:
    fits = GET.replace(b"/a?b", b"/" + b"a" * (TARGET_LIMIT - 1))
    assert codes(fits) == [None]
    large = fits.replace(b" HTTP", b"a HTTP")
    assert codes(large) == codes(large[:100], large[100:]) == ["request_target_too_long"]


def test_a_body_of_any_size_between_heads_counts_for_none_of_them() -> None:
    body = b"x" * (3 * HEAD_LIMIT)
    post = POST.replace(b"3\r\n\r\nabc", b"%d\r\n\r\n%b" % (len(body), body))
    for cut in (len(post) - 1, len(post), len(post) + 10):
        stream = post + GET
        assert codes(stream[:cut], stream[cut:]) == [None, None]


@pytest.mark.parametrize("piece", [b"2;" + b"a" * 1000, b"0\r\nx: " + b"a" * 1000])
def test_an_extension_or_a_trailer_without_an_end_breaks_the_body(piece: bytes) -> None:
    (seen,) = read(CHUNKED + piece, *[b"a" * 1000] * 80)
    assert (seen.done, seen.broken, seen.code) == (False, True, None)


@pytest.mark.parametrize(("request_", "lines"), [(GET, 2), (UPGRADE + b"\r\n", 4)])
def test_what_is_too_many_at_once_is_nobodys(request_: bytes, lines: int) -> None:
    """The last that is taken says that none follows."""
    reader = RequestReader()
    reader.feed(request_ * 10_000)
    assert LINES_AHEAD < len(reader.requests) * lines <= LINES_AHEAD + lines
    assert [request.keep_alive for request in reader.requests].count(False) == 1
    assert not reader.requests[-1].keep_alive
    reader.feed(request_)
    assert len(reader.requests) * lines <= LINES_AHEAD + lines


def test_any_number_in_turn() -> None:
    reader = RequestReader()
    for _ in range(LINES_AHEAD):
        reader.feed(GET * 10)
        assert all(reader.next().keep_alive for _ in range(10))


def test_nothing_follows_what_was_refused() -> None:
    assert codes(b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", GET, GET) == ["malformed_request"]


def test_a_head_that_did_not_come_in_time() -> None:
    reader = RequestReader()
    reader.feed(GET[:10])
    assert reader.midway
    reader.time_out()
    assert not reader.midway
    reader.feed(GET[10:])
    refusal = reader.next().refusal
    assert refusal is not None
    assert refusal.code == "request_timeout"
    assert not reader.requests
