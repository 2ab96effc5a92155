"""The directory that the binary unpacks: an interpreter, its library, and what is installed with it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Final

import msgspec
from deploy.binary import libraries

_ASK: Final = """
import json, os, sys, sysconfig
paths = os.path.realpath(sys._base_executable), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
print(json.dumps(paths))
"""

# Tools, tests, and what is for a terminal, a display, or databases that nobody here has.
_LIBRARY_WITHOUT: Final = {
    *("__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "tkinter"),
    *("turtledemo", "turtle.py", "ensurepip", "venv", "pydoc_data"),
    *("_tkinter", "_curses", "_curses_panel", "readline", "_crypt", "_dbm", "_gdbm", "nis", "ossaudiodev"),
}
_INSTALLED_WITHOUT: Final = {
    *("__pycache__", "tests", "pip", "_virtualenv.py", "_virtualenv.pth"),
    *("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"),
}
_SOURCES: Final = {".pyx", ".pxd", ".pyi", ".c", ".h", ".a"}
# Of the vendors' libraries only the logins are used: botocore brings a description of each service of AWS.
_AWS: Final = PurePath("botocore/data")
_AWS_LOGINS: Final = {"sts", "sso", "sso-oidc", "signin"}
# Alembic reads these as files.
_MIGRATIONS: Final = "fastgate/store/ledger/migrations"


def make(environment: Path, tree: Path) -> list[Path]:
    """Make `tree` of what is installed in the virtual environment `environment`. Returns which libraries of
    this machine went into it."""
    asked = subprocess.run([environment / "bin/python", "-c", _ASK], capture_output=True, check=True).stdout
    interpreter, library, installed = map(Path, msgspec.json.decode(asked, type=tuple[str, str, str]))
    inside = tree / "lib" / library.name
    shutil.copytree(library, inside, ignore=_without(library, _is_unused))
    shutil.copytree(installed, inside / "site-packages", ignore=_without(installed, _is_left_out))
    python = tree / "bin" / "python"
    python.parent.mkdir()
    shutil.copy(interpreter, python)
    libraries.strip(tree)
    copied = libraries.collect(tree, tree / "lib", {python: interpreter})
    _compile(tree)
    return copied


def _is_unused(path: PurePath) -> bool:
    name = path.name
    return (
        name in _LIBRARY_WITHOUT
        or name.partition(".")[0] in _LIBRARY_WITHOUT
        or name.startswith(("config-", "_test", "_xxtest", "_xxsub", "_ctypes_test"))
    )


def _is_left_out(path: PurePath) -> bool:
    return (
        path.name in _INSTALLED_WITHOUT
        or path.suffix in _SOURCES
        or (path.parent == _AWS and path.suffix == "" and path.name not in _AWS_LOGINS)
    )


def _without(root: Path, is_left_out: Callable[[PurePath], bool]) -> Callable[[str, list[str]], set[str]]:
    def ignore(directory: str, names: list[str]) -> set[str]:
        here = PurePath(directory).relative_to(root)
        return {name for name in names if is_left_out(here / name)}

    return ignore


def _compile(tree: Path) -> None:
    """Bytecode in the place of the sources: half as many files, which are not compared with a source."""
    how = ("-q", "-b", "-j0", "--invalidation-mode", "unchecked-hash", "-s", tree)
    subprocess.run([tree / "bin/python", "-I", "-m", "compileall", *how, tree / "lib"], check=True)
    for source in (tree / "lib").rglob("*.py"):
        if _MIGRATIONS not in source.as_posix():
            source.unlink()
