"""The data plane is a plain ASGI application: here uvicorn serves it, without anything of granian."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from blockbuster import BlockBuster
from tests.support import replies
from tests.support.backends import ROLE, backends, config, of, streamed
from tests.support.builders import chunk
from tests.support.event_stream import DONE, EventStream, chat_stream, text_of
from tests.support.fake_provider import FakeProvider
from tests.support.in_process import Plane, data_plane
from tests.support.raw_client import chat_body, exchange, raw_client, request
from tests.support.replies import Gate, Reset, Stall, Wait
from tests.support.upstream_calls import until


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def plane(provider: FakeProvider, tmp_path: Path, _blockbuster: BlockBuster) -> AsyncIterator[Plane]:
    async with data_plane(tmp_path, config(provider.url, backends("gpt")), _blockbuster) as plane:
        yield plane
        await until(lambda: not plane.data.in_flight())
        assert plane.in_flight() == 0


@pytest.fixture
async def url(plane: Plane) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(plane.asgi, log_level="critical", lifespan="on"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def test_a_plain_call(url: str, provider: FakeProvider) -> None:
    response = await exchange(url, request(chat_body(model="gpt")))
    assert response.status == 200
    assert response.json()["choices"][0]["message"]["content"] == "Hello there"
    assert response.header("x-fastgate-provider") == "gpt"


async def test_a_stream_comes_piece_by_piece(url: str, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(streamed(ROLE, "now", Wait(gate), " then", chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n"))
    async with chat_stream(url, "gpt") as answer:
        await answer.event()
        assert "now" in (await answer.event() or "")
        gate.open()
        received = await answer.chunks()
    assert (text_of(received), received[-1]) == (" then", DONE)


async def test_the_client_leaves(url: str, provider: FakeProvider, plane: Plane) -> None:
    provider.script(streamed(ROLE, "text", Stall()))
    async with chat_stream(url, "gpt") as answer:
        await answer.event()
    await provider.until(lambda: not of(provider, "gpt")[0].connection.open)


async def test_the_client_leaves_before_an_answer(url: str, provider: FakeProvider) -> None:
    provider.script(replies.stall_before_headers())
    async with raw_client(url) as client:
        await client.send(request(chat_body(model="gpt")))
        await provider.until(lambda: bool(of(provider, "gpt")))
    await provider.until(lambda: not of(provider, "gpt")[0].connection.open)


async def test_bytes_that_are_cut_break_the_connection(url: str, provider: FakeProvider) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n"
    gate = Gate()
    provider.script(replies.reply(head, chunk(b"audio"), Wait(gate), Reset()))
    async with raw_client(url) as client:
        await client.send(request(b'{"model":"gpt","input":"Hi","voice":"a"}', path="/v1/audio/speech"))
        await client.response_head()
        assert await anext(client.chunks()) == b"audio"
        gate.open()
        assert b"0\r\n\r\n" not in await client.rest()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("GET", "/health/ready", 200)],
)
async def test_other_paths(url: str, method: str, path: str, status: int) -> None:
    response = await exchange(url, request(method=method, path=path))
    assert response.status == status


async def test_two_requests_on_one_connection(url: str, provider: FakeProvider) -> None:
    provider.script(replies.chat_stream(["a"]))
    async with raw_client(url) as client:
        for _ in range(2):
            await client.send(request(chat_body(model="gpt", stream=True)))
            assert text_of(await (await EventStream.of(client)).chunks()) == "a"
