"""`python -m deploy.binary ENVIRONMENT LAUNCHER TARGET`: the single binary, of what is installed in a virtual
environment.

It is the launcher with a zip file at its end. The zip file holds one member, as it is, a compressed tar file,
whose name is that of the directory it is unpacked to.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import zstandard
from deploy.binary import libraries, tree

_LEVEL: Final = 12  # 19 takes five times as long, for 6 % less


def main(environment: Path, launcher: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent.resolve()) as work:
        root = Path(work, "tree")
        for library in tree.make(environment, root):
            print(f"brought along: {library}")
        version = _version(root)
        packed = Path(work, "packed")
        _pack(root, packed)
        whole = Path(work, "whole")
        shutil.copy(launcher, whole)
        with zipfile.ZipFile(whole, "a") as archive:
            digest = hashlib.sha256(packed.read_bytes()).hexdigest()
            archive.write(packed, f"{version}-{digest[:16]}.tar.zst")
        os.replace(whole, target)
        major, minor = libraries.glibc(root)
        unpacked = sum(path.stat().st_size for path in root.rglob("*"))
    print(
        f"{target}: fastgate {version}, {target.stat().st_size / 1e6:.0f} MB, "
        f"{unpacked / 1e6:.0f} MB unpacked; needs glibc {major}.{minor}"
    )


def _version(root: Path) -> str:
    """What the interpreter of the tree says, on its own."""
    command = (root / "bin/python", "-I", "-m", "fastgate", "--version")
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout
    return said.split()[-1]


def _pack(root: Path, packed: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=-1)
    with (
        packed.open("wb") as file,
        compressor.stream_writer(file) as stream,
        tarfile.open(mode="w|", fileobj=stream) as archive,
    ):
        for path in sorted(root.rglob("*")):
            entry = tarfile.TarInfo(path.relative_to(root).as_posix())
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
                entry.size = path.stat().st_size
                with path.open("rb") as source:
                    archive.addfile(entry, source)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
