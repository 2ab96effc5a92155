"""A page read by a newcomer: its files are written, its commands run and its Python executed, in order.

Everything is taken as it stands, but for keys (the page has `sk-fg-…`, a reader the one that was printed) and
ports (any free one, so that nothing else on the machine is in the way). A command that serves goes on in the
background until the next one of its kind.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import httpx
from tests.support.markdown import Block, blocks, commands
from tests.support.processes import ChildProcess

_GATEWAY: Final = "http://127.0.0.1:8080"
_SIM: Final = "http://127.0.0.1:8090"
_SERVES: Final = re.compile(r"(?:^|[\s/])(?:make run|fastgate\S* serve)\b")
_SIMULATES: Final = re.compile(r"(?:^|[\s/])fastgate\S* sim\b")
_READY: Final = re.compile(r"fastgate ready on (http://\S+) ")
_LISTENING: Final = re.compile(r"listening on (http://\S+)/v1")
_KEY: Final = re.compile(r"sk-fg-[0-9A-Za-z]{49}")
_FILE: Final = re.compile(r"# (\S+\.\w+)\n")
_ENDED: Final = (0, -15)
"""Of a gateway that was told to stop; of the simulated provider, or of the shell around it."""
_START_TIMEOUT_S: Final = 40
_TIMEOUT_S: Final = 60


class Done(NamedTuple):
    """A step as the page has it, and what it printed; of a server, until it was ready."""

    step: str
    output: str


class Walkthrough:
    """Use as a context manager; nothing that it started is left after it.

    `directory` is where the reader is; `left_out` are beginnings of commands that are not run, with reasons.
    `environment` may be added to between two steps, as a reader does with `export`.
    """

    def __init__(
        self, page: Path, directory: Path, environment: Mapping[str, str], left_out: Mapping[str, str]
    ) -> None:
        self.url = ""
        self._page = page
        self._directory = directory
        self.environment = {**environment, "FASTGATE_SERVER__PORT": "0"}
        self._left_out = left_out
        self._running: dict[str, ChildProcess] = {}
        self._known = {"sk-…": "sk-0123456789abcdefghijklmnopqrstuv"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            code = self._running.pop(name).stop(grace=20)
            assert error is not None or code in _ENDED, f"{name} ended with {code}"

    def steps(self) -> Iterator[Done]:
        """Takes one step after the other; AssertionError where one fails."""
        for block in blocks(self._page, "console", "sh", "yaml", "python"):
            match block.language:
                case "yaml":
                    self._write(block)
                case "python":
                    yield self._run([sys.executable, "-c"], block.text)
                case "sh":
                    yield self._run(["sh", "-euc"], block.text)
                case _:
                    yield from self._commands(block)

    def ask(self) -> httpx.Response:
        """Which models the reader's key may use, at the gateway that was started last."""
        headers = {"authorization": f"Bearer {self._known['sk-fg-…']}"}
        return httpx.get(f"{self.url}/v1/models", headers=headers, timeout=_TIMEOUT_S)

    def _commands(self, block: Block) -> Iterator[Done]:
        for command in commands(block):
            if command.startswith(tuple(self._left_out)):
                continue
            if _SERVES.search(command):
                yield self._serve("gateway", command, _READY, _GATEWAY)
            elif _SIMULATES.search(command):
                yield self._serve("sim", command.replace("--port 8090", "--port 0"), _LISTENING, _SIM)
            else:
                yield self._run(["bash", "-euo", "pipefail", "-c"], command)

    def _serve(self, name: str, command: str, ready: re.Pattern[str], written: str) -> Done:
        self._stop(name)
        child = ChildProcess(["bash", "-c", self._as_known(command)], self.environment, self._directory)
        self._running[name] = child
        line = child.stdout.wait_for(lambda line: bool(ready.search(line)), _START_TIMEOUT_S)
        match = ready.search(line or "")
        assert match is not None, f"`{command}` did not get ready:\n{child.output()}"
        self._known[written] = match[1]
        if name == "gateway":
            self.url = match[1]
        output = "\n".join(child.stdout.seen)
        self._learn(output)
        return Done(command, output)

    def _run(self, interpreter: list[str], step: str) -> Done:
        done = subprocess.run(
            [*interpreter, self._as_known(step)],
            cwd=self._directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{step}:\n{done.stdout}\n{done.stderr}"
        self._learn(done.stdout)
        return Done(step, done.stdout)

    def _write(self, block: Block) -> None:
        name = _FILE.match(block.text)
        assert name is not None, f"{block} does not say in its first line which file it is"
        (self._directory / name[1]).write_text(self._as_known(block.text))

    def _as_known(self, text: str) -> str:
        for written, real in self._known.items():
            text = text.replace(written, real)
        return text

    def _learn(self, output: str) -> None:
        if key := _KEY.search(output):
            self._known["sk-fg-…"] = key[0]

    def _stop(self, name: str) -> None:
        if child := self._running.pop(name, None):
            code = child.stop(grace=20)
            assert code in _ENDED, f"{name} ended with {code}:\n{child.output()}"


def reader_environment(home: Path, **more: str) -> dict[str, str]:
    """Of somebody with nothing but a home and the programs of the machine."""
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **more}
