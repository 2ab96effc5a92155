from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.processes import Process
from tests.support import journal_roles

from fastgate._core.journal import JournalWriter, segment_numbers
from fastgate.ledger.journal_dir import JournalDir

SEGMENT = 4096

Spawn = Callable[..., Process]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    spawned = []

    def one(role: Callable[..., object], *args: object) -> Process:
        spawned.append(Process(role, *args))
        return spawned[-1]

    yield one
    for process in spawned:
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journals(path: Path) -> JournalDir:
    return JournalDir(path)


def test_nobody_has_started_yet(journals: JournalDir) -> None:
    assert journals.writers() == []
    assert journals.total_bytes() == 0
    journals.remove_leftovers()


def test_a_life_has_a_directory_of_its_own(journals: JournalDir, path: Path) -> None:
    first, second = journals.create(), journals.create()
    assert journals.writers() == sorted([first.writer, second.writer])
    assert first.path == path / first.writer
    assert first.holds == first.path / "holds"
    assert len(first.writer) == 16
    assert int(first.writer, 16) >= 0
    assert {each.stat().st_mode & 0o777 for each in (path, first.path)} == {0o700}
    assert (first.path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_process_knows_its_own_writers_without_losing_their_locks(
    journals: JournalDir, path: Path, spawn: Spawn
) -> None:
    own = journals.create()
    for _ in range(3):
        assert journals.alive(own.writer)
        assert journals.claim(own.writer) is None
    # What another process sees.
    seen = spawn(journal_roles.claims, path, own.writer)
    seen.start()
    assert seen.result() == {"alive": True, "claimed": False}
    own.close()
    own.close()
    assert not journals.alive(own.writer)


def test_a_living_writer_is_told_from_a_killed_one(journals: JournalDir, path: Path, spawn: Spawn) -> None:
    process = spawn(journal_roles.live, path, 1)
    (writer,) = journals.writers()
    for _ in range(3):
        assert journals.alive(writer)
        assert journals.claim(writer) is None
    process.kill()
    assert not journals.alive(writer)
    claimed = journals.claim(writer)
    assert claimed is not None
    assert claimed.writer == writer
    # By this process, that is.
    assert journals.alive(writer)
    assert journals.claim(writer) is None
    claimed.close()
    assert not journals.alive(writer)


def test_a_child_does_not_inherit_the_lock(path: Path, spawn: Spawn) -> None:
    process = spawn(journal_roles.outlived_by_a_child, path)
    process.start()
    assert process.result() == {"alive": False, "child": "here"}


def test_two_processes_do_not_claim_one_writer(journals: JournalDir, path: Path, spawn: Spawn) -> None:
    dead = journals.create()
    dead.close()
    claimed = journals.claim(dead.writer)
    assert claimed is not None
    other = spawn(journal_roles.claims, path, dead.writer)
    other.start()
    assert other.result() == {"alive": True, "claimed": False}
    claimed.close()
    other = spawn(journal_roles.claims, path, dead.writer)
    other.start()
    assert other.result() == {"alive": False, "claimed": True}


def test_a_directory_without_a_lock_is_a_dead_writers(journals: JournalDir) -> None:
    """A power cut can lose a file that was never synced."""
    dead = journals.create()
    dead.close()
    (dead.path / "lock").unlink()
    assert not journals.alive(dead.writer)
    assert journals.claim(dead.writer) is not None


def test_one_that_has_been_removed(journals: JournalDir, path: Path) -> None:
    path.mkdir()
    for call in (journals.alive, journals.claim):
        with pytest.raises(FileNotFoundError):
            call("0123456789abcdef")
    assert journals.bytes_of("0123456789abcdef") == 0
    assert journals.writers() == []


def test_bytes_are_those_of_all_segments(journals: JournalDir) -> None:
    first, second = journals.create(), journals.create()
    first.holds.write_bytes(bytes(100))
    for directory, records in ((first, 1), (second, 7)):
        writer = JournalWriter(str(directory.path), SEGMENT)
        for _ in range(records):
            writer.prepare()
            writer.append(bytes(3000))
        writer.prepare()
    # One record a segment, and a spare one.
    assert journals.bytes_of(first.writer) == 2 * SEGMENT
    assert journals.bytes_of(second.writer) == 8 * SEGMENT
    assert journals.total_bytes() == 10 * SEGMENT


def test_drained_segments_of_a_living_writer_are_removed(journals: JournalDir) -> None:
    directory = journals.create()
    writer = JournalWriter(str(directory.path), SEGMENT)
    for _ in range(5):
        writer.prepare()
        writer.append(bytes(3000))
    assert journals.remove_segments(directory.writer, 4) == 3
    assert journals.remove_segments(directory.writer, 4) == 0
    assert segment_numbers(str(directory.path)) == [4, 5]
    writer.sync()
    writer.prepare()
    assert writer.append(bytes(3000)) == 6


def test_a_drained_dead_writer_is_removed(journals: JournalDir, path: Path, spawn: Spawn) -> None:
    process = spawn(journal_roles.live, path, 3)
    (writer,) = journals.writers()
    process.kill()
    claimed = journals.claim(writer)
    assert claimed is not None
    journals.remove(claimed)
    assert claimed.closed
    assert journals.writers() == []
    assert list(path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        journals.alive(writer)


def test_only_what_is_claimed_is_removed(journals: JournalDir, path: Path) -> None:
    closed = journals.create()
    closed.close()
    foreign = JournalDir(path).create()
    for directory in (closed, foreign):
        with pytest.raises(ValueError, match="not claimed"):
            journals.remove(directory)
    assert len(journals.writers()) == 2
    foreign.close()


def test_leftovers_of_killed_processes_are_removed(journals: JournalDir, path: Path) -> None:
    kept = journals.create()
    # Killed between mkdir and rename, and in the middle of remove().
    (path / ".0123456789abcdef").mkdir()
    (path / ".fedcba9876543210").mkdir()
    (path / ".fedcba9876543210" / "0000000000000002.seg").write_bytes(bytes(10))
    (path / ".hidden").mkdir()
    assert journals.writers() == [kept.writer]
    journals.remove_leftovers()
    assert sorted(each.name for each in path.iterdir()) == [".hidden", kept.writer]


def test_a_life_that_cannot_be_created_leaves_no_writer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        JournalDir(tmp_path / "absent" / "journal").create()
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(FileExistsError):
        JournalDir(tmp_path / "journal").create()
