"""For tests of an upgrade: successors on one directory, and clients that know whether they were served."""

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.gateway_process import GatewayProcess
from tests.support.load import Answer, Connection
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, request

from fastgate.launch import Edge


class Line:
    """Gateways of one data directory, each the successor of the one before. Use as a context manager."""

    def __init__(self, directory: Path, config: Mapping[str, Any], edge: Edge) -> None:
        self._directory = directory
        self._edge = edge
        self._config: Mapping[str, Any] | None = config
        self.gateways: list[GatewayProcess] = []

    def __enter__(self) -> "Line":
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        for gateway in reversed(self.gateways):
            gateway.__exit__(None, None, None)

    @property
    def gateway(self) -> GatewayProcess:
        """The last one."""
        return self.gateways[-1]

    def _start(self, *arguments: str) -> None:
        gateway = GatewayProcess(self._config, self._directory, arguments=arguments, edge=self._edge)
        gateway.__enter__()
        self._config = None
        self.gateways.append(gateway)

    async def upgrade(self) -> GatewayProcess:
        """The next one serves; the one before, which is returned, is draining."""
        before = self.gateway
        await in_thread(lambda: self._start("--replace"))
        assert self.gateway.url == before.url
        return before


class Clients:
    """Each asks again and again: half of them on connections that they keep (none where `keep` is false), the
    others on a new one each time. Half of the calls are streams.

    `failures` says what did not go well, and `moved` how often a kept connection ended because an answer had
    said so. `repeated`: one ended just as a call was sent on it, which was sent again (RFC 9112, 9.3.1): had
    it been executed, the provider would have seen it twice.
    """

    def __init__(self, url: str, *, keep: bool = True) -> None:
        self.ids: set[str] = set()
        self.failures: list[str] = []
        self.answered = self.moved = self.repeated = 0
        self._url = url
        self._keep = keep
        self._numbers = itertools.count()
        self._stopped = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def run(self, count: int) -> None:
        await asyncio.gather(*(self._client(keeps=self._keep and not number % 2) for number in range(count)))

    def stop(self) -> None:
        self._stopped = True

    async def more(self, answers: int) -> None:
        """Wait for so many answers from now on."""
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((self.answered + answers, reached))
        await asyncio.wait_for(reached, 60)

    async def _client(self, *, keeps: bool) -> None:
        connection: Connection | None = None
        while not self._stopped:
            number = next(self._numbers)
            name, stream = f"call-{number}", number % 2 == 0
            self.ids.add(name)
            call = request(chat_body(stream=stream), ("x-request-id", name))
            if connection is None or not connection.open:
                connection = await Connection.connect(self._url)
            answer = await connection.call(call)
            while answer.lost and not answer.status:
                self.repeated += 1
                connection = await Connection.connect(self._url)
                answer = await connection.call(call)
            if not _is_good(answer, stream):
                self.failures.append(f"{name}: {_told(answer)}")
            last = answer.headers.get("connection") == "close"
            self.moved += keeps and last
            if last or not keeps:
                connection.close()
                connection = None
            self._count()
        if connection is not None:
            connection.close()

    def _count(self) -> None:
        self.answered += 1
        for wanted, reached in self._waiting:
            if self.answered >= wanted and not reached.done():
                reached.set_result(None)


def _is_good(answer: Answer, stream: bool) -> bool:
    if answer.status != 200 or not answer.complete:
        return False
    return not stream or answer.events()[-1:] == ["[DONE]"]


def _told(answer: Answer) -> str:
    return f"{answer.status} {'lost' if answer.lost else ''} {bytes(answer.body[-200:])!r}"
