"""An HTTP/1.1 client on a raw socket, which sends just the bytes it is told and may misbehave."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
from tests.support.gateway_process import SECRET

Header = tuple[str, str]
READ_TIMEOUT_S = 15.0
CHAT = "/v1/chat/completions"


def chat_body(**more: Any) -> bytes:
    return msgspec.json.encode({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], **more})


def request(
    body: bytes = b"",
    *headers: Header,
    method: str = "POST",
    path: str = CHAT,
    secret: str | None = SECRET,
    framing: Sequence[Header] | None = None,
) -> bytes:
    """A request with Host, JSON content type and key; `framing` replaces its Content-Length."""
    if framing is None:
        framing = [("Content-Length", str(len(body)))]
    lines = [("Host", "gateway.test"), ("Content-Type", "application/json"), *framing, *headers]
    if secret is not None:
        lines.append(("Authorization", f"Bearer {secret}"))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


@dataclass
class Response:
    status: int
    headers: list[Header]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def request_id(self) -> str:
        """Of the log line that belongs to it."""
        request_id = self.header("x-fastgate-request-id")
        assert request_id is not None, self
        return request_id

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def error(self) -> dict[str, Any]:
        """The error object, whose shape is OpenAI's."""
        body = self.json()
        assert set(body) == {"error"}, body
        error: dict[str, Any] = body["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        return error


class RawClient:
    """One connection. Reads raise `asyncio.IncompleteReadError` where the gateway closed too early."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, url: str, *, receive_buffer: int = 0) -> Self:
        """A small `receive_buffer` (bytes) lets what is not read fill the gateway's side soon. OSError."""
        address = urlsplit(url)
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client = cls(sock)
        try:
            await client._loop.sock_connect(sock, (address.hostname, address.port))
        except OSError:
            sock.close()
            raise
        return client

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def send_until_refused(self, data: bytes, times: int) -> int:
        """Send again and again until the gateway takes no more; how many bytes it took."""
        sent = 0
        try:
            for _ in range(times):
                await self.send(data)
                sent += len(data)
        except OSError:
            pass  # what the gateway answered may still be read
        return sent

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    async def leave(self) -> None:
        """Leave, and return when the gateway has seen it: it closes on its side then."""
        self.half_close()
        await self.rest()
        self.close()

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Close with RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    # --- reading ------------------------------------------------------------------------------------

    async def response(self, *, to_head: bool = False) -> Response:
        """The next response; `to_head`: one to a HEAD request, which has no body."""
        response = await self.response_head()
        if to_head or response.status in {204, 304}:
            return response
        if response.header("transfer-encoding") == "chunked":
            response.body = b"".join([piece async for piece in self.chunks()])
        elif (length := response.header("content-length")) is not None:
            response.body = await self.exactly(int(length))
        else:
            response.body = await self.rest()
        return response

    async def response_head(self) -> Response:
        """Status and headers; interim responses are given too."""
        head = await self.until(b"\r\n\r\n")
        line, *lines = head[:-4].decode("latin-1").split("\r\n")
        pairs = (text.partition(":") for text in lines)
        return Response(int(line.split(" ")[1]), [(n.lower(), v.strip()) for n, _, v in pairs], b"")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of a chunked body, up to its last."""
        while True:
            size = int((await self.until(b"\r\n"))[:-2], 16)
            chunk = (await self.exactly(size + 2))[:-2]
            if not size:
                return
            yield chunk

    async def until(self, mark: bytes) -> bytes:
        """Everything up to and including the next `mark`."""
        while (found := self._buffer.find(mark)) < 0:
            await self._receive()
        return self._taken(found + len(mark))

    async def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._receive()
        return self._taken(size)

    async def byte(self) -> None:
        """Read one byte off the socket, which makes hardly any room there."""
        data = await self._loop.sock_recv(self._socket, 1)
        assert data, "the gateway closed"
        self._buffer += data

    async def rest(self, within_s: float = READ_TIMEOUT_S) -> bytes:
        """All until the gateway closes, each piece `within_s`; a reset counts as such."""
        try:
            while True:
                await self._receive(within_s)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return self._taken(len(self._buffer))

    async def _receive(self, within_s: float = READ_TIMEOUT_S) -> None:
        async with asyncio.timeout(within_s):
            data = await self._loop.sock_recv(self._socket, 65_536)
        if not data:
            raise asyncio.IncompleteReadError(self._buffer, None)
        self._buffer += data

    def _taken(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken


@asynccontextmanager
async def raw_client(url: str, *, receive_buffer: int = 0) -> AsyncIterator[RawClient]:
    """Closed at the end, if the test did not close it before."""
    client = await RawClient.connect(url, receive_buffer=receive_buffer)
    try:
        yield client
    finally:
        client.close()


async def exchange(url: str, data: bytes) -> Response:
    """Send `data` on a connection of its own; the one response."""
    async with raw_client(url) as client:
        await client.send(data)
        return await client.response()
