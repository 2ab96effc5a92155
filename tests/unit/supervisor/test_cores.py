import os
from pathlib import Path

import pytest

from fastgate.supervisor.cores import usable_cores

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", ALL),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("150000 100000\n", min(ALL, 2)),
        ("99900000 100000\n", ALL),
        ("nonsense", ALL),
    ],
)
def test_a_containers_limit_counts(tmp_path: Path, text: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert usable_cores(file) == cores


def test_without_a_limit_it_is_the_affinity(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none") == ALL
