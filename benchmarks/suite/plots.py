"""Plots of a run, as SVG: latency over throughput, and where the CPU time goes."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from benchmarks.suite.results import Run
from benchmarks.suite.scenarios import Kind
from benchmarks.suite.statistics import figure, good
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS: Final = Path(__file__).parents[2] / "docs/benchmarks"

# The same picture of the same run, byte for byte; text as text, in whatever font the reader has.
_STYLE: Final[Any] = {"svg.hashsalt": "fastgate", "svg.fonttype": "none", "font.size": 9}
_BREAKDOWNS: Final = (("c32", "request", "1 KB, 32 connections"), ("streams200", "chunk", "200 streams"))
_MOST_ROLES: Final = 6
_MOST_TIMES: Final = 4  # the median of a plot


def draw(run: Run, directory: Path = PLOTS) -> list[Path]:
    """Writes them, and says which there are."""
    directory.mkdir(parents=True, exist_ok=True)
    drawings = {"latency": _latency(run), "cpu": _cpu(run)}
    paths = []
    with mpl.rc_context(_STYLE):
        for name, drawing in drawings.items():
            path = directory / f"{name}.svg"
            drawing.savefig(path, format="svg", metadata={"Date": None})
            paths.append(path)
    return paths


def _latency(run: Run) -> Figure:
    """p50 and p99 of the closed loops of growing size, over what they reached."""
    drawing = Figure(figsize=(9, 4.2), layout="constrained")
    steps = [
        scenario.name
        for scenario in run.scenarios
        if scenario.kind is Kind.CLOSED and scenario.name == f"c{scenario.connections}"
    ]
    for axes, quantile in zip(drawing.subplots(1, 2, sharex=True, sharey=True), ("p50", "p99"), strict=True):
        for name in run.contestants:
            points = [
                (rps.median, latency.median / 1e3)
                for step in steps
                if (turns := good(run, step, name))
                and (rps := figure(turns, "rps"))
                and (latency := figure(turns, f"latency_{quantile}_us"))
            ]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1, label=name)
        axes.set(xscale="log", yscale="log", xlabel="requests a second", title=f"{quantile}, ms")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.grid(visible=True, linewidth=0.2)
    handles, labels = axes.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside right center", frameon=False)
    return drawing


def _cpu(run: Run) -> Figure:
    """CPU time of a request and of a chunk: in user space and in the kernel; and by kind of process."""
    drawing = Figure(figsize=(11, 6), layout="constrained")
    grid = drawing.subplots(2, 2)
    for (scenario, unit, title), (by_mode, by_role) in zip(_BREAKDOWNS, grid, strict=True):
        names = [
            name
            for name in reversed(run.contestants)
            if figure(good(run, scenario, name), f"cpu_us_per_{unit}")
        ]
        modes = {
            mode: [_median(run, scenario, name, f"{mode}_us_per_{unit}") for name in names]
            for mode in ("user", "system")
        }
        _bars(by_mode, names, modes, f"CPU µs a {unit}: {title}")
        _bars(by_role, names, _roles(run, scenario, unit, names), "by process")
    return drawing


def _bars(axes: "Axes", names: Sequence[str], parts: dict[str, list[float]], title: str) -> None:
    left = [0.0] * len(names)
    for part, values in parts.items():
        axes.barh(list(names), values, left=left, label=part, height=0.7)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.set_title(title)
    if not names:
        return
    # Who takes a hundred times what the others do is cut off, with the number beside.
    end = min(max(left), _MOST_TIMES * median(left)) * 1.15
    axes.set_xlim(0, end)
    for row, whole in enumerate(left):
        axes.text(min(whole, end * 0.87), row, f" {whole:,.0f}", va="center", fontsize=7)
    axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


def _roles(run: Run, scenario: str, unit: str, names: Sequence[str]) -> dict[str, list[float]]:
    """The CPU time of a unit, divided as the whole turn's was among the kinds of process."""
    shares = {name: _shares(run, scenario, name) for name in names}
    totals: dict[str, float] = {}
    for share in shares.values():
        for role, part in share.items():
            totals[role] = totals.get(role, 0.0) + part
    most = sorted(totals, key=lambda role: -totals[role])[:_MOST_ROLES]
    whole = {name: _median(run, scenario, name, f"cpu_us_per_{unit}") for name in names}
    return {role: [whole[name] * shares[name].get(role, 0.0) for name in names] for role in most}


def _shares(run: Run, scenario: str, name: str) -> dict[str, float]:
    used: dict[str, float] = {}
    for turn in good(run, scenario, name):
        for role, seconds in turn.cpu_s_by_role.items():
            used[role] = used.get(role, 0.0) + seconds
    whole = sum(used.values())
    return {role: seconds / whole for role, seconds in used.items()} if whole else {}


def _median(run: Run, scenario: str, name: str, of: str) -> float:
    return median(turn.figures[of] for turn in good(run, scenario, name))
