"""`benchmarks/budget.toml`: what each thing may take, in turns of the calibration loop, and what it took."""

import platform
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from benchmarks.micro.timing import Measured

PATH: Final = Path(__file__).parents[1] / "budget.toml"
MARGIN: Final = 1.3
"""What a new entry may take beyond what it took."""
_HEADER: Final = """\
# What each thing may take (`budget`) and took (`measured`), in turns of the calibration loop that runs beside
# it (benchmarks/micro/timing.py), and the nanoseconds that were. `make bench-micro` compares; a test fails
# where something takes twice its budget. Budgets are set by hand; `make bench-micro ARGS=--write` notes what
# is measured, adds what is new, and leaves out what there is no more.
"""


class Entry(NamedTuple):
    budget: float
    measured: float
    ns: float


Budgets = dict[str, dict[str, Entry]]
"""By section and name."""


def read(path: Path = PATH) -> Budgets:
    """TOMLDecodeError, KeyError, TypeError: not such a file."""
    document = tomllib.loads(path.read_text())
    return {
        section: {name: Entry(**entry) for name, entry in entries.items()}
        for section, entries in document.items()
        if section != "machine"
    }


def updated(budgets: Budgets, found: Mapping[str, Sequence[Measured]]) -> Budgets:
    """With what was found, section by section."""
    return budgets | {
        section: {each.name: _entry(each, budgets.get(section, {}).get(each.name)) for each in measured}
        for section, measured in found.items()
    }


def _entry(found: Measured, former: Entry | None) -> Entry:
    budget = _rounded(found.turns * MARGIN, 2) if former is None else former.budget
    return Entry(budget, _rounded(found.turns, 3), _rounded(found.ns, 3))


def write(budgets: Budgets, path: Path = PATH) -> None:
    lines = [_HEADER, "[machine]"]
    lines += [f'python = "{platform.python_version()}"', f'kind = "{platform.system()} {platform.machine()}"']
    for section, entries in budgets.items():
        lines += ["", f"[{section}]"]
        for name, each in entries.items():
            values = ", ".join(f"{field} = {value:.10g}" for field, value in each._asdict().items())
            key = msgspec.json.encode(name).decode()  # JSON's strings are strings of TOML's
            lines.append(f"{key} = {{{values}}}")
    path.write_text("\n".join(lines) + "\n")


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
