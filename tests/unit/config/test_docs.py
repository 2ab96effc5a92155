"""The pages about the configuration are what the code does."""

import re
from pathlib import Path

import pytest
from tests.support.configs import settings_of

from fastgate.config.diagnostics import render
from fastgate.config.environment import variable
from fastgate.config.load import check
from fastgate.config.reference import render as render_reference
from fastgate.config.restart import RESTART_ONLY

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "configuration.md").read_text()
ENVIRON = {"OPENAI_API_KEY": "sk-1", "SEARCH_KEY": "sk-2", "KEY_A": "sk-3"}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_settings_page_is_current() -> None:
    page = (DOCS / "settings.md").read_text()
    assert page == render_reference(), "run: python -m fastgate.config.reference > docs/settings.md"


@pytest.mark.parametrize("text", blocks("yaml"))
def test_examples_load(text: str) -> None:
    settings_of(text, **ENVIRON)


def test_the_environment_example_loads() -> None:
    (example,) = [block for block in blocks("sh") if "FASTGATE_SERVER__PORT" in block]
    environ = dict(line.replace("'", "").split("=", 1) for line in example.splitlines())
    settings = settings_of("", **environ, **ENVIRON)
    assert settings.server.port == 9000
    assert settings.server.cors.allow_origins == ["https://app.example.com"]
    assert settings.virtual_keys[0].secret == "${KEY_A}"


def test_the_errors_are_those_that_are_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (broken,) = blocks("yaml broken")
    (printed,) = blocks("text")
    monkeypatch.chdir(tmp_path)
    Path("fastgate.yaml").write_text(broken)
    assert render(check(None, {})[1]) == printed.rstrip("\n")


def test_every_setting_that_needs_a_restart_is_listed() -> None:
    assert [path for path in RESTART_ONLY if f"`{path}`" not in GUIDE] == []


def test_the_page_says_what_a_change_takes() -> None:
    page = (DOCS / "settings.md").read_text().splitlines()
    for path in RESTART_ONLY:
        (row,) = [line for line in page if f"`{variable(tuple(path.split('.')))}`" in line]
        assert "| restart |" in row, path
    (part,) = [line for line in page if "`FASTGATE_SERVER__TLS__KEY`" in line]
    assert "| restart |" in part
    (other,) = [line for line in page if "`FASTGATE_SERVER__MAX_BODY_BYTES`" in line]
    assert "| reload |" in other
