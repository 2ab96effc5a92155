"""What `Downstream` promises of a request and its answer, on each edge, over real connections."""

import asyncio

import pytest
from tests.support.edge_server import BODY_LIMIT, BODY_TIMEOUT_S, echo, edge_server
from tests.support.raw_client import exchange, raw_client, request
from tests.support.upstream_calls import until

from fastgate.downstream.interface import Downstream, Handler
from fastgate.errors import ClientDisconnected, GatewayError
from fastgate.launch import Edge

CHUNKED = [("Transfer-Encoding", "chunked")]
CLOSE = (b"connection", b"close")
TEXT = (b"content-type", b"text/plain")
GET = request(method="GET")


async def refuse(downstream: Downstream, error: GatewayError) -> None:
    await downstream.respond(error.status, list(error.headers), error.code.encode())


# --- the request ---------------------------------------------------------------------------------


async def test_the_head_of_a_request(edge: Edge) -> None:
    seen: list[object] = []

    async def handler(downstream: Downstream) -> None:
        seen.append((downstream.method, downstream.path, downstream.query, downstream.refused))
        seen.append([downstream.header(name) for name in (b"x-one", b"x-two", b"x-empty", b"x-none")])
        seen.append(downstream.select(frozenset({b"x-two", b"x-one"})))
        downstream.drop_headers()
        seen.append((downstream.header(b"x-one"), list(downstream.select(frozenset({b"x-one"})))))
        await downstream.respond(200, [], b"")

    data = request(
        b"", ("X-Two", "2"), ("X-One", "1"), ("X-ONE", "other"), ("X-Empty", ""), path="/a%20b/%C3%BC?c=%20&d"
    )
    async with edge_server(edge, handler) as server:
        assert (await exchange(server.url, data)).status == 200
    assert seen[0] == ("POST", "/a b/ü", b"c=%20&d", None)
    assert seen[1] == [b"1", b"2", b"", None]
    assert sorted(seen[2]) == [(b"x-one", b"1"), (b"x-one", b"other"), (b"x-two", b"2")]  # type: ignore[call-overload]  # a list of headers
    assert seen[3] == (None, [])


async def test_header_values_of_any_bytes(edge: Edge) -> None:
    """RSGI has none but visible ASCII of a request, and text in an answer."""
    seen: list[object] = []

    async def handler(downstream: Downstream) -> None:
        names = frozenset({b"x-odd", b"x-even"})
        seen.append((downstream.header(b"x-odd"), list(downstream.select(names))))
        await downstream.respond(200, [(b"x-name", "ü".encode()), (b"x-odd", b"a\xffb")], b"")

    async with edge_server(edge, handler) as server:
        response = await exchange(server.url, request(b"", ("X-Odd", "ü"), ("X-Even", "a\tb")))
    odd, even = (b"x-odd", "ü".encode("latin-1")), (b"x-even", b"a\tb")
    assert seen == [(None, [even]) if edge == "rsgi" else (odd[1], [odd, even])]
    written = {name: value.encode("latin-1") for name, value in response.headers}
    assert written["x-name"] == "ü".encode()
    assert written["x-odd"] == ("a\ufffdb".encode() if edge == "rsgi" else b"a\xffb")


@pytest.mark.parametrize(
    ("framing", "pieces"),
    [
        ([("Content-Length", "6")], [b"abcdef"]),
        ([("Content-Length", "6")], [b"abc", b"def"]),
        (CHUNKED, [b"6\r\nabcdef\r\n0\r\n\r\n"]),
        (CHUNKED, [b"3\r\nabc\r\n", b"2\r\nde\r\n1\r\n", b"f\r\n", b"0\r\n\r\n"]),
    ],
)
async def test_a_body_in_any_number_of_pieces(
    edge: Edge, framing: list[tuple[str, str]], pieces: list[bytes]
) -> None:
    counts: list[int] = []

    async def handler(downstream: Downstream) -> None:
        await echo(downstream)
        counts.append(downstream.bytes_in)

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        for _ in range(2):
            await client.send(request(framing=framing))
            for piece in pieces:
                await client.send(piece)
            assert (await client.response()).body == b"abcdef"
    assert counts == [6, 6]


@pytest.mark.parametrize("framing", [[], [("Content-Length", "0")], CHUNKED])
async def test_no_body(edge: Edge, framing: list[tuple[str, str]]) -> None:
    data = request(framing=framing) + (b"0\r\n\r\n" if framing is CHUNKED else b"")
    async with edge_server(edge, echo) as server:
        assert (await exchange(server.url, data)).body == b""


async def test_a_large_body_comes_whole(edge: Edge) -> None:
    body = bytes(range(256)) * 4096
    async with edge_server(edge, echo) as server, raw_client(server.url) as client:
        await client.send(request(body))
        assert (await client.response()).body == body


def reads(limit: int = 6, timeout_s: float = BODY_TIMEOUT_S) -> Handler:
    async def handler(downstream: Downstream) -> None:
        try:
            await downstream.respond(200, [], await downstream.body(limit, timeout_s))
        except GatewayError as error:
            await refuse(downstream, error)

    return handler


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ([("Content-Length", "7")], b""),
        ([("Content-Length", "7")], b"1234567"),
        (CHUNKED, b"7\r\n1234567\r\n"),
        (CHUNKED, b"4\r\n1234\r\n3\r\n567\r\n"),
    ],
    ids=["declared, and not waited for", "at once", "a chunk", "chunks"],
)
async def test_a_body_that_is_too_large(edge: Edge, framing: list[tuple[str, str]], body: bytes) -> None:
    async with edge_server(edge, reads()) as server, raw_client(server.url) as client:
        await client.send(request(framing=framing) + body)
        response = await client.response()
        assert (response.status, response.body) == (413, b"request_too_large")
        assert response.header("connection") == "close"
        assert await client.rest() == b""


@pytest.mark.parametrize("begun", [b"", b"3\r\nabc\r\n"], ids=["nothing", "half"])
async def test_a_body_that_does_not_come(edge: Edge, begun: bytes) -> None:
    async with edge_server(edge, reads(timeout_s=0.05)) as server, raw_client(server.url) as client:
        await client.send(request(framing=CHUNKED) + begun)
        response = await client.response()
        assert (response.status, response.body) == (408, b"request_timeout")
        assert await client.rest() == b""


async def test_the_time_is_for_each_piece(edge: Edge) -> None:
    async with edge_server(edge, reads(timeout_s=0.4)) as server, raw_client(server.url) as client:
        await client.send(request(framing=[("Content-Length", "6")]))
        for _ in range(6):
            await asyncio.sleep(0.1)
            await client.send(b"x")
        assert (await client.response()).body == b"xxxxxx"


@pytest.mark.parametrize("coded", [b"zz\r\n", b"3\r\nabcd"])
async def test_malformed_chunks(edge: Edge, coded: bytes) -> None:
    async with edge_server(edge, reads()) as server, raw_client(server.url) as client:
        await client.send(request(framing=CHUNKED) + coded)
        response = await client.response()
        assert (response.status, response.body) == (400, b"invalid_body")
        assert await client.rest() == b""


async def test_chunks_that_break_off(edge: Edge) -> None:
    async with edge_server(edge, reads()) as server, raw_client(server.url) as client:
        await client.send(request(framing=CHUNKED) + b"3\r\nabc\r\n")
        client.half_close()
        assert (await client.response()).body == b"invalid_body"


@pytest.mark.parametrize("begun", [b"", b"abc"])
async def test_the_client_leaves_within_its_body(edge: Edge, begun: bytes) -> None:
    seen: list[bool] = []

    async def handler(downstream: Downstream) -> None:
        with pytest.raises(ClientDisconnected):
            await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
        seen.append(downstream.disconnected)

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request(framing=[("Content-Length", "6")]) + begun)
        client.half_close()
        response = await client.response()
        assert (response.status, response.body) == (400, b"")
    assert seen == [True]


async def test_a_reading_that_is_interrupted(edge: Edge) -> None:
    reading: list[Downstream] = []

    async def handler(downstream: Downstream) -> None:
        reading.append(downstream)
        with pytest.raises(GatewayError, match="enough") as caught:
            await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
        await refuse(downstream, caught.value)

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request(framing=[("Content-Length", "6")]) + b"abc")
        await until(lambda: bool(reading))
        reading[0].interrupt(GatewayError("draining", "enough", headers=(CLOSE,)))
        assert (await client.response()).status == 503


# --- the answer ----------------------------------------------------------------------------------


async def test_a_whole_answer(edge: Edge) -> None:
    seen: list[object] = []

    async def handler(downstream: Downstream) -> None:
        downstream.extra_headers.append((b"vary", b"origin"))
        await downstream.respond(418, [(b"x-a", b"1"), (b"x-a", b"2")], b"abc")
        seen.append((downstream.started, downstream.bytes_out))

    async with edge_server(edge, handler) as server:
        response = await exchange(server.url, request())
    assert (response.status, response.body) == (418, b"abc")
    assert [value for name, value in response.headers if name == "x-a"] == ["1", "2"]
    assert (response.header("vary"), response.header("content-length")) == ("origin", "3")
    assert response.header("date") is not None
    assert seen == [(True, 3)]


async def test_the_answer_to_head_has_the_length_alone(edge: Edge) -> None:
    counts: list[int] = []

    async def handler(downstream: Downstream) -> None:
        await downstream.respond(200, [], b"abc")
        counts.append(downstream.bytes_out)

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        for _ in range(2):
            await client.send(request(method="HEAD"))
            response = await client.response(to_head=True)
            assert (response.status, response.header("content-length")) == (200, "3")
    assert counts == [0, 0]


async def test_a_streamed_answer(edge: Edge) -> None:
    seen: list[object] = []

    async def handler(downstream: Downstream) -> None:
        downstream.extra_headers.append((b"vary", b"origin"))
        await downstream.start(200, [(b"content-type", b"text/event-stream")])
        for chunk in (b"a", b"bc"):
            await downstream.write(chunk)
        await downstream.finish()
        seen.append((downstream.started, downstream.bytes_out))

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        for _ in range(2):
            await client.send(request())
            response = await client.response()
            assert (response.status, response.body, response.header("vary")) == (200, b"abc", "origin")
    assert seen == [(True, 3)] * 2


async def test_an_empty_piece_is_nothing(edge: Edge) -> None:
    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        for chunk in (b"", b"a", b"", b"b"):
            await downstream.write(chunk)
        await downstream.finish()

    async with edge_server(edge, handler) as server:
        assert (await exchange(server.url, GET)).body == b"ab"


async def test_each_piece_comes_at_once(edge: Edge) -> None:
    go_on = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [(b"content-type", b"text/event-stream")])
        await downstream.write(b"first")
        await go_on.wait()
        await downstream.write(b"second")
        await downstream.finish()

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request())
        await client.response_head()
        chunks = client.chunks()
        assert await anext(chunks) == b"first"
        go_on.set()
        assert [piece async for piece in chunks] == [b"second"]


async def test_large_pieces_come_whole(edge: Edge) -> None:
    piece = bytes(range(256)) * 4096

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        for _ in range(8):
            await downstream.write(piece)
        await downstream.finish()

    async with edge_server(edge, handler) as server:
        assert (await exchange(server.url, request())).body == piece * 8


@pytest.mark.parametrize("how", ["returns", "raises"])
async def test_an_answer_without_its_end_breaks_the_connection(edge: Edge, how: str) -> None:
    go_on = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        await downstream.write(b"part")
        await go_on.wait()
        if how == "raises":
            raise ClientDisconnected

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request())
        await client.response_head()
        assert await anext(client.chunks()) == b"part"
        go_on.set()
        assert await client.rest() == b""


async def test_an_answer_before_its_request_is_read(edge: Edge) -> None:
    async def handler(downstream: Downstream) -> None:
        await downstream.respond(401, [CLOSE], b"no")

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request(framing=[("Content-Length", "100000")]) + bytes(1000))
        assert (await client.response()).body == b"no"
        assert await client.rest() == b""
