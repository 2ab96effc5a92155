"""Load from one event loop: thousands of open streams, and connections that ask again and again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self, cast
from urllib.parse import urlsplit

import httptools
import msgspec
import psutil

_AT_ONCE = 100


@dataclass(eq=False)
class Answer:
    """What has come of one answer so far. `lost`: the connection ended before it was complete."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    lost: bool = False

    @property
    def ended(self) -> bool:
        return self.complete or self.lost

    def events(self) -> list[str]:
        """The data of the whole events of a stream."""
        *whole, _ = bytes(self.body).split(b"\n\n")
        return [event.decode().removeprefix("data: ") for event in whole]

    def pieces(self) -> list[str]:
        """The texts of a chat stream's chunks, in order."""
        decoded = (msgspec.json.decode(event) for event in self.events() if event.startswith("{"))
        deltas = (choice["delta"] for chunk in decoded for choice in chunk.get("choices", ()))
        return [delta["content"] for delta in deltas if delta.get("content")]


class Connection(asyncio.Protocol):
    """One connection of a client: a request at a time, its answer kept. Use `connect`."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.open = True
        self.port = 0  # ours
        self._waiting: tuple[Callable[[Answer], bool], asyncio.Future[None]] | None = None
        self._new_parser()

    @classmethod
    async def connect(cls, url: str) -> Self:
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        _, self = await asyncio.get_running_loop().create_connection(cls, address.hostname, address.port)
        return self

    def send(self, request: bytes) -> None:
        """Begin a request; `answer` is another one from now on. An answer on a lost connection is lost."""
        self.answer = Answer(lost=not self.open)
        self._new_parser()
        if self.open:
            self._transport.write(request)

    async def until(self, condition: Callable[[Answer], bool], timeout: float = 30.0) -> Answer:
        """Wait until `condition` holds, or the answer has ended."""
        if not (self.answer.ended or condition(self.answer)):
            changed = asyncio.get_running_loop().create_future()
            self._waiting = (condition, changed)
            await asyncio.wait_for(changed, timeout)
        return self.answer

    async def done(self, timeout: float = 30.0) -> Answer:
        return await self.until(lambda answer: answer.ended, timeout)

    async def closed(self, timeout: float = 30.0) -> None:
        """Wait until the server has closed the connection, which is at rest."""
        self.answer = Answer(lost=not self.open)
        await self.done(timeout)
        assert self.answer.lost

    async def call(self, request: bytes) -> Answer:
        self.send(request)
        return await self.done()

    def close(self) -> None:
        self._transport.close()

    def _new_parser(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    def _changed(self) -> None:
        if self._waiting is not None:
            condition, changed = self._waiting
            if not changed.done() and (self.answer.ended or condition(self.answer)):
                changed.set_result(None)
                self._waiting = None

    # --- callbacks of the transport and the parser --------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is of no common class
        self.port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        self._changed()

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self.answer.lost = not self.answer.complete
        self._changed()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.answer.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.answer.body += data

    def on_message_complete(self) -> None:
        self.answer.complete = True


async def open_streams(
    url: str, requests: Iterable[bytes], ready: Callable[[Answer], bool]
) -> list[Connection]:
    """A connection and a request each, in order; returns when `ready` holds for every answer."""
    connections: list[Connection] = []
    waiting = list(requests)
    for start in range(0, len(waiting), _AT_ONCE):
        batch = waiting[start : start + _AT_ONCE]
        opened = await asyncio.gather(*(Connection.connect(url) for _ in batch))
        for connection, request in zip(opened, batch, strict=True):
            connection.send(request)
        await asyncio.gather(*(connection.until(ready) for connection in opened))
        connections += opened
    return connections


def accepted_by(pid: int, connections: list[Connection]) -> list[Connection]:
    """Those that this process has accepted."""
    ports = {
        connection.raddr.port
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED
    }
    return [connection for connection in connections if connection.port in ports]


class Hammer:
    """Clients that each send one request after the other; `judge` says of an answer what it was.

    A connection that the server closes between two answers is opened anew, as any client does.
    """

    def __init__(self, url: str, requests: Iterator[bytes], judge: Callable[[Answer], str]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._url = url
        self._requests = requests
        self._judge = judge
        self._stopped = False
        self._by_client: list[int] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def run(self, clients: int) -> None:
        """Until `stop`, or until there are no more requests."""
        self._by_client = [0] * clients
        await asyncio.gather(*(self._client(number) for number in range(clients)))

    def stop(self) -> None:
        self._stopped = True

    async def more(self, answers: int) -> None:
        """Wait for so many answers from now on."""
        wanted = self.outcomes.total() + answers
        await self._until(lambda: self.outcomes.total() >= wanted)

    async def all_began_anew(self) -> None:
        """Wait until what any client has open now is answered."""
        now = list(self._by_client)
        await self._until(lambda: all(map(int.__gt__, self._by_client, now)))

    async def _until(self, condition: Callable[[], bool]) -> None:
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, reached))
        await asyncio.wait_for(reached, 60)

    async def _client(self, number: int) -> None:
        connection = await Connection.connect(self._url)
        for request in self._requests:
            if self._stopped:
                break
            if not connection.open:
                connection = await Connection.connect(self._url)
            answer = await connection.call(request)
            self.outcomes[self._judge(answer)] += 1
            self._by_client[number] += 1
            if self._waiting:
                self._notify()
            if answer.headers.get("connection") == "close":
                connection.close()
                connection.open = False
        connection.close()

    def _notify(self) -> None:
        for condition, reached in self._waiting:
            if not reached.done() and condition():
                reached.set_result(None)
        self._waiting = [(condition, reached) for condition, reached in self._waiting if not reached.done()]
