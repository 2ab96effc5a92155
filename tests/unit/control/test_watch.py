"""Changes of a file in all the ways in which they are made."""

import os
from pathlib import Path

import pytest

from fastgate.control.watch import FileWatcher


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fastgate.yaml"
    path.write_text("one")
    return path


def polled_until_rest(watcher: FileWatcher) -> list[bool]:
    return [watcher.poll() for _ in range(4)]


def test_nothing_changed(file: Path) -> None:
    assert not any(polled_until_rest(FileWatcher(file)))


def test_rewritten_in_place(file: Path) -> None:
    watcher = FileWatcher(file)
    file.write_text("another")
    assert polled_until_rest(watcher) == [False, True, False, False]


def test_replaced_by_a_rename(file: Path) -> None:
    watcher = FileWatcher(file)
    new = file.with_suffix(".new")
    new.write_text("two")
    new.replace(file)
    assert sum(polled_until_rest(watcher)) == 1


def test_not_while_it_is_being_written(file: Path) -> None:
    watcher = FileWatcher(file)
    for text in ("a", "ab", "abc", "abcd"):
        file.write_text(text)
        assert not watcher.poll()
    assert watcher.poll()


def test_kubernetes_swaps_a_link_to_the_folder(tmp_path: Path) -> None:
    """`fastgate.yaml -> ..data/fastgate.yaml`, `..data -> ..2030_01_01`; only `..data` is replaced."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "fastgate.yaml").write_text("same length")
        os.utime(tmp_path / name / "fastgate.yaml", ns=(1, 1))
    data, file = tmp_path / "..data", tmp_path / "fastgate.yaml"
    data.symlink_to("first")
    file.symlink_to("..data/fastgate.yaml")
    watcher = FileWatcher(file)
    swapped = tmp_path / "..data_tmp"
    swapped.symlink_to("second")
    swapped.replace(data)
    assert sum(polled_until_rest(watcher)) == 1


def test_gone_is_no_change_and_back_is_one(file: Path) -> None:
    watcher = FileWatcher(file)
    file.unlink()
    assert not any(polled_until_rest(watcher))
    file.write_text("back again")
    assert sum(polled_until_rest(watcher)) == 1


def test_what_was_read_is_no_change(file: Path) -> None:
    watcher = FileWatcher(file)
    file.write_text("another")
    watcher.handled()
    assert not any(polled_until_rest(watcher))
