"""What is wrong with a configuration, where, and what was meant."""

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec


class Severity(StrEnum):
    """An error prevents loading; a warning says that something is without effect; info is for notice."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Mark(NamedTuple):
    """Where a value was written: a file or an environment variable. Lines and columns start at 1;
    line 0 means the source as a whole."""

    source: str
    line: int = 0
    column: int = 0


SettingPath = tuple[str | int, ...]


def path_text(path: SettingPath) -> str:
    """`("virtual_keys", 0, "id")` as `virtual_keys[0].id`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `file` is a file's path or an environment variable's name; `line` 0 means all of it."""

    severity: Severity
    file: str
    line: int
    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.path}: " if self.path else ""
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{place}: {self.severity}: {subject}{self.message}{hint}"


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """A line each, in the given order."""
    return "\n".join(map(str, diagnostics))


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """`did you mean X?` where an option is close enough to `word`."""
    close = difflib.get_close_matches(word, list(options), n=1, cutoff=0.65)
    return f"did you mean {close[0]}?" if close else None


class Report:
    """Collects diagnostics while a configuration is loaded, so that all come at once."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._failed: set[SettingPath] = set()

    def error(self, mark: Mark, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._add(Severity.ERROR, mark, path, message, suggestion)
        self._failed.update(path[:length] for length in range(len(path) + 1))

    def warning(self, mark: Mark, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._add(Severity.WARNING, mark, path, message, suggestion)

    def info(self, mark: Mark, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._add(Severity.INFO, mark, path, message, suggestion)

    def _add(
        self, severity: Severity, mark: Mark, path: SettingPath, message: str, suggestion: str | None
    ) -> None:
        self._found.append(
            Diagnostic(
                severity=severity,
                file=mark.source,
                line=mark.line,
                path=path_text(path),
                message=message,
                suggestion=suggestion,
            )
        )

    def failed(self, path: SettingPath = ()) -> bool:
        """Whether there is an error at `path` or inside of it."""
        return path in self._failed

    def diagnostics(self) -> list[Diagnostic]:
        """By source in order of appearance, then by line; errors first within a line."""
        rank = list(Severity)
        sources: Sequence[str] = list(dict.fromkeys(item.file for item in self._found))
        return sorted(
            self._found, key=lambda item: (sources.index(item.file), item.line, rank.index(item.severity))
        )
