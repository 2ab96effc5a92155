"""The ASGI edge: what it reads of a server's messages, what it sends, and how it sees a client leave."""

import asyncio
from typing import Any

import pytest
from tests.support.memory import MIB, peak_of_allocations

from fastgate import tasks
from fastgate.downstream.asgi import AsgiDownstream, application
from fastgate.errors import ClientDisconnected, GatewayError

Message = dict[str, Any]
LEFT: Message = {"type": "http.disconnect"}


def piece(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Server:
    """Hands over its messages, then says nothing more. `broken` makes `send` raise as uvicorn does."""

    def __init__(self, *messages: Message, method: str = "POST", headers: Any = ()) -> None:
        self.messages = list(messages)
        self.sent: list[Message] = []
        self.broken = False
        self.left = asyncio.Event()
        scope = {"type": "http", "method": method, "path": "/p", "query_string": b"a=b", "headers": headers}
        self.downstream = AsgiDownstream(scope, self.receive, self.send)

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop(0)
        await self.left.wait()
        return LEFT

    async def send(self, message: Message) -> None:
        if self.broken:
            raise OSError("closed")
        self.sent.append(message)


async def test_the_first_of_a_repeated_header() -> None:
    downstream = Server(headers=[(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]).downstream
    assert [downstream.header(name) for name in (b"a", b"b", b"c")] == [b"1", b"2", None]
    assert (downstream.method, downstream.path, downstream.query) == ("POST", "/p", b"a=b")


@pytest.mark.parametrize(
    "messages",
    [
        [piece(b"abcdef")],
        [piece(b"abc", True), piece(b"def")],
        [piece(b"", True), piece(b"abcdef", True), piece(b"")],
        [{"type": "http.request", "body": b"abcdef"}],
    ],
)
async def test_a_body_in_any_number_of_pieces(messages: list[Message]) -> None:
    downstream = Server(*messages).downstream
    assert await downstream.body(6, 5) == b"abcdef"
    assert downstream.bytes_in == 6


async def test_no_body() -> None:
    assert await Server({"type": "http.request"}).downstream.body(6, 5) == b""


@pytest.mark.parametrize(
    ("messages", "headers"),
    [
        ([piece(b"1234567")], ()),
        ([piece(b"1234", True), piece(b"567", True)], ()),
        ([], [(b"content-length", b"7")]),
    ],
    ids=["at once", "in pieces", "declared, and not waited for"],
)
async def test_a_body_that_is_too_large(messages: list[Message], headers: Any) -> None:
    with pytest.raises(GatewayError, match="larger than 6 bytes") as caught:
        await Server(*messages, headers=headers).downstream.body(6, 5)
    assert caught.value.status == 413
    assert (b"connection", b"close") in caught.value.headers


@pytest.mark.parametrize("messages", [[], [piece(b"abc", True)]], ids=["nothing", "half"])
async def test_a_body_that_does_not_come(messages: list[Message]) -> None:
    with pytest.raises(GatewayError) as caught:
        await Server(*messages).downstream.body(6, 0.02)
    assert caught.value.code == "request_timeout"


async def test_the_time_is_for_each_piece() -> None:
    server = Server(*(piece(b"x", more=True) for _ in range(5)), piece(b""))
    receive = server.receive

    async def slowly() -> Message:
        await asyncio.sleep(0.03)
        return await receive()

    server.downstream._receive = slowly
    assert await server.downstream.body(6, 0.1) == b"xxxxx"


async def test_the_client_leaves_within_its_body() -> None:
    downstream = Server(piece(b"abc", True), LEFT).downstream
    with pytest.raises(ClientDisconnected):
        await downstream.body(6, 5)
    assert downstream.disconnected


async def test_chunks_end_before_their_last() -> None:
    """A server may say so of malformed ones, whose client is still there."""
    server = Server(piece(b"abc", True), LEFT, headers=[(b"transfer-encoding", b"chunked")])
    with pytest.raises(GatewayError) as caught:
        await server.downstream.body(6, 5)
    assert (caught.value.code, caught.value.status) == ("invalid_body", 400)
    assert (b"connection", b"close") in caught.value.headers
    await server.downstream.respond(400, [], b"no")
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("last", [piece(b""), {"type": "http.request"}])
async def test_a_body_of_one_piece_is_not_copied(last: Message) -> None:
    """Some servers tell of its end with another, empty piece."""
    body = b"x" * 100_000
    assert await Server(piece(body)).downstream.body(100_000, 5) is body
    assert await Server(piece(body, True), last).downstream.body(100_000, 5) is body


async def test_a_body_of_many_pieces_is_in_memory_once() -> None:
    size, each = 24 * MIB, 64 * 1024
    server = Server(headers=())
    pieces = iter([True] * (size // each - 1) + [False])

    async def receive() -> Message:
        return piece(bytes(each), next(pieces))

    server.downstream._receive = receive
    with peak_of_allocations() as peak:
        body = await server.downstream.body(size, 5)
    assert len(body) == size
    assert peak() < 1.2 * size


async def test_a_whole_answer() -> None:
    server = Server()
    server.downstream.extra_headers = [(b"vary", b"origin")]
    await server.downstream.respond(200, [(b"a", b"1")], b"abc")
    assert server.sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"a", b"1"), (b"vary", b"origin"), (b"content-length", b"3")],
        },
        {"type": "http.response.body", "body": b"abc", "more_body": False},
    ]
    assert (server.downstream.started, server.downstream.bytes_out) == (True, 3)


async def test_the_answer_to_head_has_the_length_alone() -> None:
    server = Server(method="HEAD")
    await server.downstream.respond(200, [], b"abc")
    assert server.sent[0]["headers"] == [(b"content-length", b"3")]
    assert server.sent[1]["body"] == b""
    assert server.downstream.bytes_out == 0


async def test_a_streamed_answer() -> None:
    server = Server()
    downstream = server.downstream
    await downstream.start(200, [])
    for chunk in (b"a", b"bc"):
        await downstream.write(chunk)
    await downstream.finish()
    assert [(m.get("body"), m.get("more_body")) for m in server.sent[1:]] == [
        (b"a", True),
        (b"bc", True),
        (b"", False),
    ]
    assert downstream.bytes_out == 3


async def test_a_server_that_raises_on_a_closed_connection() -> None:
    server = Server()
    await server.downstream.start(200, [])
    server.broken = True
    for _ in range(2):
        with pytest.raises(ClientDisconnected):
            await server.downstream.write(b"x")
    assert server.downstream.disconnected


async def test_watching() -> None:
    server = Server(piece(b"late"))
    seen: list[str] = []
    server.downstream.watch(lambda: seen.append("left"))
    server.downstream.watch(lambda: seen.append("twice"))
    await asyncio.sleep(0)
    assert (seen, server.downstream.disconnected) == ([], False)
    server.left.set()
    while not seen:  # noqa: ASYNC110 - a task of the code under test sets it
        await asyncio.sleep(0)
    assert (seen, server.downstream.disconnected) == (["left"], True)
    for call in (
        server.downstream.start(200, []),
        server.downstream.write(b""),
        server.downstream.finish(),
        server.downstream.respond(200, [], b""),
    ):
        with pytest.raises(ClientDisconnected):
            await call
    assert server.sent == []


async def test_not_watching_any_more() -> None:
    server = Server()
    seen: list[str] = []
    server.downstream.watch(lambda: seen.append("left"))
    server.downstream.unwatch()
    server.downstream.unwatch()
    server.left.set()
    while tasks.running():  # noqa: ASYNC110 - the watcher ends in the loop's next turns
        await asyncio.sleep(0)
    assert seen == []


async def test_the_lifespan_protocol() -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def handler(_: Any) -> None:
        raise AssertionError("no request came")

    app = application(handler)
    await app({"type": "lifespan"}, receive, send)
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    with pytest.raises(NotImplementedError, match="websocket"):
        await app({"type": "websocket"}, receive, send)
