"""Asking the control process: its answer, or that it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fastgate.upstream import control
from fastgate.upstream.control import ControlUnavailable, ask

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{ 1}"


@asynccontextmanager
async def answering(path: Path, *pieces: bytes, stays: bool = False) -> AsyncIterator[list[bytes]]:
    """A server that sends these pieces to whoever comes, and closes; the heads that it was sent."""
    heads: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        if stays:
            await over.wait()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    try:
        yield heads
    finally:
        over.set()
        server.close()
        await server.wait_closed()


async def test_the_body_of_its_answer(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", OK[:20], OK[20:], stays=True) as heads:
        assert await ask(tmp_path / "s", "/usage?key=vk%20a") == b"{ 1}"
    assert heads[0].startswith(b"GET /usage?key=vk%20a HTTP/1.1\r\nhost: ")


async def test_in_chunks(tmp_path: Path) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    async with answering(tmp_path / "s", chunked):
        assert await ask(tmp_path / "s", "/") == b"abc"


@pytest.mark.parametrize(
    "answer",
    [b"", OK[:-1], b"HTTP/1.1 200 OK\r\n", b"not HTTP\r\n\r\n", OK.replace(b"200 OK", b"500 No")],
    ids=["closes", "breaks off", "half a head", "garbage", "another status"],
)
async def test_no_good_answer(tmp_path: Path, answer: bytes) -> None:
    async with answering(tmp_path / "s", answer):
        with pytest.raises(ControlUnavailable):
            await ask(tmp_path / "s", "/")


async def test_it_is_away(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailable):
        await ask(tmp_path / "s", "/")


async def test_it_does_not_answer_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "TIMEOUT_S", 0.05)
    async with answering(tmp_path / "s", OK[:30], stays=True):
        with pytest.raises(ControlUnavailable):
            await ask(tmp_path / "s", "/")


async def test_an_answer_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_ANSWER", 1_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n"
    async with answering(tmp_path / "s", head, *[b"x" * 100_000] * 5, stays=True):
        with pytest.raises(ControlUnavailable):
            await ask(tmp_path / "s", "/")
