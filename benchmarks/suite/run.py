"""A run: rounds of turns, all contestants in each, so that what disturbs the machine disturbs all alike."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.suite.contestants.contestant import Contestant
from benchmarks.suite.machine import commit, machine, versions
from benchmarks.suite.programs import not_built
from benchmarks.suite.results import Run, Turn
from benchmarks.suite.scenarios import Kind, Scenario, Setup
from benchmarks.suite.turn import load, start
from benchmarks.suite.world import Entrant, all_cores, entrants, provider

_PRINTED: Final = ("start_s", "pss_idle_mb", "rps", "chunks_per_s", "latency_p50_us", "latency_p99_us")
_PRINTED_TOO: Final = ("cpu_us_per", "ttft_p50", "transit_p99")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run. `workers` 0 means one a core; `upstream_port` is for peers that are set up by hand."""

    scenarios: Sequence[Scenario]
    contestants: Sequence[Contestant]
    rounds: int
    seconds: float
    workers: int = 0
    upstream_port: int | None = None


def run(plan: Plan) -> Run:
    """Carries it out and prints each turn.

    Whoever is not installed, or does not start, is left out, and it is said why. SystemExit where the suite's
    own programs are missing.
    """
    for program in ("load", "upstream"):
        if (missing := not_built(program)) is not None:
            raise SystemExit(missing)
    made = empty(plan)
    with tempfile.TemporaryDirectory(prefix="fastgate-bench-") as name:
        directory = Path(name)
        with provider(directory, plan.upstream_port) as upstream:
            for turn in _Rounds(plan, made, directory, upstream).turns():
                made.turns.append(turn)
                print(line(turn), flush=True)
    return made


def empty(plan: Plan) -> Run:
    """A run without turns."""
    return Run(
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=commit(),
        machine=machine(),
        versions=versions(),
        seconds=plan.seconds,
        rounds=plan.rounds,
        workers=plan.workers or all_cores(),
        contestants={contestant.name: contestant.about for contestant in plan.contestants},
        left_out={},
        scenarios=list(plan.scenarios),
        turns=[],
    )


def line(turn: Turn) -> str:
    """What to watch of a turn."""
    figures = "  ".join(
        f"{name}={value:,.1f}"
        for name, value in turn.figures.items()
        if name in _PRINTED or name.startswith(_PRINTED_TOO)
    )
    said = "; ".join((f"VOID: {turn.void}" if turn.void else figures, *turn.notes))
    return f"{turn.round + 1:>3} {turn.scenario:<16} {turn.contestant:<16} {said}"


class _Rounds:
    def __init__(self, plan: Plan, made: Run, directory: Path, upstream: str) -> None:
        self._plan = plan
        self._made = made
        self._directory = directory
        self._upstream = upstream

    def turns(self) -> Iterator[Turn]:
        present = list(self._present())
        for scenario in self._plan.scenarios:
            if scenario.kind is Kind.START:
                yield from self._starts(scenario, present)
        for number, scenarios in enumerate(_together(self._plan.scenarios)):
            yield from self._loads(self._directory / f"setup-{number}", scenarios, present)

    def _present(self) -> Iterator[Contestant]:
        for contestant in self._plan.contestants:
            if (missing := contestant.missing()) is None:
                yield contestant
            else:
                self._leave_out(contestant.name, missing)

    def _starts(self, scenario: Scenario, present: Sequence[Contestant]) -> Iterator[Turn]:
        for number in range(self._plan.rounds):
            for contestant in present:
                if not contestant.runs:
                    where = self._directory / f"start-{number}" / contestant.name
                    workers = self._made.workers
                    yield start(
                        contestant, scenario, number, where=where, upstream=self._upstream, workers=workers
                    )

    def _loads(
        self, where: Path, scenarios: Sequence[Scenario], present: Sequence[Contestant]
    ) -> Iterator[Turn]:
        setup = scenarios[0].setup
        able = [each for each in present if not all(each.lacks(scenario) for scenario in scenarios)]
        with entrants(able, where, self._upstream, setup, self._made.workers) as (up, failed):
            for name, reason in failed.items():
                self._leave_out(name, reason)
            for number in range(self._plan.rounds):
                for scenario in scenarios:
                    for entrant in _rotated(up, number):
                        if not entrant.contestant.lacks(scenario):
                            yield load(entrant, scenario, number, self._plan.seconds)

    def _leave_out(self, name: str, reason: str) -> None:
        self._made.left_out[name] = reason
        print(f"{name} is left out: {reason}", flush=True)


def _together(scenarios: Sequence[Scenario]) -> Iterable[Sequence[Scenario]]:
    """Those that can take turns on the same processes."""
    groups: dict[tuple[Setup, str], list[Scenario]] = {}
    for scenario in scenarios:
        if scenario.kind is not Kind.START:
            key = (scenario.setup, scenario.name if scenario.alone else "")
            groups.setdefault(key, []).append(scenario)
    return groups.values()


def _rotated(up: Sequence[Entrant], number: int) -> Sequence[Entrant]:
    """So that nobody always follows the most demanding one."""
    by = number % len(up) if up else 0
    return [*up[by:], *up[:by]]
