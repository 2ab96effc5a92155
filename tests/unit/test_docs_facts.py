"""What pages say of configurations, commands, variables, settings and metrics is so in the code."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.configs import check_text
from tests.support.markdown import Block, blocks, commands, spans, written_pages
from tests.support.processes import ROOT

from fastgate.cli.commands import app
from fastgate.config import shape
from fastgate.config.diagnostics import render
from fastgate.config.environment import variable
from fastgate.config.settings import Settings
from fastgate.observability.catalogue import CATALOGUE

PAGES = written_pages()
GENERATED = {ROOT / "docs/cli.md"}

OTHERS = {"FASTGATE_PORT"}
"""Not of the gateway: what Docker sets beside a container of that name, as configuration.md explains."""

_VARIABLE = re.compile(r"\bFASTGATE_[A-Z0-9_]*[A-Z0-9]\b")
_METRIC = re.compile(r"\bfastgate_[a-z0-9_]*[a-z0-9]\b(?![./])")
_SETTING = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
_REFERENCE = re.compile(r"\$\{(\w+)(?:#\d+)?\}|\benv\.(\w+)")  # without a default
_SECRET_FILE = re.compile(r"\bfile:(/[\w./-]+)")
_PROGRAM = re.compile(r"(?:\S*/)?fastgate(?:-linux-\S+)?")
_ASSIGNMENT = re.compile(r"\w+=")


def named(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


# --- configurations ---------------------------------------------------------------------------------

CONFIGURATIONS = [block for page in PAGES for block in blocks(page, "yaml") if block.info == "yaml"]
"""A block of YAML is a fastgate configuration, unless it has a title that says what else it is."""


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_loads(block: Block, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sk-0123456789abcdefghijklmnopqrstuv")
    text = _SECRET_FILE.sub(f"file:{secret}", block.text)
    environ = {
        name: _value(name)
        for match in _REFERENCE.finditer(text)
        for name in match.groups()
        if name is not None
    }
    settings, found = check_text(text, **environ)
    assert settings is not None, render(found)


def _value(name: str) -> str:
    if name.endswith("URL"):
        return "postgresql://fastgate@127.0.0.1/fastgate"
    return "8081" if name.endswith("PORT") else f"sk-{name}-0123456789abcdefghijklmnop"


# --- commands ---------------------------------------------------------------------------------------


def _words(command: str) -> list[str] | None:
    """The arguments of `fastgate`, if that is what the line calls, up to a pipe or another command."""
    words = shlex.split(command, comments=True)
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    if not words or not _PROGRAM.fullmatch(words[0]):
        return None
    end = next((at for at, word in enumerate(words) if word in {"|", ">", "<", "&&", "&", "2>"}), len(words))
    return words[1:end]


def _calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    for block in blocks(page, "console", "sh"):
        for command in commands(block):
            if words := _words(command):
                yield f"{block}: {command}", words


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=at) for page in PAGES for at, words in _calls(page)]
)
def test_a_command_is_understood(words: list[str]) -> None:
    command, rest = _innermost(words)
    assert _is_complete(command) or rest == ["--version"], f"no such command: {rest[:1]}"
    with contextlib.suppress(typer.Exit):  # `--version` prints and ends
        command.make_context("fastgate", rest)


@named([page for page in PAGES if page not in GENERATED])
def test_a_command_within_a_sentence_exists(page: Path) -> None:
    mentioned = [span for span in spans(page) if re.match(r"fastgate (?!ready on)[a-z]", span)]
    assert [span for span in mentioned if not _is_known(span.split()[1:])] == []


def _is_known(words: list[str]) -> bool:
    command, rest = _innermost(words)
    options = {name for param in command.params for name in param.opts}
    return (_is_complete(command) or not rest) and all(
        word.partition("=")[0] in options for word in rest if word.startswith("--")
    )


def _innermost(words: list[str]) -> tuple[Any, list[str]]:
    """The command that is called, or the group that does not have it, and the words behind its name."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


def _is_complete(command: Any) -> bool:
    return not hasattr(command, "commands")


# --- variables, settings, metrics --------------------------------------------------------------------


@named(PAGES)
def test_a_variable_exists(page: Path) -> None:
    mentioned = set(_VARIABLE.findall(page.read_text())) - OTHERS
    assert sorted(name for name in mentioned if not _is_read(name)) == []


def _is_read(name: str) -> bool:
    _, found = check_text("", **{name: "x"}) if name != "FASTGATE_CONFIG_YAML" else (None, [])
    return "there is no such setting" not in render(found)


@named(PAGES)
def test_a_setting_exists(page: Path) -> None:
    known = set(shape.fields(Settings))
    paths = {
        span
        for span in spans(page)
        if _SETTING.fullmatch(span)
        and span.partition(".")[0] in known
        and span.rpartition(".")[2] not in {"json", "md", "py", "yaml"}
    }
    assert sorted(path for path in paths if not _is_read(variable(tuple(path.split("."))))) == []


@named(PAGES)
def test_a_metric_exists(page: Path) -> None:
    known = {metric.name for metric in CATALOGUE}
    mentioned = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _METRIC.findall(page.read_text())}
    assert sorted(mentioned - known) == []
