"""aimock (npm `@copilotkit/aimock`): a mock of OpenAI's API that nobody of this project wrote.

Installed into build/node by `INSTALL`; tests skip where node or the package is missing.
"""

import re
import shutil
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from tests.support.processes import ROOT, ChildProcess, python_environment

NODE_DIR = ROOT / "build" / "node"
PACKAGES = (
    "@copilotkit/aimock@1.43.0",
    "openai@6.49.0",
    "@anthropic-ai/sdk@1.13.0",
    "@aws-sdk/client-bedrock-runtime@3.1164.0",
    "@google/genai@2.32.0",
    "cohere-ai@8.1.0",
)
INSTALL = f"npm install --prefix build/node --no-audit --no-fund {' '.join(PACKAGES)}"

_CLI = NODE_DIR / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
_LISTENING = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\]):(\d+)")


def missing() -> str | None:
    """Why aimock cannot run here, for pytest's skip; None: it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not _CLI.exists():
        return f"aimock is not installed: {INSTALL}"
    return None


class Aimock:
    """`with Aimock(fixtures, directory) as mock:`; `fixtures` in aimock's own format, first match wins.

    With `key`, requests must present it.
    """

    def __init__(self, fixtures: list[dict[str, Any]], directory: Path, *, key: str | None = None) -> None:
        self._environment = python_environment({} if key is None else {"AIMOCK_API_KEYS": key})
        self._file = directory / "aimock-fixtures.json"
        self._file.write_bytes(msgspec.json.encode({"fixtures": fixtures}))
        self._child: ChildProcess | None = None
        self.port = 0

    def __enter__(self) -> Self:
        command = ["node", str(_CLI), "-p", "0", "-f", str(self._file), "--log-level", "info"]
        self._child = ChildProcess(command, self._environment, ROOT)
        line = self._child.stdout.wait_for(lambda line: bool(_LISTENING.search(line)), 20)
        found = _LISTENING.search(line or "")
        if found is None:
            self._child.stop()
            raise AssertionError(f"aimock did not start:\n{self._child.output()}")
        self.port = int(found[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child is not None
        self._child.stop()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """aimock's own API: `control("POST", "error", {"status": 503})`, `control("GET", "journal")`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/__aimock/{path}",
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            data = response.read()
        return msgspec.json.decode(data) if data else None

    def journal(self) -> list[dict[str, Any]]:
        """The requests that aimock got, newest last as it keeps them."""
        entries: list[dict[str, Any]] = self.control("GET", "journal")
        return entries
