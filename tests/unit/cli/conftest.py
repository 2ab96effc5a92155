"""The command as users run it: a process of its own, in an empty directory."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from tests.support.processes import fastgate_command, python_environment

CONFIG = """\
data_dir: ./data
providers:
  local:
    dialect: openai
    base_url: http://127.0.0.1:9/v1
    credentials: [{secret: none}]
    models: [small, large]
routes:
  smart:
    - deployments: [{provider: local, model: large}]
    - deployments: [{provider: local, model: small}]
virtual_keys:
  - {id: vk_acme, customer_id: acme, metadata: {code: "4711"}}
  - {id: vk_small, allowed_models: [small], secret: "${SMALL_KEY}"}
"""
SMALL_KEY = "a-foreign-secret-of-some-length-42"


class Run(Protocol):
    def __call__(
        self, *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `fastgate ARGUMENTS` with nothing configured; a traceback fails the test at once."""

    def run(
        *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            fastgate_command(*arguments),
            env=python_environment({"NO_COLOR": "1", "COLUMNS": "100", **(environ or {})}),
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run


@pytest.fixture
def configured(tmp_path: Path, run: Run) -> Run:
    """As `run`, with a configuration in the directory and what it refers to in the environment."""
    (tmp_path / "fastgate.yaml").write_text(CONFIG)

    def run_configured(
        *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return run(*arguments, environ={"SMALL_KEY": SMALL_KEY, **(environ or {})}, stdin=stdin)

    return run_configured
