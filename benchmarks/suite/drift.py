"""Whether anything gets worse with time: turns until two million requests have been served."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from benchmarks.suite.contestants.table import CONTESTANTS
from benchmarks.suite.results import Run, Turn
from benchmarks.suite.run import Plan, empty, line
from benchmarks.suite.scenarios import SCENARIOS
from benchmarks.suite.turn import load
from benchmarks.suite.world import all_cores, entrants, provider

# The one that is looked at; the other says what became of the machine meanwhile.
_SUBJECT: Final = "governed"
_CONTROL: Final = "nginx"
_SCENARIO: Final = msgspec.structs.replace(SCENARIOS["c32"], name="drift")
_ENDS: Final = 5  # turns that make the beginning, and the end
_FIGURES: Final = {
    "cpu_us_per_request": "CPU µs a request",
    "rps": "requests/s",
    "latency_p50_us": "p50 µs",
    "latency_p99_us": "p99 µs",
    "pss_after_mb": "PSS, MB",
}


def run_long(requests: int, seconds: float) -> Run:
    """Turns of `seconds` on the same processes, until the subject has served so many."""
    plan = Plan(
        scenarios=[_SCENARIO],
        contestants=[CONTESTANTS[_CONTROL], CONTESTANTS[_SUBJECT]],
        rounds=0,
        seconds=seconds,
    )
    made = empty(plan)
    served = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="fastgate-drift-") as name,
        provider(Path(name)) as upstream,
        entrants(plan.contestants, Path(name), upstream, _SCENARIO.setup, all_cores()) as (up, failed),
    ):
        if failed:
            raise SystemExit("\n".join(failed.values()))
        while served < requests:
            for entrant in up:
                turn = load(entrant, _SCENARIO, made.rounds, seconds)
                made.turns.append(turn)
                print(line(turn), flush=True)
                if turn.void:
                    raise SystemExit(f"after {served:,.0f} requests: {turn.void}")
            served += made.turns[-1].figures["requests"]
            made.rounds += 1
    return made


def drift_table(run: Run) -> Iterator[str]:
    """The last turns beside the first, of the subject and of the control."""
    mine, control = (run.of(_SCENARIO.name, name) for name in (_SUBJECT, _CONTROL))
    served = sum(turn.figures["requests"] for turn in mine)
    yield f"### drift: {served:,.0f} requests at 32 connections ({run.made_at}, commit `{run.commit}`)"
    yield ""
    yield f"Medians of the first {_ENDS} and the last {_ENDS} of {len(mine)} turns of {run.seconds:g} s."
    yield ""
    yield f"| {_SUBJECT} | first | last | last / first | {_CONTROL}: last / first |"
    yield "|---|--:|--:|--:|--:|"
    for figure, name in _FIGURES.items():
        first, last = _ends(mine, figure)
        before, after = _ends(control, figure)
        yield f"| {name} | {first:,.1f} | {last:,.1f} | {last / first:.2f} | {after / before:.2f} |"


def _ends(turns: Sequence[Turn], figure: str) -> tuple[float, float]:
    values = [turn.figures[figure] for turn in turns]
    return median(values[:_ENDS]), median(values[-_ENDS:])
