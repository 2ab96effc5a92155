"""docs/simulated-provider.md and the command line have every option, with its default and its words."""

import inspect

import msgspec
import pytest
from tests.support.processes import ROOT

from fastgate.cli.sim import sim
from fastgate.sim.behaviour import Behaviour
from fastgate.sim.options import SimOptions

TEXT = (ROOT / "docs" / "simulated-provider.md").read_text()
PROPERTIES = msgspec.json.schema(SimOptions)["$defs"]["SimOptions"]["properties"]
FOR_PROCESSES = {"fd", "lifeline_fd"}


@pytest.mark.parametrize("name", sorted(set(PROPERTIES) - FOR_PROCESSES))
def test_option_is_documented(name: str) -> None:
    flag, doc = name.replace("_", "-"), PROPERTIES[name]["description"]
    assert f"| `--{flag}` | {_shown(getattr(SimOptions(), name))} | {doc} |" in TEXT


def _shown(default: object) -> str:
    match default:
        case None:
            return "none"
        case ():
            return "any"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"


@pytest.mark.parametrize("name", Behaviour.__struct_fields__)
def test_name_in_the_header_is_documented(name: str) -> None:
    table = TEXT.partition("header `x-sim`")[2].partition("## What it answers")[0]
    assert f"`{name}`" in table


def test_flags_for_processes_are_mentioned() -> None:
    assert all(f"`--{name.replace('_', '-')}`" in TEXT for name in FOR_PROCESSES)


def test_the_command_has_every_option() -> None:
    assert set(inspect.signature(sim).parameters) == set(PROPERTIES) - FOR_PROCESSES
