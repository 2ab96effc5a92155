"""Commands on a data directory that a newer version has written."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

NEWER = b'{"directory":99,"fastgate":"9.9.9"}'


@pytest.mark.parametrize(
    "command",
    [
        ("keys", "issue", "vk_acme"),
        ("keys", "list"),
        ("prices", "rollback"),
        ("audit",),
        ("serve",),
        ("status",),
    ],
    ids=" ".join,
)
def test_refused_before_anything_is_touched(
    configured: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    (directory / "layout").write_bytes(NEWER)
    done = configured(*command)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "was written by fastgate 9.9.9 (layout 99)" in done.stderr
    assert [path.name for path in directory.iterdir()] == ["layout"]
    assert (directory / "layout").read_bytes() == NEWER
