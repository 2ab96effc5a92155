"""Request heads and connections at and beyond the edge of HTTP/1.1, on each edge.

Each is either refused, and ends its connection; or it is answered, and the next request on the connection
too: then gateway and client agree where it ended. hyper and llhttp draw the line between the two at different
places, and `GRANIAN`, `NATIVE` and `ALL` say which of them refuse. Framing by length and chunks is in
test_request_framing.py.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.support import replies
from tests.support.gateway_rig import GatewayRig
from tests.support.hostile import SMUGGLED_ID, no_request, the_one_response
from tests.support.raw_client import CHAT, chat_body, raw_client, request

from fastgate.launch import Edge

MODELS = request(method="GET", path="/v1/models")
LIVE = request(method="GET", path="/health/live")
BODY = chat_body()
CHUNKED = [("Transfer-Encoding", "chunked")]
SMUGGLED = request(BODY, ("X-Request-Id", SMUGGLED_ID))
WEBSOCKET = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]
MIB = 1024 * 1024

GRANIAN: Final[frozenset[Edge]] = frozenset({"asgi", "rsgi"})
NATIVE: Final[frozenset[Edge]] = frozenset({"native"})
ALL: Final = GRANIAN | NATIVE
NONE: Final[frozenset[Edge]] = frozenset()


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory, edge: Edge) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), edge=edge) as rig:
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


async def refused_or_answered(
    rig: GatewayRig, data: bytes, refused_by: frozenset[Edge], status: int, *, to_head: bool = False
) -> None:
    if rig.edge in refused_by:
        await no_request(rig, [data + SMUGGLED], 400, "malformed_request")
        return
    async with raw_client(rig.url) as client:
        await client.send(data + LIVE)
        response = await client.response(to_head=to_head)
        assert response.status == status, response
        assert (await client.response()).json() == {"status": "alive"}


def case(name: str, *values: Any) -> Any:
    return pytest.param(*values, id=name)


def line(text: bytes, data: bytes = MODELS) -> bytes:
    """The request with this as its first line."""
    return text + data[data.index(b"\r\n") :]


def host(lines: bytes) -> bytes:
    """A request with these in the place of its Host."""
    return MODELS.replace(b"Host: gateway.test\r\n", lines)


# --- the request line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "refused_by", "status"),
    [
        case("another method", line(b"DELETE /v1/models HTTP/1.1"), NONE, 405),
        case("TRACE", line(b"TRACE /v1/models HTTP/1.1"), NONE, 405),
        case("no known method", line(b"BREW /v1/models HTTP/1.1"), NATIVE, 405),
        case("lower case", line(b"get /v1/models HTTP/1.1"), NATIVE, 405),
        case("a method with a slash", line(b"GE/T /v1/models HTTP/1.1"), ALL, 0),
        case("absolute form", line(b"GET http://gateway.test/v1/models?x=1 HTTP/1.1"), NONE, 200),
        case("absolute form of another host", line(b"GET http://other.test/v1/models HTTP/1.1"), NONE, 200),
        case("CONNECT", line(b"CONNECT gateway.test:443 HTTP/1.1"), NONE, 404),
        case("asterisk form", line(b"OPTIONS * HTTP/1.1"), NONE, 404),
        case("authority form", line(b"GET gateway.test:80 HTTP/1.1"), NATIVE, 404),
        case("a relative target", line(b"GET v1/models HTTP/1.1"), ALL, 0),
        case("no target", line(b"GET  HTTP/1.1"), ALL, 0),
        case("two slashes", line(b"GET //v1/models HTTP/1.1"), NONE, 404),
        case("a broken escape", line(b"GET /v1/%zz HTTP/1.1"), NONE, 404),
        case("an escaped slash", line(b"GET /v1%2fmodels HTTP/1.1"), NONE, 200),
        case("raw UTF-8", line("GET /v1/mödels HTTP/1.1".encode()), NATIVE, 404),
        case("raw Latin-1", line("GET /v1/mödels HTTP/1.1".encode("latin-1")), ALL, 0),
        case("two spaces", line(b"GET  /v1/models HTTP/1.1"), GRANIAN, 200),
        case("tabs", line(b"GET\t/v1/models\tHTTP/1.1"), ALL, 0),
        case("a space at the end", line(b"GET /v1/models HTTP/1.1 "), ALL, 0),
        case("a space in the target", line(b"GET /v1/mod els HTTP/1.1"), ALL, 0),
        case("a space before", b" " + MODELS, ALL, 0),
        case("empty lines before", b"\r\n\r\n" + MODELS, NONE, 200),
        case("HTTP/0.9", b"GET /v1/models\r\n\r\n", ALL, 0),
        case("HTTP/1.2", line(b"GET /v1/models HTTP/1.2"), ALL, 0),
        case("HTTP/2.0", line(b"GET /v1/models HTTP/2.0"), ALL, 0),
        case("HTTP/1.10", line(b"GET /v1/models HTTP/1.10"), ALL, 0),
        case("http/1.1", line(b"GET /v1/models http/1.1"), ALL, 0),
        case("carriage returns alone", MODELS.replace(b"\r\n", b"\r"), ALL, 0),
        case(
            "a bare line feed",
            line(b"GET /v1/models HTTP/1.1").replace(b"HTTP/1.1\r", b"HTTP/1.1"),
            NATIVE,
            200,
        ),
    ],
)
async def test_request_lines(rig: GatewayRig, data: bytes, refused_by: frozenset[Edge], status: int) -> None:
    await refused_or_answered(rig, data, refused_by, status)


async def test_the_preface_of_http_2(rig: GatewayRig) -> None:
    """Nobody who speaks HTTP/2 at once is answered by it: hyper closes, llhttp refuses."""
    data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
    if rig.edge == "native":
        await no_request(rig, [data], 400, "malformed_request")
        return
    async with raw_client(rig.url) as client:
        await client.send(data)
        assert await client.rest() == b""


# --- header lines ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "refused_by"),
    [
        case("no host", host(b""), NATIVE),
        case("two hosts", host(b"Host: a\r\nHost: b\r\n"), NATIVE),
        case("an empty host", host(b"Host:\r\n"), NONE),
        case("a parenthesis in a name", host(b"X(y): 1\r\nHost: a\r\n"), ALL),
        case("a space in a name", host(b"X y: 1\r\nHost: a\r\n"), ALL),
        case("a space before the colon", host(b"X-Y : 1\r\nHost: a\r\n"), ALL),
        case("UTF-8 in a name", host(b"X-\xc3\xbc: 1\r\nHost: a\r\n"), ALL),
        case("no colon", host(b"X-Y\r\nHost: a\r\n"), ALL),
        case("a fold", host(b"Host: a\r\nX-Y: 1\r\n 2\r\n"), ALL),
        case("a fold by a tab", host(b"Host: a\r\nX-Y: 1\r\n\t2\r\n"), ALL),
        case("a fold of the first line", host(b" Host: a\r\n"), ALL),
        case("DEL in a value", host(b"Host: a\r\nX-Y: a\x7fb\r\n"), ALL),
        case("a tab in a value", host(b"Host: a\r\nX-Y: a\tb\r\n"), NONE),
        case("a high byte in a value", host(b"Host: a\r\nX-Y: a\xffb\r\n"), NONE),
        case("two carriage returns", host(b"Host: a\r\r\n"), ALL),
        case("a bare line feed", host(b"Host: a\n"), NATIVE),
    ],
)
async def test_header_lines(rig: GatewayRig, data: bytes, refused_by: frozenset[Edge]) -> None:
    await refused_or_answered(rig, data, refused_by, 200)


OWN_HEADERS = 4  # of `request`
COUNT_LIMIT: Final[dict[Edge, int]] = {"asgi": 100, "rsgi": 100, "native": 128}
TARGET_LIMIT: Final[dict[Edge, int]] = {"asgi": 65_534, "rsgi": 65_534, "native": 32_768}
HEAD_AT_LEAST = 60_000


async def test_the_number_of_headers(rig: GatewayRig) -> None:
    most = [(f"X-{number}", "a") for number in range(COUNT_LIMIT[rig.edge] - OWN_HEADERS)]
    await rig.answered(request(BODY, *most))
    rig.provider.reset()
    await no_request(rig, [request(BODY, *most, ("X-More", "a"))], 431, "request_head_too_large")


async def test_the_length_of_the_target(rig: GatewayRig) -> None:
    longest = "/v1/models?" + "a" * (TARGET_LIMIT[rig.edge] - len("/v1/models?"))
    assert (await rig.exchange(request(method="GET", path=longest))).status == 200
    too_long = request(method="GET", path=longest + "a")
    await no_request(rig, [too_long], 414, "request_target_too_long")


async def test_a_large_head_is_taken(rig: GatewayRig) -> None:
    _, upstream = await rig.answered(request(BODY, ("X-Large", "a" * HEAD_AT_LEAST)))
    assert len(upstream.raw) < 1_000


@pytest.mark.parametrize(
    "piece",
    [b"X-Huge: " + b"a" * 65_536, b"a" * 65_536, b"X-Many: a\r\n" * 5_000],
    ids=["lines without an end", "one line without an end", "many lines"],
)
async def test_an_endless_head(rig: GatewayRig, piece: bytes) -> None:
    """It is never in memory, whether the server closes at once or reads on for a while, lest the client's own
    reset takes the answer with it."""
    with rig.memory_bounded(8 * MIB):
        async with raw_client(rig.url) as client:
            await client.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Begin: a\r\n" + b"X-Huge: ")
            await client.send_until_refused(piece, 64 * MIB // len(piece))
            response = await client.response()
    assert response.status == 431


@pytest.mark.parametrize("piece", [b"2;" + b"a" * 65_536, b"0\r\n" + b"X-Trailer: a\r\n" * 5_000])
async def test_an_endless_end_of_a_body(rig: GatewayRig, piece: bytes) -> None:
    """An extension of a chunk, or trailers: nobody reads them, and nobody keeps them."""
    with rig.memory_bounded(8 * MIB):
        async with raw_client(rig.url) as client:
            await client.send(request(framing=CHUNKED) + piece)
            await client.send_until_refused(b"a" * 65_536, 1_000)
            response = await client.response()
    assert (response.status, response.error()["code"]) == (400, "invalid_body")
    assert rig.provider.requests == []


# --- one connection, several requests -------------------------------------------------------------


async def test_many_requests_in_turn(rig: GatewayRig) -> None:
    async with raw_client(rig.url) as client:
        for number in range(50):
            await client.send(request(BODY, ("X-Request-Id", f"turn-{number}")))
            assert (await client.response()).request_id == f"turn-{number}"


async def test_many_pipelined_requests(rig: GatewayRig) -> None:
    """More than are kept ahead of their turn, in pieces that end anywhere; the answers come in order."""
    data = b"".join(request(BODY, ("X-Request-Id", f"ahead-{number}")) for number in range(200))
    async with raw_client(rig.url) as client:
        for start in range(0, len(data), 1_009):
            await client.send(data[start : start + 1_009])
        for number in range(200):
            response = await client.response()
            assert (response.status, response.request_id) == (200, f"ahead-{number}")
        await client.send(LIVE)
        assert (await client.response()).json() == {"status": "alive"}


async def test_a_head_that_comes_a_byte_at_a_time(rig: GatewayRig) -> None:
    async with raw_client(rig.url) as client:
        for byte in request(BODY):
            await client.send(bytes([byte]))
        assert (await client.response()).status == 200


async def test_a_malformed_request_behind_a_good_one(rig: GatewayRig) -> None:
    """The good one is answered, then the other is refused, and what follows is nobody's."""
    async with raw_client(rig.url) as client:
        await client.send(request(BODY) + b"GET /v1 models HTTP/1.1\r\n\r\n" + SMUGGLED)
        assert (await client.response()).status == 200
        response = await client.response()
        assert (response.status, response.header("connection")) == (400, "close")
        assert await client.rest() == b""
    assert rig.gateway.log_lines(request_id=SMUGGLED_ID) == []
    assert len(rig.provider.requests) == 1


@pytest.mark.parametrize("value", ["close", "Close", "Keep-Alive, CLOSE"])
async def test_the_client_says_that_it_was_the_last(rig: GatewayRig, value: str) -> None:
    response = await the_one_response(rig, request(BODY, ("Connection", value)) + SMUGGLED)
    assert response.status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_http_1_0(rig: GatewayRig, stream: bool) -> None:
    """It ends with the connection, and a stream is not in chunks, which an old client does not know."""
    if stream:
        rig.provider.script(replies.chat_stream(["Hello"]))
    data = line(f"POST {CHAT} HTTP/1.0".encode(), request(chat_body(stream=stream)))
    async with raw_client(rig.url) as client:
        await client.send(data + SMUGGLED)
        response = await client.response()
        assert response.status == 200
        assert response.header("transfer-encoding") is None
        assert await client.rest() == b""
    assert not stream or response.body.endswith(b"data: [DONE]\n\n")
    assert rig.gateway.log_lines(request_id=SMUGGLED_ID) == []


async def test_http_1_0_kept_alive(rig: GatewayRig) -> None:
    data = line(f"POST {CHAT} HTTP/1.0".encode(), request(BODY, ("Connection", "keep-alive")))
    async with raw_client(rig.url) as client:
        for _ in range(2):
            await client.send(data)
            response = await client.response()
            assert (response.status, response.header("connection")) == (200, "keep-alive")


@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/v1/models", 405), ("/nowhere", 404)])
async def test_an_answer_to_head_has_no_body(rig: GatewayRig, path: str, status: int) -> None:
    await refused_or_answered(rig, request(method="HEAD", path=path), NONE, status, to_head=True)


# --- what is asked for and not given --------------------------------------------------------------


async def test_no_100_for_http_1_0(rig: GatewayRig) -> None:
    """RFC 9110 10.1.1: one that old does not know of interim responses."""
    data = line(f"POST {CHAT} HTTP/1.0".encode(), request(BODY, ("Expect", "100-continue")))
    async with raw_client(rig.url) as client:
        await client.send(data)
        assert (await client.response()).status == 200


async def test_no_100_is_needed_where_the_body_is_there(rig: GatewayRig) -> None:
    async with raw_client(rig.url) as client:
        await client.send(request(BODY, ("Expect", "100-continue")))
        response = await client.response_head()
        if response.status == 100:  # it may be sent all the same
            response = await client.response_head()
        assert response.status == 200


async def test_another_expectation_is_passed_over(rig: GatewayRig) -> None:
    await refused_or_answered(rig, request(BODY, ("Expect", "200-maybe")), NONE, 200)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_websocket(rig: GatewayRig, method: str) -> None:
    """What asks for another protocol is answered in this one, and so is what follows."""
    path, body = (CHAT, BODY) if method == "POST" else ("/v1/models", b"")
    await refused_or_answered(rig, request(body, *WEBSOCKET, method=method, path=path), NONE, 200)


# --- slow ones ------------------------------------------------------------------------------------

HEAD_LIMIT_S = 30


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_what_never_sends_a_request_is_closed(rig: GatewayRig) -> None:
    """A connection without a word, half a head, and a byte a second. The two that began are told natively;
    hyper closes."""
    loop = asyncio.get_running_loop()

    async def closed(begin: bytes, drip: bytes = b"") -> tuple[float, bytes]:
        started = loop.time()
        async with raw_client(rig.url) as client:
            await client.send(begin)

            async def dripping() -> None:
                for byte in drip:
                    await asyncio.sleep(1)
                    await client.send(bytes([byte]))

            drops = asyncio.ensure_future(dripping())
            try:
                rest = await client.rest(within_s=2 * HEAD_LIMIT_S + 10)
            finally:
                drops.cancel()
            return loop.time() - started, rest

    half = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-"
    silent, begun, slow = await asyncio.gather(closed(b""), closed(half), closed(half, b"a" * 100))
    for seconds, _ in (silent, begun, slow):
        assert HEAD_LIMIT_S - 2 < seconds < HEAD_LIMIT_S + 10, seconds
    for _, rest in (begun, slow):
        assert (b" 408 " in rest) == (rig.edge == "native")
