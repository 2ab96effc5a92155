"""An upstream that does just what a test says, byte by byte: raw sockets, no HTTP framework.

It runs on a loop and thread of its own, so sync and async tests of any loop scope can use it.
"""

import asyncio
import concurrent.futures
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec
from tests.support.replies import (
    Close,
    Endless,
    HalfClose,
    Reply,
    Reset,
    Send,
    Sleep,
    Stall,
    Step,
    Wait,
    chat_reply,
)

AUTH_HEADERS = ("authorization", "api-key", "x-api-key", "x-goog-api-key")


@dataclass(eq=False)
class Connection:
    """One accepted connection. Times are `time.monotonic_ns()`; None: it did not happen."""

    number: int
    opened_ns: int
    requests: int = 0
    written: int = 0  # bytes handed to the socket or waiting before it
    blocked: bool = False  # the client does not read: no step goes on
    client_closed_ns: int | None = None  # FIN or RST of the client, or the end after our own close
    provider_closed_ns: int | None = None
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.client_closed_ns is None and self.provider_closed_ns is None


@dataclass(eq=False)
class Request:
    """One request as it stood on the wire."""

    raw: bytes
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    received_ns: int
    connection: Connection

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def secret(self) -> str | None:
        """What was presented as a credential, without `Bearer `."""
        value = next((v for name in AUTH_HEADERS if (v := self.header(name)) is not None), None)
        return None if value is None else value.removeprefix("Bearer ")

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def model(self) -> str | None:
        if not self.body.lstrip().startswith(b"{"):
            return None
        model = self.json().get("model")
        return model if isinstance(model, str) else None


@dataclass(eq=False)
class Script:
    """Replies in sequence; the last one repeats, unless `times` bounds the uses."""

    replies: Sequence[Reply]
    path: str | None
    model: str | None
    secret: str | None
    times: int | None
    requests: list[Request] = field(default_factory=list)

    def take(self, request: Request) -> Reply | None:
        if self.times is not None and len(self.requests) >= self.times:
            return None
        # The model last: to know it, the body has to be decoded.
        if self.secret is not None and self.secret != request.secret:
            return None
        if self.path is not None and self.path != request.path:
            return None
        if self.model is not None and self.model != request.model:
            return None
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        return reply


class FakeProvider:
    """`with FakeProvider() as provider:` serves on a free loopback port until the block ends."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections: list[Connection] = []
        self._scripts: list[Script] = []
        self._tls = tls
        self._protocols: set[_Protocol] = set()
        self._lock = threading.RLock()
        self._waiters: list[tuple[Callable[[], bool], concurrent.futures.Future[None]]] = []
        self._loop = asyncio.SelectorEventLoop()  # not uvloop: SO_LINGER needs the real socket
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-provider", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Base URL for a provider's configuration."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self.start_listening()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._run(self._close_connections(abort=True))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- scripting ------------------------------------------------------------------------------

    def script(
        self,
        *replies: Reply,
        path: str | None = None,
        model: str | None = None,
        secret: str | None = None,
        times: int | None = None,
    ) -> Script:
        """Answer requests that match all given; the newest matching script wins."""
        script = Script(replies, path, model, secret, times)
        with self._lock:
            self._scripts.insert(0, script)
        return script

    def reset(self) -> None:
        """Forget scripts, requests and closed connections, so that another test can begin."""
        with self._lock:
            self._scripts.clear()
            self.requests.clear()
            self.connections[:] = [connection for connection in self.connections if connection.open]

    def refuse(self) -> None:
        """Refuse new connections, until `start_listening`; open ones stay."""

        async def close() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None

        self._run(close())

    def start_listening(self) -> None:
        async def listen() -> None:
            sock = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY on such alone
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", self.port))
            self.port = sock.getsockname()[1]
            self._server = await self._loop.create_server(
                lambda: _Protocol(self), sock=sock, ssl=self._tls, backlog=1024
            )

        self._run(listen())

    def drop_connections(self) -> None:
        """Close all connections regularly, as a server does with idle ones."""
        self._run(self._close_connections(abort=False))

    # --- waiting --------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until `condition()` holds; it is evaluated after each event on the wire."""
        await asyncio.wait_for(asyncio.wrap_future(self._watch(condition)), timeout)

    def until_sync(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        self._watch(condition).result(timeout)

    def _watch(self, condition: Callable[[], bool]) -> concurrent.futures.Future[None]:
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._lock:
            self._waiters.append((condition, future))
        self._changed()
        return future

    def _changed(self) -> None:
        with self._lock:
            self._waiters = [(condition, future) for condition, future in self._waiters if not future.done()]
            for condition, future in self._waiters:
                if condition() and future.set_running_or_notify_cancel():
                    future.set_result(None)

    # --- the provider's own thread ---------------------------------------------------------------

    def _run(self, coro: Any) -> None:
        asyncio.run_coroutine_threadsafe(coro, self._loop).result(10)

    async def _close_connections(self, *, abort: bool) -> None:
        for protocol in list(self._protocols):
            protocol.close(abort=abort)
        await asyncio.gather(*(protocol.lost.wait() for protocol in list(self._protocols)))

    def _reply_to(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            reply = next((r for s in self._scripts if (r := s.take(request)) is not None), None)
        self._changed()
        return chat_reply() if reply is None else reply


class _Protocol(asyncio.Protocol):
    """Reads requests one after the other, and plays the reply to each."""

    def __init__(self, provider: FakeProvider) -> None:
        self._provider = provider
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        with self._provider._lock:
            connections = self._provider.connections
            self.log = Connection(len(connections), time.monotonic_ns())
            connections.append(self.log)
            self._provider._protocols.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())
        self._provider._changed()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._arrived.set()

    def eof_received(self) -> bool:
        self._client_closed()
        return not self._provider._tls  # a reply may still be half sent; TLS can't be half open

    def connection_lost(self, error: Exception | None) -> None:
        self.log.error = repr(error) if error else None
        self._client_closed()
        self._writable.set()
        self._task.cancel()
        self._provider._protocols.discard(self)
        self.lost.set()
        self._provider._changed()

    def pause_writing(self) -> None:
        self._writable.clear()
        self.log.blocked = True
        self._provider._changed()

    def resume_writing(self) -> None:
        self._writable.set()
        self.log.blocked = False
        self._provider._changed()

    def close(self, *, abort: bool = False) -> None:
        self._provider_closed()
        if abort:
            self._transport.abort()
        else:
            self._transport.close()

    def _client_closed(self) -> None:
        if self.log.client_closed_ns is None:
            self.log.client_closed_ns = time.monotonic_ns()
        self._arrived.set()
        self._provider._changed()

    def _provider_closed(self) -> None:
        if self.log.provider_closed_ns is None:
            self.log.provider_closed_ns = time.monotonic_ns()

    async def _serve(self) -> None:
        while (request := await self._read_request()) is not None:
            self.log.requests += 1
            for step in self._provider._reply_to(request).steps:
                await self._play(step)
                if self._transport.is_closing():
                    return
        self.close()

    async def _play(self, step: Step) -> None:
        match step:
            case Send(data):
                await self._write(data)
            case Sleep(seconds):
                await asyncio.sleep(seconds)
            case Wait(gate):
                await gate.wait()
            case Endless(data):
                while not self._transport.is_closing():
                    await self._write(data)
                    await asyncio.sleep(0)
            case Stall():
                while self.log.client_closed_ns is None:
                    self._arrived.clear()
                    await self._arrived.wait()
            case HalfClose():
                self._transport.write_eof()
            case Close():
                self.close()
            case Reset():
                self._reset()

    async def _write(self, data: bytes) -> None:
        self._transport.write(data)
        self.log.written += len(data)
        await self._writable.wait()

    def _reset(self) -> None:
        self._provider_closed()
        fd = self._transport.get_extra_info("socket").fileno()
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    # --- reading ------------------------------------------------------------------------------------

    async def _more(self) -> bool:
        """Wait for further bytes; False when the client will send no more."""
        if self.log.client_closed_ns is not None:
            return False
        self._arrived.clear()
        await self._arrived.wait()
        return self.log.client_closed_ns is None or bool(self._buffer)

    async def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            if not await self._more():
                return False
        return True

    async def _until(self, mark: bytes, start: int) -> int:
        """Offset behind the next `mark`, or -1."""
        while (found := self._buffer.find(mark, start)) < 0:
            if not await self._more():
                return -1
        return found + len(mark)

    async def _read_request(self) -> Request | None:
        """The next request, or None when the client ended the connection."""
        body_start = await self._until(b"\r\n\r\n", 0)
        if body_start < 0:
            return None
        start_line, *lines = bytes(self._buffer[: body_start - 4]).decode("latin-1").split("\r\n")
        method, target, _ = start_line.split(" ")
        headers = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]
        fields = dict(headers)
        if fields.get("transfer-encoding") == "chunked":
            body, end = await self._read_chunked(body_start)
        else:
            end = body_start + int(fields.get("content-length", "0"))
            complete = await self._fill(end)
            body = bytes(self._buffer[body_start:end]) if complete else b""
            end = end if complete else -1
        if end < 0:
            return None
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        return Request(raw, method, target, headers, body, time.monotonic_ns(), self.log)

    async def _read_chunked(self, at: int) -> tuple[bytes, int]:
        body = bytearray()
        while True:
            line_end = await self._until(b"\r\n", at)
            if line_end < 0:
                return b"", -1
            size = int(self._buffer[at : line_end - 2].split(b";")[0], 16)
            if not await self._fill(line_end + size + 2):
                return b"", -1
            body += self._buffer[line_end : line_end + size]
            at = line_end + size + 2
            if size == 0:
                return bytes(body), at
