import stat
from pathlib import Path

import msgspec
import pytest

from fastgate.domain.snapshot import Snapshot, Worker
from fastgate.store import snapshot as snapshot_file


def snapshot(generation: int) -> Snapshot:
    return Snapshot(
        generation=generation, worker=Worker(), providers={}, deployments={}, serves={}, routes={}
    )


def write(path: Path, snapshot: Snapshot) -> None:
    with snapshot_file.replacing(path, snapshot):
        pass


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    for generation in (1, 2):
        write(path, snapshot(generation))
        assert snapshot_file.read(path) == snapshot(generation)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_another_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(msgspec.msgpack.encode({"format": 99, "whatever": 1}))
    with pytest.raises(ValueError, match="snapshot of format 99, this version reads"):
        snapshot_file.read(path)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02", msgspec.msgpack.encode({"format": 1})])
def test_what_is_no_snapshot(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="snapshot"):
        snapshot_file.read(path)


def test_a_failed_write_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.mkdir()
    with pytest.raises(OSError, match="snapshot"), snapshot_file.replacing(path, snapshot(1)):
        raise AssertionError("the body is for when nothing can fail any more")
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_in_between_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write(path, snapshot(1))
    writing = snapshot_file.replacing(path, snapshot(2))
    writing.__enter__()
    assert snapshot_file.read(path).generation == 1
    assert not writing.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert snapshot_file.read(path).generation == 1
    assert list(tmp_path.iterdir()) == [path]
