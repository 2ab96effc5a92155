"""`fastgate sim`: its flags are the simulator's options."""

import inspect
import re
import signal
import subprocess
from pathlib import Path
from typing import get_args, get_type_hints

import httpx
import msgspec
import typer
from tests.support.processes import ChildProcess, fastgate_command, python_environment

from fastgate.cli.sim import sim
from fastgate.sim.options import SimOptions

# Inherited file descriptors: for the supervisor, which starts `python -m fastgate.sim`.
INHERITED = {"fd", "lifeline_fd"}


def test_every_option_is_a_flag_with_the_same_words_and_the_same_default() -> None:
    properties = msgspec.json.schema(SimOptions)["$defs"]["SimOptions"]["properties"]
    flags = get_type_hints(sim, include_extras=True)
    assert set(inspect.signature(sim).parameters) == set(properties) - INHERITED
    for name, schema in properties.items():
        if name in INHERITED:
            continue
        option = next(each for each in get_args(flags[name]) if isinstance(each, typer.models.OptionInfo))
        default = schema.get("default")
        told = "" if default in (None, ()) else f" Default {str(default).removesuffix('.0')}."
        assert option.help == schema["description"] + told


def test_it_answers_until_it_is_told_to_stop(tmp_path: Path) -> None:
    child = ChildProcess(
        fastgate_command("sim", "--port", "0", "--tokens", "3", "--models", "one,two"),
        python_environment(),
        tmp_path,
    )
    try:
        line = child.stdout.wait_for(lambda line: "http://" in line, 20)
        assert line is not None, child.output()
        match = re.search(r"http://\S+", line)
        assert match is not None
        models = httpx.get(f"{match[0]}/models").json()
        assert [model["id"] for model in models["data"]] == ["one", "two"]
        child.signal(signal.SIGINT)
        assert child.wait() == 0
    finally:
        child.stop()


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    child = ChildProcess(fastgate_command("sim", "--port", "0"), python_environment(), tmp_path)
    try:
        line = child.stdout.wait_for(lambda line: "http://" in line, 20)
        assert line is not None, child.output()
        match = re.search(r":([0-9]+)/", line)
        assert match is not None
        second = subprocess.run(
            fastgate_command("sim", "--port", match[1]),
            env=python_environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode == 1
        assert second.stderr.startswith("fastgate: ")
        assert len(second.stderr.splitlines()) == 1
        assert "in use" in second.stderr
    finally:
        child.stop()
