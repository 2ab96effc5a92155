"""Shared libraries: what a tree of files needs beyond glibc is copied into it, and found there."""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

_GLIBC: Final = re.compile(
    r"(?:lib(?:c|m|dl|rt|pthread|util|resolv|nsl|anl|mvec)\.so\.\d|ld-linux-.*\.so\.\d|linux-vdso\.so\.\d)"
)
_GLIBC_VERSION: Final = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?=[\0.])")
_RESOLVED: Final = re.compile(r"^\s*(?:(\S+) => )?(/\S+) \(0x", re.MULTILINE)
_MISSING: Final = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)


def binaries(tree: Path) -> Iterator[Path]:
    """Every ELF file below `tree`."""
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def glibc(tree: Path) -> tuple[int, int]:
    """The oldest glibc that has every symbol that is asked for."""
    return max(
        (int(major), int(minor))
        for path in binaries(tree)
        for major, minor in _GLIBC_VERSION.findall(path.read_bytes())
    )


def collect(tree: Path, lib: Path, origins: Mapping[Path, Path]) -> list[Path]:
    """Copy to `lib`, a directory in `tree`, what is needed and neither in `tree` nor of glibc, and write into
    each file where it is. `origins` says where those came from that find their own only from there. Returns
    where the copies came from."""
    waiting = list(binaries(tree))
    # A wheel's own: those who load them say where they are, not they themselves.
    brought = {path.name for path in waiting}
    copied: list[Path] = []
    while waiting:
        path = waiting.pop()
        needed = {Path(name).name for name in _patchelf("--print-needed", path).split()}
        outside = {
            name: source
            for name, source in _resolve(origins.get(path, path), brought).items()
            if name in needed and not _GLIBC.fullmatch(name) and not source.is_relative_to(tree)
        }
        for name, source in outside.items():
            copy = lib / name
            if not copy.exists():
                shutil.copyfile(source, copy)
                _strip(copy)
                copied.append(source)
                waiting.append(copy)
        if outside:
            own = [each for each in _patchelf("--print-rpath", path).strip().split(":") if "$ORIGIN" in each]
            found = [*own, f"$ORIGIN/{os.path.relpath(lib, path.parent)}"]
            _patchelf("--set-rpath", ":".join(found), path)
    return copied


def strip(tree: Path) -> None:
    """Without symbols for debuggers, but for files that patchelf has changed, which strip would break."""
    for path in binaries(tree):
        if "$ORIGIN" not in _patchelf("--print-rpath", path) and not path.parent.name.endswith(".libs"):
            _strip(path)


def _resolve(path: Path, brought: Collection[str]) -> dict[str, Path]:
    """Where the dynamic linker finds what `path` and its libraries need, by name."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    if missing := set(_MISSING.findall(said)).difference(brought):
        raise SystemExit(f"{path} needs {', '.join(missing)}, which this machine has not")
    return {name or Path(source).name: Path(source).resolve() for name, source in _RESOLVED.findall(said)}


def _strip(path: Path) -> None:
    subprocess.run(["strip", "--strip-unneeded", path], check=True)


def _patchelf(option: str, *arguments: str | Path) -> str:
    return subprocess.run(["patchelf", option, *arguments], capture_output=True, text=True, check=True).stdout
