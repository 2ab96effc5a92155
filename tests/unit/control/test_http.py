"""The control socket's server: a request a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from socket import SOCK_STREAM
from socket import socket as Listener

import httpx
import pytest

from fastgate.control import http
from fastgate.control.http import BACKLOG, ControlServer, Route
from fastgate.store.ledger.errors import LedgerUnavailable
from fastgate.store.sockets import listen
from fastgate.upstream.control import ask

Client = Callable[[str, str], Awaitable[httpx.Response]]


async def echo(query: Mapping[str, str]) -> dict[str, str]:
    return dict(query)


async def away(query: Mapping[str, str]) -> None:
    raise LedgerUnavailable("db: it is away")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def listener(path: Path) -> Listener:
    return listen(path, SOCK_STREAM, BACKLOG)


@pytest.fixture
async def client(path: Path, listener: Listener) -> AsyncIterator[Client]:
    routes = {"/echo": Route("GET", echo), "/do": Route("POST", echo), "/away": Route("GET", away)}
    server = ControlServer(routes)
    await server.start(listener)
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as http_client:
        yield http_client.request
    await server.stop(1.0)


async def raw(path: Path, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()
    return answer


async def test_an_answer_is_json_and_ends_the_connection(client: Client) -> None:
    answer = await client("GET", "/echo?key=vk%20a&empty=")
    assert (answer.status_code, answer.json()) == (200, {"key": "vk a"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"


async def test_a_worker_asks(client: Client, path: Path) -> None:
    assert await ask(path, "/echo?key=a") == b'{"key":"a"}'


async def test_one_after_the_other_from_one_client(client: Client) -> None:
    for _ in range(3):
        assert (await client("POST", "/do")).json() == {}


@pytest.mark.parametrize("target", ["/", "/echo/", "/ech%6f"])
async def test_what_is_not_there(client: Client, target: str) -> None:
    assert (await client("GET", target)).status_code == 404


async def test_another_method(client: Client) -> None:
    answer = await client("POST", "/echo")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_the_ledger_is_away(client: Client) -> None:
    assert (await client("GET", "/away")).status_code == 503


async def test_a_request_in_pieces_and_with_a_body(client: Client, path: Path) -> None:
    pieces = b"POST /do?a=1 HT", b"TP/1.1\r\nhost: x\r\ncontent-le", b"ngth: 3\r\n\r\n", b"ab", b"c"
    assert (await raw(path, *pieces)).endswith(b'\r\n\r\n{"a":"1"}')


@pytest.mark.parametrize("request_", [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nhost x\r\n\r\n"])
async def test_no_request(client: Client, path: Path, request_: bytes) -> None:
    assert (await raw(path, request_)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_an_endless_request_is_cut_off(client: Client, path: Path) -> None:
    assert await raw(path, b"POST /do HTTP/1.1\r\ncontent-length: 9999999\r\n\r\n" + bytes(70_000)) == b""


async def test_a_silent_client_is_cut_off(
    client: Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REQUEST_S", 0.01)
    assert await raw(path, b"GET /echo") == b""


async def test_a_client_that_left_is_nobody_s_failure(client: Client, path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"GET /echo HTTP/1.1\r\n")
    writer.close()
    assert (await client("GET", "/echo")).status_code == 200


async def test_what_is_being_answered_ends_first(path: Path, listener: Listener) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(query: Mapping[str, str]) -> str:
        begun.set()
        await goes_on.wait()
        return "well"

    server = ControlServer({"/slow": Route("GET", slow)})
    await server.start(listener)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(ask(path, "/slow"))
        await begun.wait()
        stopping = group.create_task(server.stop(5.0))
        await asyncio.sleep(0)
        assert not stopping.done()
        goes_on.set()
    assert asked.result() == b'"well"'
