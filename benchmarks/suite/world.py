"""The simulated provider, and the contestants of one setup in front of it."""

import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.suite import processes
from benchmarks.suite.bodies import PATHS, body
from benchmarks.suite.contestants.contestant import Command, Contestant, Site
from benchmarks.suite.programs import PROGRAMS
from benchmarks.suite.scenarios import Scenario, Setup

OUTPUT: Final = "output.log"

_POLL_S: Final = 0.002


class StartError(Exception):
    """A process did not come up. The message has what it said last."""


@dataclass(frozen=True)
class Entrant:
    """A contestant that runs. `pid` is the root of its processes, None where there is none to be seen."""

    contestant: Contestant
    site: Site
    command: Command
    pid: int | None

    @property
    def log(self) -> Path:
        """What its processes wrote; there is none where they were not started here."""
        return self.site.directory / OUTPUT

    @property
    def headers(self) -> dict[str, str]:
        """What its clients send, beside the secret of a virtual key."""
        return {"content-type": "application/json", "anthropic-version": "2023-06-01", **self.command.headers}


@contextmanager
def provider(directory: Path, port: int | None = None) -> Iterator[str]:
    """The simulated provider inside the block; its URL."""
    processes.many_files()
    port = port or processes.free_port()
    log = directory / "upstream.log"
    with processes.running([str(PROGRAMS / "upstream"), "-listen", f"127.0.0.1:{port}"], log) as process:
        try:
            processes.wait_for(port, process, 10)
        except (ChildProcessError, TimeoutError) as error:
            raise StartError(f"the simulated provider {error}: {processes.last_line(log)}") from error
        yield f"http://127.0.0.1:{port}"


@contextmanager
def entrant(
    contestant: Contestant, directory: Path, upstream: str, setup: Setup, workers: int
) -> Iterator[Entrant]:
    """The contestant inside the block; it has answered one call. Raises StartError."""
    directory.mkdir(parents=True)
    site = Site(directory, processes.free_port(), upstream, setup, setup.workers or workers)
    command = contestant.command(site)
    with ExitStack() as stack:
        process = None
        if command.line:
            process = stack.enter_context(
                processes.running(command.line, directory / OUTPUT, command.environ)
            )
        made = Entrant(contestant, site, command, _root(command, process, upstream))
        _first_answer(made, process)
        yield made


@contextmanager
def entrants(
    contestants: Sequence[Contestant], directory: Path, upstream: str, setup: Setup, workers: int
) -> Iterator[tuple[list[Entrant], dict[str, str]]]:
    """All of them inside the block; and of those that did not start, why."""
    with ExitStack() as stack:
        up: list[Entrant] = []
        failed: dict[str, str] = {}
        for contestant in contestants:
            place = directory / contestant.name
            try:
                up.append(stack.enter_context(entrant(contestant, place, upstream, setup, workers)))
            except StartError as error:
                failed[contestant.name] = str(error)
        yield up, failed


def all_cores() -> int:
    """How many workers are one a core."""
    return len(os.sched_getaffinity(0))


def _root(command: Command, process: subprocess.Popen[bytes] | None, upstream: str) -> int | None:
    """The process whose tree is the contestant's; of none there is nothing to measure but times."""
    if process is not None:
        return process.pid
    port = urlsplit(command.url).port
    return None if port is None or command.url == upstream else processes.listener(port)


def _first_answer(entrant: Entrant, process: subprocess.Popen[bytes] | None) -> None:
    """Ask for one answer until there is one: what a client would do."""
    contestant = entrant.contestant
    scenario = Scenario(name="first", about="")
    request = body(scenario, contestant.asks_for(scenario))
    headers = {**entrant.headers, "authorization": f"Bearer {entrant.site.secrets[0]}"}
    url = urlsplit(entrant.command.url)
    path = url.path + PATHS[contestant.client(scenario)]
    deadline = time.monotonic() + contestant.start_s
    while True:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=contestant.start_s)
        try:
            connection.request("POST", path, request, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status == 200:
                return
            said = f"answers {response.status}: {answer[:300].decode(errors='replace')}"
        except (OSError, http.client.HTTPException) as error:
            said = f"does not answer ({type(error).__name__})"
        finally:
            connection.close()
        if process is not None and process.poll() is not None:
            raise StartError(
                f"{contestant.name} ended with {process.returncode}: {processes.last_line(entrant.log)}"
            )
        if time.monotonic() > deadline:
            raise StartError(f"{contestant.name} {said}")
        time.sleep(_POLL_S)
