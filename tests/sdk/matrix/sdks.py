"""The SDKs of the matrix: the current ones in this process, others in a process of their own each."""

import importlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from tests.support import aimock
from tests.support.processes import ROOT, python_environment

_DRIVERS: Final = Path(__file__).parents[1] / "drivers"


class Driven(Protocol):
    """One SDK, pointed at a gateway."""

    def call(self, name: str, model: str, task: dict[str, Any]) -> Any:
        """What the SDK's object says, or what it raised."""

    def close(self) -> None: ...


class InProcess:
    def __init__(self, module: str, url: str, key: str) -> None:
        self._driver = importlib.import_module(f"tests.sdk.drivers.{module}")
        self._client = self._driver.connect(url, key)

    def call(self, name: str, model: str, task: dict[str, Any]) -> Any:
        try:
            return self._driver.CALLS[name](self._client, model, task)
        except Exception as error:
            return self._driver.raised(error)

    def close(self) -> None:
        self._driver.disconnect(self._client)


class Child:
    def __init__(self, command: list[str], url: str, key: str) -> None:
        environment = python_environment({"OPENAI_NODE": str(aimock.NODE_DIR)})
        pipe = subprocess.PIPE
        self._child = subprocess.Popen([*command, url, key], env=environment, stdin=pipe, stdout=pipe)

    def call(self, name: str, model: str, task: dict[str, Any]) -> Any:
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps({"call": name, "model": model, "task": task}).encode() + b"\n")
        child.stdin.flush()
        line = child.stdout.readline()
        assert line, f"the SDK's process ended: {child.wait()}"
        return json.loads(line)

    def close(self) -> None:
        with self._child as child:
            assert child.stdin is not None
            child.stdin.close()


@dataclass(frozen=True)
class Sdk:
    """`dialect` is the module of its driver, without `_driver`. `python` is None in this process."""

    name: str
    dialect: str
    python: Path | None = None
    node: bool = False

    def missing(self) -> str | None:
        """Why it cannot be driven here; None: it can."""
        if self.node:
            return aimock.missing()
        if self.python is not None and not self.python.exists():
            return f"{self.name} is not installed in {self.python.parents[1]}: make test-tools"
        return None

    def start(self, url: str, key: str) -> Driven:
        module = f"{self.dialect}_driver"
        if self.node:
            return Child(["node", str(_DRIVERS / f"{module}.mjs")], url, key)
        if self.python is not None:
            command = [str(self.python), str(_DRIVERS / "serve.py"), str(_DRIVERS / f"{module}.py")]
            return Child(command, url, key)
        return InProcess(module, url, key)


def _venv(name: str) -> Path:
    return ROOT / "build" / name / "bin" / "python"


SDKS: Final = {
    each.name: each
    for each in (
        Sdk("openai-python-3", "openai"),
        Sdk("openai-python-1", "openai", python=_venv("openai1")),
        Sdk("openai-node", "openai", node=True),
        Sdk("anthropic-2", "anthropic"),
        Sdk("anthropic-0", "anthropic", python=_venv("anthropic0")),
        Sdk("google-genai-3", "google"),
        Sdk("boto3", "bedrock"),
        Sdk("cohere-7", "cohere"),
    )
}
