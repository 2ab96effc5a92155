"""The directory of the shared files: made, or left as it is."""

import os
from pathlib import Path

import pytest

from fastgate.store.data_dir import MAX_SOCKET_PATH, DataDir


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_is_made_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "parent" / "data"
    assert DataDir(path).create() == []
    assert mode(path) == 0o700


@pytest.mark.parametrize("bits", [0o700, 0o2770, 0o1777, 0o755])
def test_one_that_is_there_keeps_its_mode(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(bits)
    warnings = DataDir(path).create()
    assert mode(path) == bits
    assert any(f"mode {bits & 0o777:04o}" in warning for warning in warnings) is bool(bits & 0o007)


def test_files_of_others_are_spoken_of(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    (path / "letter.txt").write_text("")
    assert ["not the gateway's" in warning for warning in DataDir(path).create()] == [True]
    (path / "lock").write_text("")
    assert DataDir(path).create() == []


def test_the_root_directory_is_refused() -> None:
    with pytest.raises(ValueError, match="root directory"):
        DataDir("/").create()


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(NotADirectoryError):
        DataDir(tmp_path / "data").create()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_that_is_not_ours_to_write(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(PermissionError):
        DataDir(tmp_path / "data").create()


def test_a_path_too_long_for_the_socket(tmp_path: Path) -> None:
    room = MAX_SOCKET_PATH - len(os.fsencode(tmp_path)) - len("//control.sock")
    assert DataDir(tmp_path / ("x" * room)).create() == []
    with pytest.raises(ValueError, match=f"has {MAX_SOCKET_PATH + 1} bytes.*may have {MAX_SOCKET_PATH}"):
        DataDir(tmp_path / ("x" * (room + 1))).create()


def test_leftovers_go_and_nothing_else(tmp_path: Path) -> None:
    stay = ["snapshot", "counters", "lock", "responses.damaged-17", "snapshot.tmp", "counters.backup"]
    stay += ["metrics/worker-1.metrics", "metrics/notes"]
    go = ["snapshot.4711.tmp", "counters.0123456789abcdef", "metrics/worker-1.metrics.0123456789abcdef"]
    (tmp_path / "metrics").mkdir()
    for name in (*stay, *go):
        (tmp_path / name).write_text("")
    DataDir(tmp_path).remove_leftovers()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(stay)
