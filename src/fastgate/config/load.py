"""From a file and the environment to settings, in steps; every error of every step at once.

1. read the YAML: a file, or FASTGATE_CONFIG_YAML
2. switch on the providers whose SDK's variable is set
3. lay FASTGATE_* over it
4. interpolate, and check the types
5. check what types cannot say: dates, files, secrets, what refers to what

What these settings are compiled into (`routing.compile`, `keys.compile`) finds nothing wrong any more.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fastgate.config import (
    bulk,
    environment,
    identity_check,
    interpolate,
    key_secrets,
    ledger_check,
    money_values,
    references,
    validate,
    values,
    vendors,
    yaml_source,
)
from fastgate.config.diagnostics import Diagnostic, Mark, Report, Severity, render
from fastgate.config.money_view import MoneyView
from fastgate.config.place import CONFIG, CONFIG_YAML, config_file
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.errors import ConfigError


class Source(NamedTuple):
    """The text of a configuration, and the file or variable that it comes from."""

    text: str
    mark: Mark


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings; ConfigError lists every error, a line each. See `check` for warnings."""
    return usable(*check(path, environ))


def usable(settings: Settings | None, found: Iterable[Diagnostic]) -> Settings:
    """What `check` returned, or ConfigError with every error of it."""
    if settings is None:
        raise ConfigError(render(item for item in found if item.severity is Severity.ERROR))
    return settings


@contextmanager
def without_collecting() -> Iterator[None]:
    """While a configuration is loaded and compiled: of 100,000 keys millions of objects are made and kept,
    and looking for garbage among them would take most of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@without_collecting()
def check(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings | None, list[Diagnostic]]:
    """The settings, or None when there is any error; and all that was found."""
    report = Report()
    source = _read(path, environ, report)
    if source is None:
        return None, report.diagnostics()
    taken = None if _replaced(environ) else bulk.take(source.text)
    if taken is not None:
        settings, found = _checked(Source(taken.rest, source.mark), environ, taken)
        if not taken.concerns(found):
            return settings, found
    return _checked(source, environ)


def _checked(
    source: Source, environ: Mapping[str, str], taken: bulk.Bulk | None = None
) -> tuple[Settings | None, list[Diagnostic]]:
    report = Report()
    tree = _parsed(source, report)
    settings = None if tree is None else _settings(tree, environ, report, taken)
    return settings, report.diagnostics()


def _settings(
    tree: Node, environ: Mapping[str, str], report: Report, taken: bulk.Bulk | None
) -> Settings | None:
    vendors.switch_on(tree, environ, report)
    environment.overlay(tree, environ, report)
    settings = validate.validate(tree, environ, report)
    if taken is not None:
        settings = taken.complete(settings)
    view = MoneyView(settings)
    values.check(settings, tree, report)
    money_values.check(settings, view, tree, report)
    ledger_check.check(settings, environ, tree, report)
    key_secrets.check(settings, environ, tree, report)
    identity_check.check(settings, environ, tree, report)
    references.check(settings, view, tree, report)
    return None if report.failed() else settings


def _replaced(environ: Mapping[str, str]) -> bool:
    """Whether a variable may replace a list that `bulk` would take from the file."""
    names = tuple(environment.variable((name,)) for name in bulk.LISTS)
    return any(name.startswith(names) for name in environ)


def _read(path: Path | None, environ: Mapping[str, str], report: Report) -> Source | None:
    file = config_file(path, environ)
    inline = environ.get(CONFIG_YAML, "")
    if not interpolate.is_text(inline):
        report.error(Mark(CONFIG_YAML), (), "is not UTF-8 text")
        return None
    if file is None:
        return Source(inline, Mark(CONFIG_YAML if inline else "environment"))
    if path is None and inline:
        mark = Mark(CONFIG_YAML)
        report.error(mark, (), f"is set, and so is {CONFIG}: only one of them can count")
        return None
    mark = Mark(interpolate.shown_name(str(file)))
    text = _text(file, mark, report)
    return None if text is None else Source(text, mark)


def _parsed(source: Source, report: Report) -> Node | None:
    tree = yaml_source.parse(source.text, source.mark.source, report)
    if tree is not None and tree.value is None:
        return Node({}, source.mark)
    if tree is not None and not isinstance(tree.value, dict):
        report.error(tree.mark, (), "a configuration is a mapping of settings")
        return None
    return tree


def _text(file: Path, mark: Mark, report: Report) -> str | None:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        report.error(mark, (), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        report.error(mark, (), f"is not UTF-8 text: byte {error.start} is invalid")
    return None
