"""The .pyi files of _core are the contract that everybody else is checked against: they must be true."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = (
    "accounts",
    "bucket",
    "budget",
    "holds",
    "journal",
    "jsonscan",
    "literals",
    "mapfile",
    "metrics",
    "rows",
    "shm",
    "sse",
)

# What Cython puts into each module and class.
ALLOWED = r"fastgate\._core\..*\.__(reduce_cython|setstate_cython|test|pyx_capi)__"


def test_every_module_has_a_stub_and_is_in_this_test() -> None:
    core = Path(__file__).parents[2] / "src/fastgate/_core"
    assert tuple(sorted(path.stem for path in core.glob("*.pyx"))) == MODULES
    assert tuple(sorted(path.stem for path in core.glob("*.pyi"))) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_signatures_can_be_read(module: str) -> None:
    """Without `binding` and `embedsignature` stubtest would compare nothing, and pass."""
    members = vars(importlib.import_module(f"fastgate._core.{module}"))
    classes = [member for member in members.values() if inspect.isclass(member)]
    functions = [member for owner in (members, *map(vars, classes)) for member in owner.values()]
    for function in functions:
        if type(function).__name__ == "cython_function_or_method":
            inspect.signature(function)
    assert any(map(inspect.isroutine, functions)), "nothing to compare"


def test_stubs_match_the_built_modules(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="stubtest comes with mypy, of the lint group")
    allowlist = tmp_path / "allowlist"
    allowlist.write_text(ALLOWED + "\n")
    path = os.pathsep.join(
        filter(None, [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH")])
    )
    result = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "--ignore-unused-allowlist", "--allowlist", str(allowlist)]
        + [f"fastgate._core.{module}" for module in MODULES],
        env={**os.environ, "MYPYPATH": path, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
