"""The generated part of docs/benchmarks.md: what was reached of what must be, then every scenario's table."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.suite.drift import drift_table
from benchmarks.suite.results import RESULTS, Run, Turn, read
from benchmarks.suite.scenarios import Kind, Scenario
from benchmarks.suite.statistics import added, figure, good, ratio
from benchmarks.suite.targets import Target, Verdict, reached, targets

PAGE: Final = Path(__file__).parents[2] / "docs/benchmarks.md"
BEGIN: Final = "<!-- begin: python -m benchmarks.suite report -->"
END: Final = "<!-- end: python -m benchmarks.suite report -->"

_SHOWN: Final = ("governed", "fastgate")  # in the table of targets
_SEEN: Final = {"bifrost": "Bifrost", "gomodel": "GoModel", "busbar": "Busbar", "litellm": "LiteLLM"}


class _Of(NamedTuple):
    """A contestant's turns in a scenario, and those that they are compared with."""

    turns: Sequence[Turn]
    direct: Sequence[Turn]
    nginx: Sequence[Turn]
    reference: Sequence[Turn]


_Cell = Callable[[_Of], str]


def render(run: Run | None, drift: Run | None = None) -> str:
    """Markdown of both, without the markers."""
    return "\n".join(_lines(run, drift)) + "\n"


def recorded() -> tuple[Run | None, Run | None]:
    """The run and the drift that are in benchmarks/results, where they are."""
    paths = (RESULTS / "bench.json", RESULTS / "drift.json")
    run, drift = (read(path) if path.exists() else None for path in paths)
    return run, drift


def replaced(page: str, part: str) -> str:
    """The page with `part` between the markers. ValueError where they are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no markers of the generated part")
    return f"{before}{BEGIN}\n{part}{END}{after}"


def _lines(run: Run | None, drift: Run | None) -> Iterator[str]:
    if run is None:
        yield "No run is recorded in `benchmarks/results/bench.json` yet: `make bench`."
        return
    yield from _circumstances(run)
    yield ""
    yield from _targets(run)
    yield ""
    yield "![Latency over throughput](benchmarks/latency.svg)"
    yield ""
    yield "![Where CPU time goes](benchmarks/cpu.svg)"
    for scenario in run.scenarios:
        yield ""
        yield f"### {scenario.name}: {scenario.about}"
        yield ""
        yield from _table(run, scenario)
    if drift is not None:
        yield ""
        yield from drift_table(drift)


def _circumstances(run: Run) -> Iterator[str]:
    machine = run.machine
    parts = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    yield (
        f"Run of {run.made_at}, commit `{run.commit}`: {run.rounds} rounds, "
        f"{run.seconds:g} s a turn after a third of that to warm up, {run.workers} workers. "
        f"{machine.cores} cores ({machine.cpu}), {machine.memory_gib:g} GiB, Linux {machine.kernel}, "
        f"load {machine.load:g} at the beginning. {parts}."
    )
    yield ""
    yield "| contestant | |"
    yield "|---|---|"
    for name, about in run.contestants.items():
        absent = f" **Left out**: {_one_line(run.left_out[name])}." if name in run.left_out else ""
        yield f"| {name} | {about}.{absent} |"


def _targets(run: Run) -> Iterator[str]:
    wanted = targets()
    shown = [name for name in _SHOWN if name in run.contestants]
    yield "### What was reached"
    yield ""
    yield (
        "Ratios, with the 95 % interval of a bootstrap over the rounds; the verdict is on "
        f"*{wanted.contestant}*. The other gateways' columns are of another day on such a machine."
    )
    yield ""
    yield "| figure | of | " + " | ".join((*_SEEN.values(), "must", "aim", *shown, "verdict")) + " |"
    yield "|---|---|" + "--:|" * (len(_SEEN) + 2 + len(shown)) + "---|"
    for target in wanted.target:
        seen = [target.seen.get(name, "") for name in _SEEN]
        values = [_reached(target, run, name) for name in shown]
        verdict = reached(target, run, wanted.contestant).verdict
        bounds = [f"{bound:,g}" for bound in (target.must, target.aim)]
        cells = [target.name, _against(target), *seen, *bounds, *values, _verdict(verdict)]
        yield f"| {' | '.join(cells)} |"


def _reached(target: Target, run: Run, contestant: str) -> str:
    value = reached(target, run, contestant).value
    if value is None:
        return "-"
    absolute = target.against is None and target.beside is None
    return _number(value.value) if absolute else _ratio(value)


def _against(target: Target) -> str:
    if target.beside is not None:
        return target.beside
    return target.against or "absolute"


def _verdict(verdict: Verdict) -> str:
    return f"**{verdict}**" if verdict is Verdict.MISSED else str(verdict)


def _table(run: Run, scenario: Scenario) -> Iterator[str]:
    columns = _COLUMNS[scenario.kind]
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "--:|" * len(columns)
    compared = [good(run, scenario.name, name) for name in ("direct", "nginx", "reference")]
    notes = []
    absent = []
    for name in run.contestants:
        turns = run.of(scenario.name, name)
        if not turns:
            absent.append(name)
            continue
        if void := [turn.void for turn in turns if turn.void]:
            yield f"| {name} | void: {_one_line(void[0])} {'| ' * (len(columns) - 1)}|"
            continue
        of = _Of(turns, *compared)
        yield f"| {name} | {' | '.join(cell(of) for cell in columns.values())} |"
        if noted := [turn for turn in turns if turn.notes]:
            notes.append(f"{name}, {len(noted)} of {len(turns)} turns: {'; '.join(noted[0].notes)}.")
    if unable := [name for name in absent if name not in run.left_out]:
        yield ""
        yield f"Not here: {', '.join(unable)}."
    for note in notes:
        yield ""
        yield note


# --- cells -----------------------------------------------------------------------------------------


def _median(name: str) -> _Cell:
    """The median, and the span of the rounds."""

    def cell(of: _Of) -> str:
        found = figure(of.turns, name)
        if found is None:
            return "-"
        span = f" ({_number(found.low)}-{_number(found.high)})" if len(of.turns) > 1 else ""
        return _number(found.median) + span

    return cell


def _quantiles(name: str, *quantiles: str) -> _Cell:
    def cell(of: _Of) -> str:
        found = [figure(of.turns, f"{name}_{quantile}_us") for quantile in quantiles]
        return " / ".join(_time(each.median) if each else "-" for each in found)

    return cell


def _added(name: str, *quantiles: str) -> _Cell:
    def cell(of: _Of) -> str:
        if of.turns == of.direct:
            return ""
        found = [added(of.turns, of.direct, f"{name}_{quantile}_us") for quantile in quantiles]
        return " / ".join(_time(each.median) if each else "-" for each in found)

    return cell


def _times(other: str, name: str) -> _Cell:
    def cell(of: _Of) -> str:
        found = ratio(of.turns, getattr(of, other), name)
        return _ratio(found) if found else "-"

    return cell


def _plain(*names: str) -> _Cell:
    def cell(of: _Of) -> str:
        found = [figure(of.turns, name) for name in names]
        return " / ".join(_number(each.median) if each else "-" for each in found)

    return cell


_P: Final = ("p50", "p90", "p99", "p999")
_CALLS: Final[dict[str, _Cell]] = {
    "CPU µs a request": _median("cpu_us_per_request"),
    "times nginx": _times("nginx", "cpu_us_per_request"),
    "times reference": _times("reference", "cpu_us_per_request"),
    "requests/s": _plain("rps"),
    "requests a CPU second": _plain("requests_per_cpu_s"),
    "p50 / p90 / p99 / p99.9": _quantiles("latency", *_P),
    "added p50 / p90 / p99 / p99.9": _added("latency", *_P),
    "PSS at most / after, MB": _plain("pss_peak_mb", "pss_after_mb"),
}
_COLUMNS: Final[dict[Kind, dict[str, _Cell]]] = {
    Kind.CLOSED: _CALLS,
    Kind.OPEN: _CALLS,
    Kind.STREAMS: {
        "CPU µs a chunk": _median("cpu_us_per_chunk"),
        "times nginx": _times("nginx", "cpu_us_per_chunk"),
        "times reference": _times("reference", "cpu_us_per_chunk"),
        "chunks/s": _plain("chunks_per_s"),
        "TTFT p50 / p99": _quantiles("ttft", "p50", "p99"),
        "added TTFT p50 / p99": _added("ttft", "p50", "p99"),
        "gap p50 / p99 / p99.9": _quantiles("gap", "p50", "p99", "p999"),
        "added gap p99": _added("gap", "p99"),
        "transit p50 / p99": _quantiles("transit", "p50", "p99"),
        "transit p99, times nginx": _times("nginx", "transit_p99_us"),
        "PSS at most / after, MB": _plain("pss_peak_mb", "pss_after_mb"),
    },
    Kind.START: {
        "first answer, s": _median("start_s"),
        "PSS at rest, MB": _median("pss_idle_mb"),
        "RSS at rest, MB": _plain("rss_idle_mb"),
    },
}


def _ratio(value: tuple[float, float, float]) -> str:
    return f"{_number(value[0])} ({_number(value[1])}-{_number(value[2])})"


def _number(value: float) -> str:
    """Three digits that mean something."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _time(microseconds: float) -> str:
    if abs(microseconds) >= 1_000_000:
        return f"{_number(microseconds / 1e6)} s"
    return f"{_number(microseconds / 1e3)} ms" if abs(microseconds) >= 1_000 else f"{microseconds:.0f} µs"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:200]
