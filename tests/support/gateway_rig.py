"""A gateway with one worker before a fake provider, and what each test of faults asserts of them."""

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.builders import chat_completion
from tests.support.edges import EDGE
from tests.support.fake_provider import Connection, FakeProvider, Request
from tests.support.gateway_process import SECRET, GatewayProcess, LogLine, gateway_config, provider_config
from tests.support.metrics import Scrape
from tests.support.raw_client import CHAT, Response, chat_body, exchange
from tests.support.replies import json_reply

from fastgate.launch import Edge

UPSTREAM_SECRET = "upstream-secret-main"

_REQUESTS = "fastgate_requests_total"


def plain_config(provider_url: str, **server: Any) -> dict[str, Any]:
    config = gateway_config({"local": provider_config(provider_url)})
    config["server"] |= server
    return config


class GatewayRig:
    """Serves a module's tests one after the other; `check` after each says that nothing is left of it."""

    def __init__(
        self, directory: Path, configure: Callable[[str], dict[str, Any]] | None = None, *, edge: Edge = EDGE
    ) -> None:
        """`configure` makes the configuration, given the provider's URL."""
        self._directory = directory
        self._configure = configure or plain_config
        self._secrets = {UPSTREAM_SECRET}
        self.edge = edge
        self.provider = FakeProvider()

    def __enter__(self) -> Self:
        self.provider.__enter__()
        config = self._configure(self.provider.url)
        self._secrets |= {key["secret"] for key in config["virtual_keys"]}
        self.gateway = GatewayProcess(config, self._directory, edge=self.edge)
        try:
            self.gateway.__enter__()
        except BaseException:
            self.provider.__exit__(None, None, None)
            raise
        self.worker_pid = self.gateway.pids()["worker-1"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gateway.__exit__(kind, error, trace)
        self.provider.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        return self.gateway.url

    def check(self) -> None:
        """Nothing of a request is left, held or busy; nothing failed inside, and no secret was logged."""
        self.gateway.until_metric_sync(_at_rest)
        lines = self.gateway.child.stderr.seen
        assert [line for line in lines if not line.startswith('{"ts":')] == []
        output = "\n".join(lines)
        assert '"level":"error"' not in output
        for secret in self._secrets:
            assert secret not in output
        self.provider.reset()

    # --- exchanges ----------------------------------------------------------------------------------

    async def exchange(self, data: bytes) -> Response:
        """Send a request on a connection of its own."""
        response = await exchange(self.url, data)
        for secret in self._secrets:
            assert secret.encode() not in response.body
        return response

    async def refused(
        self,
        data: bytes,
        status: int,
        code: str,
        *,
        param: str | None = None,
        endpoint: str = "chat",
        calls: int = 0,
    ) -> Response:
        """It is answered with this error of the gateway's own, logged and counted so, after `calls`."""
        before = await self.gateway.ascrape()
        seen = len(self.provider.requests)
        response = await self.exchange(data)
        error = response.error()
        assert (response.status, error["code"], error["param"]) == (status, code, param), error
        line = await self.gateway.log_line(request_id=response.request_id)
        assert (line["status"], line["code"], line["finish"]) == (status, code, "error")
        assert line["endpoint"] == endpoint
        assert line["error"] in error["message"]
        await self.counted(before, _REQUESTS, endpoint=endpoint, status=str(status))
        assert len(self.provider.requests) == seen + calls
        return response

    async def answered(self, data: bytes) -> tuple[Response, Request]:
        """It is answered with 200, logged and counted so, after one call upstream, which is given too."""
        before = await self.gateway.ascrape()
        seen = len(self.provider.requests)
        response = await self.exchange(data)
        assert response.status == 200, response
        line = await self.gateway.log_line(request_id=response.request_id)
        assert (line["status"], line["finish"]) == (200, "complete")
        await self.counted(before, _REQUESTS, endpoint=line["endpoint"], status="200")
        (request,) = self.provider.requests[seen:]
        return response, request

    async def line(self, request_id: str) -> LogLine:
        return await self.gateway.log_line(request_id=request_id)

    async def counted(self, before: Scrape, name: str, by: float = 1, **labels: str) -> Scrape:
        """Wait until the counter stands `by` above what it was."""
        wanted = before.value(name, **labels) + by
        return await self.gateway.until_metric(lambda scrape: scrape.value(name, **labels) == wanted)

    async def upstream_request(self, number: int = 0) -> Request:
        """The test's request upstream of this number, once the provider has it."""
        await self.provider.until(lambda: len(self.provider.requests) > number)
        return self.provider.requests[number]

    async def upstream_closed(self, connection: Connection) -> int:
        """When the gateway closed it, waiting for that."""
        await self.provider.until(lambda: connection.client_closed_ns is not None)
        closed_ns, provider_ns = connection.client_closed_ns, connection.provider_closed_ns
        assert closed_ns is not None
        assert provider_ns is None or provider_ns >= closed_ns, "the provider closed it first"
        return closed_ns

    # --- memory -------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """One call whose tokens the gateway has to count: the vocabulary for it takes memory once."""
        answer = chat_completion()
        del answer["usage"]
        self.provider.script(json_reply(answer), times=1)
        headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
        call = urllib.request.Request(f"{self.url}{CHAT}", chat_body(), headers)
        with urllib.request.urlopen(call, timeout=10) as response:
            assert response.status == 200
        self.provider.reset()

    @contextmanager
    def memory_bounded(self, growth: int) -> Iterator[None]:
        """The worker's resident memory never stands more than `growth` bytes above its start."""
        process = Path(f"/proc/{self.worker_pid}")
        (process / "clear_refs").write_text("5")  # proc(5): resets the peak
        start = _peak_bytes(process)
        yield
        assert _peak_bytes(process) - start < growth, (_peak_bytes(process) - start, growth)


def _at_rest(scrape: Scrape) -> bool:
    busy = scrape.value("fastgate_pool_open_connections") - scrape.value("fastgate_pool_idle_connections")
    left = (
        "fastgate_requests_in_flight",
        "fastgate_open_streams",
        "fastgate_pool_waiting_requests",
        "fastgate_holds",
    )
    return busy == 0 and all(scrape.value(name) == 0 for name in left)


def _peak_bytes(process: Path) -> int:
    status = (process / "status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
