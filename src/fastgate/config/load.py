"""From a file and the environment to settings, in steps; every error of every step at once.

1. read the YAML: a file, or FASTGATE_CONFIG_YAML
2. switch on the providers whose SDK's variable is set
3. lay FASTGATE_* over it
4. interpolate, and check the types
5. check what types cannot say: dates, files, secrets, what refers to what

What these settings are compiled into (`routing.compile`, `keys.compile`) finds nothing wrong any more.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastgate.config import (
    environment,
    interpolate,
    key_secrets,
    references,
    validate,
    values,
    vendors,
    yaml_source,
)
from fastgate.config.diagnostics import Diagnostic, Mark, Report, Severity, render
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.errors import ConfigError

DEFAULT_FILE: Final = Path("fastgate.yaml")


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings; ConfigError lists every error, a line each. See `check` for warnings."""
    settings, found = check(path, environ)
    if settings is None:
        raise ConfigError(render(item for item in found if item.severity is Severity.ERROR))
    return settings


def check(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings | None, list[Diagnostic]]:
    """The settings, or None when there is any error; and all that was found."""
    report = Report()
    settings = _settings(path, environ, report)
    return settings, report.diagnostics()


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file that is read, if one is: `path`, FASTGATE_CONFIG, or `fastgate.yaml` where it exists."""
    if path is not None:
        return path
    if name := environ.get(environment.CONFIG):
        return Path(name)
    if environ.get(environment.CONFIG_YAML) or not DEFAULT_FILE.exists():
        return None
    return DEFAULT_FILE


def _settings(path: Path | None, environ: Mapping[str, str], report: Report) -> Settings | None:
    tree = _read(path, environ, report)
    if tree is None:
        return None
    vendors.switch_on(tree, environ, report)
    environment.overlay(tree, environ, report)
    settings = validate.validate(tree, environ, report)
    values.check(settings, tree, report)
    key_secrets.check(settings, environ, tree, report)
    references.check(settings, tree, report)
    return None if report.failed() else settings


def _read(path: Path | None, environ: Mapping[str, str], report: Report) -> Node | None:
    file = config_file(path, environ)
    inline = environ.get(environment.CONFIG_YAML, "")
    if not interpolate.is_text(inline):
        report.error(Mark(environment.CONFIG_YAML), (), "is not UTF-8 text")
        return None
    if file is None:
        mark = Mark(environment.CONFIG_YAML if inline else "environment")
        tree = yaml_source.parse(inline, mark.source, report)
    elif path is None and inline:
        mark = Mark(environment.CONFIG_YAML)
        report.error(mark, (), f"is set, and so is {environment.CONFIG}: only one of them can count")
        return None
    else:
        mark = Mark(interpolate.shown_name(str(file)))
        text = _text(file, mark, report)
        tree = None if text is None else yaml_source.parse(text, mark.source, report)
    if tree is not None and tree.value is None:
        return Node({}, mark)
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
