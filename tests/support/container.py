"""The contents of the container's image, run as an engine would: process 1, no root, a read-only root.

`make build/container/.built` makes them. FASTGATE_TEST_IMAGE=DIRECTORY takes the mounted root file system
of a real image instead.
"""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from deploy.container import recipe
from deploy.container.sandbox import Bind, Sandbox
from tests.support.processes import ROOT, ChildProcess

BUILT = ROOT / "build" / "container"
IMAGE = os.environ.get("FASTGATE_TEST_IMAGE")
USER = recipe.last("USER")[0]
_DATA = recipe.last("VOLUME")[0]


def why_not() -> str:
    """Why nothing can be run here, "" where it can."""
    if os.geteuid() != 0:
        return "needs root, for namespaces"
    if IMAGE is None and not (BUILT / ".built").exists():
        return "needs make build/container/.built"
    return ""


class Container:
    """Serves inside the block. `data` is the volume; `port` is the one that the image's variable is given."""

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **recipe.environment(),
            "FASTGATE_SERVER__PORT": str(self.port),
            **environment,
        }
        self._data = data
        self._child: ChildProcess | None = None

    def __enter__(self) -> Self:
        os.chown(self._data, *map(int, USER.split(":")))
        binds = [Bind(self._data, _DATA, writable=True)]
        setup = []
        if IMAGE is None:
            binds += [Bind(BUILT / "environment", "/opt/fastgate"), Bind(ROOT / "docker", "/docker")]
            setup = [step.words[0] for step in recipe.steps() if step.kind == "RUN" and not step.stage]
            # This machine's interpreter may be in a home directory; in the image it is in /usr/local.
            setup += [f"chmod o+x {place}" for place in _interpreter_parents()]
        command = Sandbox(Path(IMAGE or "/"), binds).command(
            setup,
            ["env", f"--chdir={recipe.last('WORKDIR')[0]}", *recipe.last("ENTRYPOINT"), *recipe.last("CMD")],
            read_only=True,
            user=USER,
        )
        self._child = ChildProcess(command, self.environment, ROOT)
        if self.child.stdout.wait_for(lambda line: line.startswith("fastgate ready on"), 30) is None:
            self.child.stop()
            raise AssertionError(f"it did not start:\n{self.child.output()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # `unshare` does not pass signals on.
        for process in self.child.descendants():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        self.child.stop()

    @property
    def child(self) -> ChildProcess:
        assert self._child is not None, "it was not started"
        return self._child

    @property
    def init(self) -> psutil.Process:
        """Its process 1, as it is seen from outside."""
        (init,) = psutil.Process(self.child.process.pid).children()
        return init

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As `docker exec` does."""
        uid, gid = USER.split(":")
        inside = ["nsenter", "--target", str(self.init.pid), "--mount", "--pid", "--root"]
        return subprocess.run(
            [*inside, f"--setuid={uid}", f"--setgid={gid}", "--", *command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )


def _interpreter_parents() -> Iterator[Path]:
    """The directories on the way to it, through each symbolic link."""
    path = BUILT / "environment" / "bin" / "python"
    while path.is_symlink():
        path = path.parent / path.readlink()
        if not path.is_relative_to(BUILT):
            yield from path.parents


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
