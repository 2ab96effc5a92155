"""A loopback server whose side of a conversation is a script: what it reads, sends, delays and breaks."""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Request:
    """What a client sent, as it stood on the wire."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    def header(self, name: bytes) -> bytes | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None


@dataclass(eq=False)
class Peer:
    """One accepted connection, as its script sees it."""

    number: int
    server: "ByteServer"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self) -> Request:
        """Read a request with its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        request = Request(head, b"")
        self.server.requests.append(request)
        request.body = await self.reader.readexactly(int(request.header(b"content-length") or 0))
        return request

    async def send(self, *steps: bytes | float) -> None:
        """Bytes are sent at once, each as a piece of its own; a number is a delay in seconds."""
        for step in steps:
            if isinstance(step, bytes):
                if self.writer.is_closing():
                    raise ConnectionResetError("the client left")
                self.writer.write(step)
                await self.writer.drain()
            else:
                await asyncio.sleep(step)

    def reset(self) -> None:
        """Send RST."""
        # uvloop's own view of the socket does not take this option.
        sock = self.writer.get_extra_info("socket")
        with socket.socket(fileno=os.dup(sock.fileno())) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def half_close(self) -> None:
        """Send FIN, and go on reading."""
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    async def client_left(self) -> None:
        """Read and drop until the client closes or resets."""
        try:
            while await self.reader.read(65536):
                pass
        except OSError:
            pass
        self.gone.set()


Script = Callable[[Peer], Awaitable[None]]


@dataclass(eq=False)
class ByteServer:
    """Runs its script for each connection; a connection is closed when its script ends."""

    script: Script
    port: int = 0
    peers: list[Peer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(self.peers), self, reader, writer)
        self.peers.append(peer)
        self.tasks.append(asyncio.get_running_loop().create_task(self._run(peer)))

    async def _run(self, peer: Peer) -> None:
        try:
            await self.script(peer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, which is for the test to judge
        finally:
            peer.gone.set()
            peer.writer.close()


@asynccontextmanager
async def byte_server(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[ByteServer]:
    """Scripts that run at the end are cancelled; what one raised is raised here."""
    server = ByteServer(script)
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.tasks:
            task.cancel()
        results = await asyncio.gather(*server.tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result


def response(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response framed by Content-Length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def chunked_head(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    """The head of a response in chunks."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"Transfer-Encoding: chunked", b"", b""))


def chunk(data: bytes) -> bytes:
    """One chunk; of no data, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def answering(*answers: bytes) -> Script:
    """Each request on any connection gets the next answer, the last one for ever."""
    left = list(answers)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(left.pop(0) if len(left) > 1 else left[0])

    return script
