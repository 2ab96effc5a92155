"""A TCP proxy that spoils the wire between two real programs: stall, reset, half-close, re-chunk, throttle.

Runs on a thread of its own. Faults act on bytes and know no HTTP. They can be changed at any time and
then hold for open connections too.
"""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

_CHUNK = 65_536


@dataclass
class Direction:
    """What happens to the bytes of one direction, on all connections."""

    stalled: bool = False
    piece_bytes: int = _CHUNK  # largest piece that is passed on in one write
    bytes_per_s: float = 0.0  # 0: as fast as they come
    passed: int = 0
    reset_after: int | None = None  # both sides get RST once so many bytes went this way
    half_close_after: int | None = None  # FIN in this direction once so many bytes went this way


@dataclass(eq=False)
class _Pipe:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    direction: Direction


@dataclass(eq=False)
class _Link:
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


class FaultProxy:
    """`with FaultProxy(port) as proxy:` listens on `proxy.port` and forwards to 127.0.0.1:`port`."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.to_upstream = Direction()
        self.to_client = Direction()
        self.accepted = 0
        self.port = 0
        self._links: set[_Link] = set()
        self._loop = asyncio.SelectorEventLoop()  # not uvloop: SO_LINGER needs the real socket
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._resumed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, path: str = "/v1") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    # --- faults -------------------------------------------------------------------------------------

    def stall(self, *directions: Direction) -> None:
        for direction in directions or (self.to_upstream, self.to_client):
            direction.stalled = True

    def resume(self) -> None:
        self.to_upstream.stalled = self.to_client.stalled = False
        self._loop.call_soon_threadsafe(self._resumed.set)

    def reset_all(self) -> None:
        """RST on both sides of every open connection."""

        async def reset() -> None:
            for link in list(self._links):
                _reset(link)

        self._run(reset())

    # --- the proxy's own thread ------------------------------------------------------------------------

    def _run(self, coro: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coro, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for link in list(self._links):
            _reset(link)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = _Link([writer])
        self._links.add(link)
        try:
            await self._join(link, reader, writer)
        except (OSError, asyncio.CancelledError):
            _reset(link)
        finally:
            for each in link.writers:
                each.close()
            self._links.discard(link)
            self._tasks.discard(task)

    async def _join(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        link.writers.append(up_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(link, _Pipe(reader, up_writer, self.to_upstream)))
            group.create_task(self._pump(link, _Pipe(up_reader, writer, self.to_client)))

    async def _pump(self, link: _Link, pipe: _Pipe) -> None:
        direction, sent = pipe.direction, 0
        try:
            while data := await pipe.reader.read(_CHUNK):
                while data:
                    while direction.stalled:
                        self._resumed.clear()
                        await self._resumed.wait()
                    limit = _next_limit(direction, sent)
                    piece, data = data[:limit], data[limit:]
                    pipe.writer.write(piece)
                    await pipe.writer.drain()
                    sent += len(piece)
                    direction.passed += len(piece)
                    if direction.reset_after is not None and sent >= direction.reset_after:
                        _reset(link)
                        return
                    if direction.half_close_after is not None and sent >= direction.half_close_after:
                        pipe.writer.write_eof()
                        return
                    pause = len(piece) / direction.bytes_per_s if direction.bytes_per_s else 0.0
                    await asyncio.sleep(pause)
            pipe.writer.write_eof()
        except OSError:
            _reset(link)


def _next_limit(direction: Direction, sent: int) -> int:
    """How many bytes may go in the next write, so that a fault comes at its byte."""
    ends = [end - sent for end in (direction.reset_after, direction.half_close_after) if end is not None]
    return max(1, min([direction.piece_bytes, *ends]))


def _reset(link: _Link) -> None:
    for writer in link.writers:
        if writer.transport.is_closing():
            continue
        fd = writer.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
