"""One turn: one contestant under the load of one scenario, or started once."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from benchmarks.suite import processes
from benchmarks.suite.bodies import PATHS, body
from benchmarks.suite.contestants.contestant import Contestant
from benchmarks.suite.programs import PROGRAMS
from benchmarks.suite.results import Turn
from benchmarks.suite.scenarios import Kind, Scenario
from benchmarks.suite.world import Entrant, StartError, entrant

_MB: Final = 1e6
_GRACE_S: Final = 60.0  # what a generator may take beyond its time, to start and to let streams end
_REST_S: Final = 1.5  # after which a process that was started, or loaded, is at rest
_TIMES: Final = {"latency": "latency_us", "ttft": "ttft_us", "gap": "gap_us", "transit": "transit_us"}
_QUANTILES: Final = ("p50", "p90", "p99", "p999", "max")


def load(entrant: Entrant, scenario: Scenario, number: int, seconds: float) -> Turn:
    """Under load for `seconds`, or as long as the scenario needs; a third of that goes before, to warm up.

    What goes wrong under the load voids the turn.
    """
    seconds = max(seconds, scenario.seconds)
    made = Turn(scenario=scenario.name, contestant=entrant.contestant.name, round=number)
    before = _cpu(entrant)
    command = _command(entrant, scenario, seconds)
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds * 2 + _GRACE_S
        )
    except subprocess.TimeoutExpired:
        made.void = "the load did not come to an end"
        return made
    if done.returncode:
        said = processes.last_line(entrant.log) if entrant.log.exists() else "nothing"
        made.void = f"the generator failed: {done.stderr.strip()[-200:]}; {made.contestant} said last: {said}"
        return made
    report = msgspec.json.decode(done.stdout)
    made.cpu_s_by_role = {
        role: round(after - before.get(role, 0.0), 3) for role, after in _cpu(entrant).items()
    }
    made.figures = {name: round(value, 3) for name, value in _figures(report, entrant, scenario).items()}
    made.void = _void(report)
    if report["saturated"]:
        made.notes.append(f"the generator was at its limit: {report['saturated_why']}")
    return made


def start(
    contestant: Contestant, scenario: Scenario, number: int, *, where: Path, upstream: str, workers: int
) -> Turn:
    """From the start to the first answer, then at rest, then ended."""
    made = Turn(scenario=scenario.name, contestant=contestant.name, round=number)
    began = time.monotonic()
    try:
        with entrant(contestant, where, upstream, scenario.setup, workers) as up:
            made.figures["start_s"] = time.monotonic() - began
            if up.pid is not None:
                time.sleep(_REST_S)
                used = processes.memory(up.pid)
                made.figures |= {"pss_idle_mb": used.pss / _MB, "rss_idle_mb": used.rss / _MB}
    except StartError as error:
        made.void = str(error)
    return made


def _command(entrant: Entrant, scenario: Scenario, seconds: float) -> list[str]:
    contestant = entrant.contestant
    directory = entrant.site.directory
    request = directory / f"{scenario.name}.body"
    request.write_bytes(body(scenario, contestant.asks_for(scenario)))
    keys = directory / "secrets"
    if not keys.exists():
        keys.write_text("".join(f"{secret}\n" for secret in entrant.site.secrets))
    url = f"{entrant.command.url}{PATHS[contestant.client(scenario)]}"
    command = [str(PROGRAMS / "load"), "-url", url, "-body", str(request), "-keys", str(keys)]
    for name, value in entrant.headers.items():
        command += ["-header", f"{name}: {value}"]
    warm_up_s = max(seconds / 3, scenario.warm_up_s)
    command += ["-warmup", f"{warm_up_s:.2f}s", "-duration", f"{seconds:.2f}s"]
    if entrant.pid is not None:
        command += ["-tree", str(entrant.pid)]
    if scenario.kind is Kind.STREAMS:
        return [*command, "-stream", "-streams", str(scenario.connections), "-chunks", str(scenario.chunks)]
    command += ["-mode", scenario.kind, "-connections", str(scenario.connections)]
    return [*command, "-rate", str(scenario.rate)] if scenario.kind is Kind.OPEN else command


def _figures(report: Mapping[str, Any], entrant: Entrant, scenario: Scenario) -> dict[str, float]:
    """The generator's report, flat; and what it means for each request or chunk."""
    requests, chunks = report["requests"], report["chunks"]
    figures: dict[str, float] = {"requests": requests, "rps": report["rps"]}
    measured = ("ttft", "gap", "transit") if scenario.kind is Kind.STREAMS else ("latency",)
    for name, member in _TIMES.items():
        if name in measured and report[member]["count"]:
            figures |= {f"{name}_{quantile}_us": report[member][quantile] for quantile in _QUANTILES}
    if chunks:
        figures |= {"chunks": chunks, "chunks_per_s": chunks / report["duration_s"]}
    if entrant.pid is None:
        return figures
    tree = report["trees"][str(entrant.pid)]
    unit, count = ("chunk", chunks) if scenario.kind is Kind.STREAMS else ("request", requests)
    if count:
        user, system = tree["user_s"] / count * 1e6, tree["system_s"] / count * 1e6
        figures |= {
            f"cpu_us_per_{unit}": user + system,
            f"user_us_per_{unit}": user,
            f"system_us_per_{unit}": system,
        }
        if user + system:
            figures[f"{unit}s_per_cpu_s"] = 1e6 / (user + system)
    time.sleep(_REST_S / 3)
    after = processes.memory(entrant.pid)
    figures |= {
        "pss_peak_mb": tree["pss_peak"] / _MB,
        "pss_after_mb": after.pss / _MB,
        "rss_after_mb": after.rss / _MB,
    }
    return figures


def _void(report: Mapping[str, Any]) -> str | None:
    """Any error voids the row: who answers fast and wrongly is not fast."""
    faults = {name: count for name, count in report["errors"].items() if count}
    faults |= {name: report[name] for name in ("lost", "reordered", "duplicated") if report[name]}
    if faults:
        return ", ".join(f"{count} of {name}" for name, count in sorted(faults.items()))
    return None if report["requests"] or report["chunks"] else "no answer in time"


def _cpu(entrant: Entrant) -> Mapping[str, float]:
    return processes.cpu_by_role(entrant.pid) if entrant.pid is not None else {}
