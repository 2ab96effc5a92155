"""Runs of the benchmark suite whose figures are known."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from benchmarks.suite.machine import Machine
from benchmarks.suite.results import Run, Turn
from benchmarks.suite.scenarios import named

MadeRun = Callable[..., Run]


@pytest.fixture
def made_run() -> MadeRun:
    """`made_run({(scenario, contestant): {figure: values by round}}, left_out)`."""

    def made(
        figures: Mapping[tuple[str, str], Mapping[str, Sequence[float]]],
        left_out: Mapping[str, str] | None = None,
    ) -> Run:
        turns = [
            Turn(
                scenario=scenario,
                contestant=contestant,
                round=number,
                figures={name: values[number] for name, values in of.items()},
                cpu_s_by_role={"worker": 0.6, "control": 0.2},
            )
            for (scenario, contestant), of in figures.items()
            for number in range(len(next(iter(of.values()))))
        ]
        contestants = dict.fromkeys([*(name for _, name in figures), *(left_out or {})], "about it")
        return Run(
            made_at="2026-11-24T12:00:00Z",
            commit="0123456789ab",
            machine=Machine(cpu="a cpu", cores=2, memory_gib=4.0, kernel="6.1", load=0.1),
            versions={"python": "3.11.7"},
            seconds=2.0,
            rounds=3,
            workers=2,
            contestants=contestants,
            left_out=dict(left_out or {}),
            scenarios=named(list(dict.fromkeys(scenario for scenario, _ in figures))),
            turns=turns,
        )

    return made
