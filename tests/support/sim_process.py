"""`fastgate sim` as a process of its own, on a free port."""

import re
from types import TracebackType
from typing import Self

from tests.support.processes import ROOT, ChildProcess, fastgate_command, python_environment

_LISTENING = re.compile(r"listening on (http://\S+)")


class SimProcess:
    """`with SimProcess("--tokens", "50") as sim:`; the arguments are those of the command."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._child: ChildProcess | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        self._child = ChildProcess(
            fastgate_command("sim", "--port", "0", *self._arguments), python_environment(), ROOT
        )
        line = self._child.stdout.wait_for(lambda line: bool(_LISTENING.match(line)), 20)
        found = _LISTENING.match(line or "")
        if found is None:
            self._child.stop()
            raise AssertionError(f"the simulated provider did not start:\n{self._child.output()}")
        self.base_url = found[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.stop()

    @property
    def child(self) -> ChildProcess:
        assert self._child is not None, "the simulated provider was not started"
        return self._child
