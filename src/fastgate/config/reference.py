"""`docs/settings.md`, from the settings' types: `python -m fastgate.config.reference > docs/settings.md`."""

import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import msgspec
from msgspec.structs import FieldInfo

from fastgate.config import environment, shape
from fastgate.config.diagnostics import SettingPath
from fastgate.config.restart import RESTART_ONLY
from fastgate.config.settings import Settings

_HEAD: Final = """\
# Settings

Generated from the settings in `fastgate.config`; do not edit. How a file, the environment and secrets work
together is in [configuration.md](configuration.md).

Every setting with a variable can be set by it, whatever the file says, and with `_FILE` at the end of the
variable's name from a file. `NAME` stands for a name of your choice in upper case, every other character than a
letter or a digit as `_`; `[]` is a list, which a variable can only give as a whole. Where a budget or a list of
budgets is taken, the settings are those of one budget.

*Changed by* says what makes a running gateway take a new value: a `reload`, or only a `restart`. A reload reads
the file again, and the files that it names; variables are those that the gateway was started with.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    seen: dict[type[msgspec.Struct], SettingPath] = {}
    for path, section in _sections(Settings, (), set()):
        first = seen.setdefault(section, path)
        parts.append(_section(path, section) if first == path else _again(path, section, first))
    parts.append(_reserved())
    return "\n".join(parts)


def _sections(
    section: type[msgspec.Struct], path: SettingPath, within: set[type[msgspec.Struct]]
) -> Iterator[tuple[SettingPath, type[msgspec.Struct]]]:
    """Each at every place where it can be written; what is inside of it, at the first place only."""
    yield path, section
    if section in within:
        return
    within.add(section)
    for name, field in shape.fields(section).items():
        yield from _inside(field.type, (*path, name), within)


def _inside(
    hint: Any, path: SettingPath, within: set[type[msgspec.Struct]]
) -> Iterator[tuple[SettingPath, type[msgspec.Struct]]]:
    if (inner := shape.section(hint)) is not None:
        yield from _sections(inner, path, within)
    elif arguments := shape.arguments(hint, list):
        yield from _inside(arguments[0], (*path, "[]"), within)
    elif arguments := shape.arguments(hint, dict):
        yield from _inside(arguments[1], (*path, "NAME"), within)


def _section(path: SettingPath, section: type[msgspec.Struct]) -> str:
    title = _title(path) or "Top level"
    rows = [
        f"## {title}\n",
        f"{(section.__doc__ or '').strip()}\n",
        "| setting | type | default | variable | changed by | |",
        "|---|---|---|---|---|---|",
    ]
    rows += [_row(path, name, field) for name, field in shape.fields(section).items()]
    return "\n".join(rows) + "\n"


def _again(path: SettingPath, section: type[msgspec.Struct], first: SettingPath) -> str:
    return f"## {_title(path)}\n\n{(section.__doc__ or '').strip()}\n\nThe settings of `{_title(first)}`.\n"


def _title(path: SettingPath) -> str:
    return ".".join(str(step) for step in path).replace(".[]", "[]")


def _row(path: SettingPath, name: str, field: FieldInfo) -> str:
    cells = [
        f"`{name}`",
        shape.describe(field.type),
        _default(field),
        _variable((*path, name)),
        _changed_by((*path, name), field),
        shape.description(field.type),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default
    if default is None or default is msgspec.NODEFAULT or isinstance(default, msgspec.Struct):
        return ""
    if isinstance(default, Enum):
        default = default.value
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _variable(path: SettingPath) -> str:
    return "" if "[]" in path else f"`{environment.variable(path)}`"


def _changed_by(path: SettingPath, field: FieldInfo) -> str:
    """Of a section only where it holds for all that is in it."""
    name = _title(path)
    if any(name == each or name.startswith(f"{each}.") for each in RESTART_ONLY):
        return "restart"
    if shape.section(field.type) is not None and any(each.startswith(f"{name}.") for each in RESTART_ONLY):
        return ""
    return "reload"


def _reserved() -> str:
    rows = ["## Other variables\n", "| variable | |", "|---|---|"]
    rows += [f"| `{name}` | {meaning} |" for name, meaning in environment.RESERVED.items()]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
