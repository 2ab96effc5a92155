"""What a run leaves behind: one JSON file, from which tables and plots are made."""

from pathlib import Path
from typing import Final

import msgspec
from benchmarks.suite.machine import Machine
from benchmarks.suite.scenarios import Scenario

RESULTS: Final = Path(__file__).parents[1] / "results"


class Turn(msgspec.Struct, kw_only=True):
    """One contestant in one round of a scenario. `void` says why its figures do not count, where they do not;
    `notes` what else must be known of them."""

    scenario: str
    contestant: str
    round: int
    figures: dict[str, float] = {}
    cpu_s_by_role: dict[str, float] = {}
    void: str | None = None
    notes: list[str] = []


class Run(msgspec.Struct, kw_only=True):
    """`contestants` says of each what it is, `left_out` of some why they did not take part."""

    made_at: str
    commit: str
    machine: Machine
    versions: dict[str, str]
    seconds: float
    rounds: int
    workers: int
    contestants: dict[str, str]
    left_out: dict[str, str]
    scenarios: list[Scenario]
    turns: list[Turn]

    def of(self, scenario: str, contestant: str) -> list[Turn]:
        """Its turns, by round."""
        return [turn for turn in self.turns if (turn.scenario, turn.contestant) == (scenario, contestant)]


def write(run: Run, path: Path) -> None:
    """Made readable, so that a change of numbers is a change of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def read(path: Path) -> Run:
    """Raises msgspec.ValidationError for a file of another shape."""
    return msgspec.json.decode(path.read_bytes(), type=Run)
