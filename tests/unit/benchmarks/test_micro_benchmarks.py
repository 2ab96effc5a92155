"""Which micro benchmarks there are, and how they are judged; what they take is for an integration test."""

from pathlib import Path

import pytest
from benchmarks.micro import budget_file
from benchmarks.micro.__main__ import problems
from benchmarks.micro.budget_file import Entry
from benchmarks.micro.sources import SOURCES
from benchmarks.micro.timing import QUICK, Case, Measured, measured

import fastgate._core

BUDGETS = {"core": {"sse.feed": Entry(budget=1.0, measured=0.8, ns=800.0)}}
CORE_MODULES = sorted(path.stem for path in Path(fastgate._core.__path__[0]).glob("*.pyx"))


def took(turns: float, name: str = "sse.feed") -> dict[str, list[Measured]]:
    return {"core": [Measured(name, 1_000 * turns, turns)]}


@pytest.mark.parametrize("module", CORE_MODULES)
def test_each_core_module_is_measured(module: str) -> None:
    names = budget_file.read()["core"]
    assert any(name.startswith((f"{module}.", f"{module}:")) for name in names)


def test_each_section_of_the_budget_has_a_source() -> None:
    assert budget_file.read().keys() == SOURCES.keys()


def test_twice_the_budget_is_too_much() -> None:
    assert problems(BUDGETS, took(1.9)) == []
    (problem,) = problems(BUDGETS, took(2.1))
    assert "'sse.feed' takes 2.1 turns" in problem


def test_what_has_no_budget_and_a_budget_of_nothing_are_named() -> None:
    assert problems(BUDGETS, took(1.0, "sse.split")) == [
        "core: 'sse.feed' is in budget.toml only",
        "core: 'sse.split' has no budget",
    ]


def test_a_section_that_was_not_measured_is_not_judged() -> None:
    assert problems(BUDGETS, {}) == []


def test_what_is_noted_leaves_budgets_as_they_are(tmp_path: Path) -> None:
    found = {"core": [*took(0.5)["core"], Measured('a "new" one', 40.0, 0.04)]}
    path = tmp_path / "budget.toml"
    budget_file.write(budget_file.updated(BUDGETS, found), path)
    assert budget_file.read(path) == {
        "core": {
            "sse.feed": Entry(budget=1.0, measured=0.5, ns=500.0),
            'a "new" one': Entry(budget=0.052, measured=0.04, ns=40.0),
        }
    }


def test_a_slower_call_takes_more_turns() -> None:
    def spin(times: int) -> int:
        return sum(range(times))

    short, long = measured(
        [Case("short", lambda: spin(1_000)), Case("long", lambda: [spin(1_000) for _ in range(10)], each=5)],
        QUICK,
    )
    assert 1.2 < long.turns / short.turns < 4
    assert short.ratio is None
