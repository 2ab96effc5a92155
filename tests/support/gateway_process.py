"""The real gateway as users run it: `fastgate serve` in a process of its own, on a free port.

Use it as a context manager; it is ready inside the block, and nothing of its process tree is left
after it. What waits has an async form (`a…`) that leaves the loop free.
"""

import re
import signal
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec
import yaml
from tests.support.edges import EDGE, VARIABLE
from tests.support.metrics import Scrape
from tests.support.processes import ChildProcess, fastgate_command, in_thread, python_environment

from fastgate.launch import Edge

_READY = re.compile(r"fastgate ready on (\S+) \((\d+) workers?\)")
_START_TIMEOUT_S = 20.0

SECRET = "sk-test-gateway-0123456789abcdef0123456789abcdef"
LogLine = dict[str, Any]


def provider_config(base_url: str, *models: str, **more: Any) -> dict[str, Any]:
    """A provider of the OpenAI dialect with one credential, as it stands in a configuration."""
    return {
        "dialect": "openai",
        "base_url": base_url,
        "credentials": [{"id": "main", "secret": "upstream-secret-main"}],
        "models": list(models) or ["gpt-4o"],
        **more,
    }


def gateway_config(providers: Mapping[str, Any], *, workers: int = 1, **more: Any) -> dict[str, Any]:
    """A configuration with one virtual key, whose secret is `SECRET`, for everything."""
    return {
        "server": {"workers": workers, "drain_s": 10},
        "providers": dict(providers),
        "virtual_keys": [{"id": "vk_test", "secret": SECRET}],
        **more,
    }


class GatewayStartError(AssertionError):
    """The gateway ended, or said nothing, before it was ready. `code` is its exit code, if it ended."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class GatewayProcess:
    """`directory` holds its configuration and its data; a test may give the same one twice."""

    def __init__(
        self,
        config: Mapping[str, Any] | None,
        directory: Path,
        *,
        env: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        edge: Edge = EDGE,
        command: Sequence[str] = fastgate_command(),
    ) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.config_path = directory / "fastgate.yaml"
        self._environment = python_environment({VARIABLE: edge, **(env or {})})
        self._arguments = arguments
        self._command = command
        self._child: ChildProcess | None = None
        self.url = ""
        self.workers = 0
        if config is not None:
            self.write_config(config)

    # --- life -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        config = ["--config", str(self.config_path)] if self.config_path.exists() else []
        place = ["--data-dir", str(self.data_dir)]
        self._child = ChildProcess(
            [*self._command, "serve", *config, "--port", "0", *place, *self._arguments],
            self._environment,
            self.directory,
        )
        line = self._child.stdout.wait_for(lambda line: bool(_READY.match(line)), _START_TIMEOUT_S)
        ready = _READY.match(line or "")
        if ready is None:
            code = self._child.stop()
            raise GatewayStartError(f"the gateway did not start:\n{self._child.output()}", code)
        self.url, self.workers = ready[1], int(ready[2])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop()

    @property
    def child(self) -> ChildProcess:
        assert self._child is not None, "the gateway was not started"
        return self._child

    @property
    def base_url(self) -> str:
        """What an OpenAI client is given."""
        return f"{self.url}/v1"

    def terminate(self) -> None:
        """Begin the orderly shutdown; `wait` gives its exit code."""
        self.child.signal(signal.SIGTERM)

    def wait(self, timeout: float = 30.0) -> int:
        return self.child.wait(timeout)

    async def await_exit(self, timeout: float = 30.0) -> int:
        return await in_thread(lambda: self.child.wait(timeout))

    # --- configuration and administration -----------------------------------------------------------

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace the file; the gateway takes it on `reload`, or when it notices."""
        self.config_path.write_text(yaml.safe_dump(dict(config), sort_keys=False))

    def hang_up(self) -> None:
        self.child.signal(signal.SIGHUP)

    def control(self, method: str, path: str) -> Any:
        """A call on the control socket, as `fastgate status` and `fastgate reload` make it."""
        transport = httpx.HTTPTransport(uds=str(self.data_dir / "control.sock"))
        with httpx.Client(transport=transport, base_url="http://control", timeout=15) as client:
            return msgspec.json.decode(client.request(method, path).raise_for_status().content)

    def reload(self) -> Any:
        """What `fastgate reload` got; where it was good, every worker runs on it by now."""
        result = self.control("POST", "/reload")
        if result["ok"]:
            workers = [f"worker-{number + 1}" for number in range(self.workers)]
            gauge, generation = "fastgate_config_generation", result["generation"]
            self.until_metric_sync(lambda s: all(s.value(gauge, process=w) >= generation for w in workers))
        return result

    async def areload(self) -> Any:
        return await in_thread(self.reload)

    def status(self) -> Any:
        return self.control("GET", "/status")

    async def astatus(self) -> Any:
        return await in_thread(self.status)

    def pids(self) -> dict[str, int]:
        """Process ids by name: `worker-1` …, `control`, `sim`."""
        return {process["name"]: process["pid"] for process in self.status()["processes"]}

    def kill(self, name: str) -> int:
        """SIGKILL a child by its name; the pid that died."""
        pid = self.pids()[name]
        for process in self.child.descendants():
            if process.pid == pid:
                process.kill()
                return pid
        raise AssertionError(f"{name} (pid {pid}) is no child of this gateway")

    # --- what it says ------------------------------------------------------------------------------

    def log_lines(self, **fields: Any) -> list[LogLine]:
        """The lines so far whose fields have these values, in order."""
        lines = (_parse(line) for line in self.child.stderr.seen)
        return [line for line in lines if line is not None and _matches(line, fields)]

    async def log_line(self, timeout: float = 10.0, **fields: Any) -> LogLine:
        """The first such line, waiting for it."""

        def wanted(text: str) -> bool:
            line = _parse(text)
            return line is not None and _matches(line, fields)

        text = await in_thread(lambda: self.child.stderr.wait_for(wanted, timeout))
        line = _parse(text or "")
        assert line is not None, f"no log line with {fields} in:\n{self.child.output()}"
        return line

    def scrape(self) -> Scrape:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            return Scrape(response.read().decode())

    async def ascrape(self) -> Scrape:
        return await in_thread(self.scrape)

    def until_metric_sync(self, condition: Callable[[Scrape], bool], timeout: float = 10.0) -> Scrape:
        """Scrape until `condition` holds: counters of an exchange are added after its last byte."""
        waiting = threading.Event()
        for _ in range(int(timeout / 0.05)):
            scrape = self.scrape()
            if condition(scrape):
                return scrape
            waiting.wait(0.05)
        raise AssertionError("the metrics never said so")

    async def until_metric(self, condition: Callable[[Scrape], bool], timeout: float = 10.0) -> Scrape:
        return await in_thread(lambda: self.until_metric_sync(condition, timeout))


def _parse(line: str) -> LogLine | None:
    """Lines that aren't JSON (a traceback, a warning of Python) are no log lines."""
    try:
        value = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _matches(line: LogLine, fields: Mapping[str, Any]) -> bool:
    return all(line.get(name) == value for name, value in fields.items())
