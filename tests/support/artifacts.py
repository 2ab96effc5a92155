"""What make builds to be given away, for the tests of distribution: they build nothing themselves."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCES: Final = ROOT / "src"

_MADE: Final = {".so", ".c", ".html", ".pyc"}


def source_files() -> Iterator[Path]:
    """All below src that somebody wrote."""
    for path in SOURCES.rglob("*"):
        made = path.suffix in _MADE or any(part.endswith(".egg-info") for part in path.parts)
        if path.is_file() and not made:
            yield path


def artifact(stamp: str) -> Path:
    """The path `stamp`, which `make STAMP` builds. Where it is missing, or older than a source, the test is
    skipped; in CI, where `make test` has built it, it fails."""
    path = ROOT / stamp
    if not path.exists():
        reason = "is not built"
    elif newer := [source for source in source_files() if source.stat().st_mtime > path.stat().st_mtime]:
        reason = f"is older than {newer[0].relative_to(ROOT)}"
    else:
        return path
    message = f"{stamp} {reason}: run make {stamp}"
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)
