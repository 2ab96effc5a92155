"""`python -m benchmarks.suite run | smoke | long | report`: see docs/benchmarks.md."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.suite.contestants.contestant import Contestant, secret
from benchmarks.suite.contestants.peer import peer
from benchmarks.suite.contestants.table import CONTESTANTS
from benchmarks.suite.drift import run_long
from benchmarks.suite.report import PAGE, recorded, render, replaced
from benchmarks.suite.results import RESULTS, read, write
from benchmarks.suite.run import Plan, run
from benchmarks.suite.scenarios import SETS, named

_DEFAULT: Final = "direct,nginx,reference,fastgate,governed,bare,litellm,portkey"
_SMOKE: Final = "direct,nginx,reference,governed"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    code: int = options.carry_out(options)
    return code


def _run(options: argparse.Namespace) -> int:
    made = run(_plan(options))
    write(made, options.out)
    print(f"\n{render(made)}\nwritten to {options.out}")
    return 0


def _smoke(options: argparse.Namespace) -> int:
    """Everything once and briefly; void turns are an error here, times are not looked at."""
    contestants = [CONTESTANTS[name] for name in _SMOKE.split(",")]
    made = run(Plan(scenarios=named(["smoke"]), contestants=contestants, rounds=1, seconds=options.seconds))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "smoke.json")
        write(made, path)
        render(read(path))
    void = sum(turn.void is not None for turn in made.turns)
    print(f"{len(made.turns)} turns, {void} void, {len(made.left_out)} left out", file=sys.stderr)
    return 1 if void or made.left_out else 0


def _long(options: argparse.Namespace) -> int:
    write(run_long(options.requests, options.seconds), options.out)
    print(f"written to {options.out}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from benchmarks.suite.plots import draw

    made, drift = recorded()
    PAGE.write_text(replaced(PAGE.read_text(), render(made, drift)))
    print(PAGE)
    if made is not None:
        for path in draw(made):
            print(path)
    return 0


def _secret(options: argparse.Namespace) -> int:
    print(secret(0))
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    try:
        scenarios = named(options.scenarios.split(","))
        return Plan(
            scenarios=scenarios,
            contestants=_contestants(options),
            rounds=options.rounds,
            seconds=options.seconds,
            workers=options.workers,
            upstream_port=options.upstream_port,
        )
    except ValueError as error:
        raise SystemExit(str(error)) from None


def _contestants(options: argparse.Namespace) -> list[Contestant]:
    names = options.contestants.split(",")
    if unknown := sorted(set(names) - CONTESTANTS.keys()):
        raise ValueError(f"no contestant {', '.join(unknown)}; there are {', '.join(CONTESTANTS)}")
    models = dict(_pair(each, "=") for each in options.peer_model)
    headers: dict[str, dict[str, str]] = {}
    for each in options.peer_header:
        name, header = _pair(each, "=")
        headers.setdefault(name, {}).update([_pair(header, ": ")])
    chosen = [CONTESTANTS[name] for name in CONTESTANTS if name in names]
    for spec in options.peer:
        name = spec.partition("=")[0]
        chosen.append(peer(spec, models.get(name), headers.get(name, {})))
    return chosen


def _pair(text: str, separator: str) -> tuple[str, str]:
    before, found, after = text.partition(separator)
    if not found:
        raise ValueError(f"{text!r} has no {separator!r}")
    return before, after


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description="Benchmarks of gateways.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("run", help="rounds of turns; their figures to a file")
    command.set_defaults(carry_out=_run)
    command.add_argument(
        "--scenarios", default="table", help=f"names, or the sets {', '.join(SETS)}; default table"
    )
    command.add_argument(
        "--contestants", default=_DEFAULT, help=f"of {', '.join(CONTESTANTS)}; default {_DEFAULT}"
    )
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--seconds", type=float, default=2.0, help="of a turn, after the warm-up; default 2")
    command.add_argument("--workers", type=int, default=0, help="of each gateway; default one a core")
    command.add_argument(
        "--peer", action="append", default=[], metavar="NAME=URL|COMMAND", help="another gateway"
    )
    command.add_argument(
        "--peer-model", action="append", default=[], metavar="NAME=TEMPLATE", help="such as openai/{model}"
    )
    command.add_argument("--peer-header", action="append", default=[], metavar="NAME=HEADER: VALUE")
    command.add_argument("--upstream-port", type=int, help="of the simulated provider; default a free one")
    command.add_argument("--out", type=Path, default=RESULTS / "bench.json")

    command = commands.add_parser("smoke", help="proves in a minute that everything runs")
    command.set_defaults(carry_out=_smoke)
    command.add_argument("--seconds", type=float, default=1.0)

    command = commands.add_parser("long", help="whether anything gets worse within two million requests")
    command.set_defaults(carry_out=_long)
    command.add_argument("--requests", type=int, default=2_000_000)
    command.add_argument("--seconds", type=float, default=15.0, help="of a turn; default 15")
    command.add_argument("--out", type=Path, default=RESULTS / "drift.json")

    command = commands.add_parser("secret", help="the first virtual key's: what a peer has to accept")
    command.set_defaults(carry_out=_secret)

    command = commands.add_parser("report", help="docs/benchmarks.md and its plots, of benchmarks/results")
    command.set_defaults(carry_out=_report)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
