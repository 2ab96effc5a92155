"""python -m benchmarks.micro [--quick] [--write] [SECTION...]

Measures everything, or some sections of `budget.toml`, and compares with what is in there. Ends with 1 where
something takes more than twice its budget, or has none.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.micro import budget_file
from benchmarks.micro.budget_file import Budgets, Entry
from benchmarks.micro.sources import SOURCES
from benchmarks.micro.timing import QUICK, THOROUGH, Measured

TOLERANCE: Final = 2.0
"""Times the budget: what noise, another machine or another Python does not make of it."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some seconds, without the plain Python")
    parser.add_argument("--write", action="store_true", help="note what is measured in budget.toml")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SOURCES)}")
    given = parser.parse_args(arguments)
    sections = given.sections or list(SOURCES)
    if unknown := set(sections) - SOURCES.keys():
        parser.error(f"no section {', '.join(sorted(unknown))}")
    budgets = budget_file.read() if budget_file.PATH.exists() else {}
    found: dict[str, list[Measured]] = {}
    for section in sections:
        print(f"\n{section:<66}{'time':>10}{'turns':>10}{'budget':>9}  plain Python")
        found[section] = []
        for each in SOURCES[section](QUICK if given.quick else THOROUGH):
            found[section].append(each)
            print(_line(each, budgets.get(section, {}).get(each.name)), flush=True)
    if given.write:
        budget_file.write(budget_file.updated(budgets, found))
        return 0
    wrong = problems(budgets, found)
    print("", *wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def problems(budgets: Budgets, found: Mapping[str, Sequence[Measured]]) -> list[str]:
    """What is far over its budget, is in no budget, or is there no more."""
    wrong: list[str] = []
    for section, measured in found.items():
        entries = budgets.get(section, {})
        names = {each.name for each in measured}
        wrong += [f"{section}: {name!r} is in budget.toml only" for name in entries if name not in names]
        for each in measured:
            entry = entries.get(each.name)
            if entry is None:
                wrong.append(f"{section}: {each.name!r} has no budget")
            elif each.turns > TOLERANCE * entry.budget:
                wrong.append(f"{section}: {each.name!r} takes {each.turns:.3g} turns of {entry.budget:.3g}")
    return wrong


def _line(found: Measured, entry: Entry | None) -> str:
    budget = "" if entry is None else f"{entry.budget:.3g}"
    mark = "!" if entry is not None and found.turns > entry.budget else " "
    ratio = "" if found.ratio is None else f"{found.ratio:.1f} x"
    return f"{found.name:<66}{_time(found.ns):>10}{found.turns:>10.3g}{budget:>9}{mark} {ratio:>12}"


def _time(ns: float) -> str:
    if ns < 1_000:
        return f"{ns:.1f} ns"
    return f"{ns / 1_000:.2f} us" if ns < 1_000_000 else f"{ns / 1_000_000:.2f} ms"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
