"""What must be reached (`targets.toml`), and what a run reached of it."""

import tomllib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import msgspec
from benchmarks.suite.results import Run, Turn
from benchmarks.suite.statistics import Ratio, good, ratio

_FILE: Final = Path(__file__).with_name("targets.toml")
_DIRECT: Final = "direct"


class Target(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A ratio `against` another contestant, or to the same one in the scenario `beside`; with neither it is
    absolute, and the greatest of its scenarios counts. `added`: what comes on top of `direct`."""

    name: str
    scenarios: list[str]
    figure: str
    must: float
    aim: float
    against: str | None = None
    beside: str | None = None
    added: bool = False
    more_is_better: bool = False
    seen: dict[str, str] = {}


class Targets(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`contestant` is the one that they are for."""

    contestant: str
    target: list[Target]


class Verdict(StrEnum):
    """How far a target was reached."""

    AIM = "aim"
    MUST = "must"
    MISSED = "missed"
    UNKNOWN = "not measured"


class Reached(NamedTuple):
    """`value` has no interval where it is absolute."""

    value: Ratio | None
    verdict: Verdict


def targets() -> Targets:
    """As they stand in the file."""
    return msgspec.convert(tomllib.loads(_FILE.read_text()), Targets)


def reached(target: Target, run: Run, contestant: str) -> Reached:
    """What the contestant's turns say; UNKNOWN where any that it takes is void or missing."""
    value = _value(target, run, contestant)
    if value is None:
        return Reached(None, Verdict.UNKNOWN)
    if target.more_is_better:
        within = [value.value >= bound for bound in (target.aim, target.must)]
    else:
        within = [value.value <= bound for bound in (target.aim, target.must)]
    return Reached(value, Verdict.AIM if within[0] else Verdict.MUST if within[1] else Verdict.MISSED)


def _value(target: Target, run: Run, contestant: str) -> Ratio | None:
    mine = [_turns(target, run, scenario, contestant) for scenario in target.scenarios]
    if not all(mine):
        return None
    if target.against is None and target.beside is None:
        found = [
            median(each)
            for turns in mine
            if (each := [turn.figures[target.figure] for turn in turns if target.figure in turn.figures])
        ]
        return Ratio(max(found), min(found), max(found)) if found else None
    scenario = target.beside or target.scenarios[0]
    others = _turns(target, run, scenario, target.against or contestant)
    return ratio(mine[0], others, target.figure)


def _turns(target: Target, run: Run, scenario: str, contestant: str) -> Sequence[Turn]:
    turns = good(run, scenario, contestant)
    if not target.added:
        return turns
    direct = {turn.round: turn.figures for turn in good(run, scenario, _DIRECT)}
    return [
        msgspec.structs.replace(
            turn, figures={target.figure: turn.figures[target.figure] - direct[turn.round][target.figure]}
        )
        for turn in turns
        if target.figure in turn.figures and target.figure in direct.get(turn.round, ())
    ]
