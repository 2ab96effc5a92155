import os
import threading
from pathlib import Path

import pytest
from tests.support.events import recorded

from fastgate._core.journal import JournalWriter, segment_path
from fastgate.ledger.sync import EACH, NEVER, Sync

MS = 1_000_000


@pytest.fixture
def journal(tmp_path: Path) -> JournalWriter:
    writer = JournalWriter(str(tmp_path), 4096)
    writer.prepare()
    return writer


def append(journal: JournalWriter) -> None:
    """Each into a segment of its own."""
    journal.append(bytes(3000))
    journal.prepare()


def fail_to_sync(directory: Path) -> Path:
    """What has to be removed so that the disk is well again: what was the first segment."""
    first = Path(segment_path(str(directory), 1))
    first.unlink()
    first.symlink_to("/proc/self/status")
    return first


def test_each_record_is_on_the_disk_before_its_call_is_settled(journal: JournalWriter) -> None:
    sync = Sync(journal, EACH)
    for number in range(1, 6):
        append(journal)
        sync.appended()
        assert journal.synced == number
    sync.tick(10**18)
    sync.close()


def test_none_leaves_it_to_the_kernel(journal: JournalWriter) -> None:
    sync = Sync(journal, NEVER)
    append(journal)
    sync.appended()
    sync.tick(10**18)
    sync.close()
    assert journal.synced == 0


def test_an_interval_in_a_thread(journal: JournalWriter) -> None:
    sync = Sync(journal, 100)
    append(journal)
    sync.appended()
    assert journal.synced == 0
    sync.tick(1_000 * MS)
    append(journal)
    # Not before its time, whether or not the first one has ended.
    sync.tick(1_099 * MS)
    sync.close()
    assert journal.synced == 2, "what is left is synced at the end"
    append(journal)
    sync.tick(1_100 * MS)
    sync.close()
    assert journal.synced == 3


def test_no_thread_where_there_is_nothing_to_sync(journal: JournalWriter) -> None:
    sync = Sync(journal, 100)
    threads = threading.active_count()
    for now in range(1, 10):
        sync.tick(now * 1_000 * MS)
    assert threading.active_count() == threads
    sync.close()


def test_a_slow_disk_holds_nobody_up(journal: JournalWriter, tmp_path: Path) -> None:
    """A named pipe blocks whoever opens it, as a disk might."""
    sync = Sync(journal, 1)
    append(journal)
    append(journal)
    first = Path(segment_path(str(tmp_path), 1))
    first.unlink()
    os.mkfifo(first)
    for now in range(1, 5):
        sync.tick(now * 1_000 * MS)
        append(journal)
    assert journal.synced == 0
    # Opens as soon as the thread has come to it.
    with first.open("wb"):
        first.unlink()
    sync.close()
    assert journal.synced == journal.sequence == 6
    assert sync.failing == ""


@pytest.mark.parametrize("every_ms", [EACH, 100])
def test_a_failing_disk_is_said_once_and_tried_again(
    journal: JournalWriter, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, every_ms: int
) -> None:
    sync = Sync(journal, every_ms)
    append(journal)
    append(journal)
    lost = fail_to_sync(tmp_path)
    with recorded(tmp_path_factory.mktemp("log") / "log") as lines:
        for now in (1, 2):
            sync.appended()
            sync.tick(now * 1_000 * MS)
            # Waits for the thread.
            sync.close()
            assert sync.failing == "OSError: Invalid argument"
        events = [line["message"] for line in lines()]
        assert events == ["the journal cannot be brought to the disk"]
    assert journal.synced == 0
    lost.unlink()
    sync.appended()
    sync.tick(3_000 * MS)
    sync.close()
    assert (journal.synced, sync.failing) == (2, "")


def test_the_policy_can_be_changed(journal: JournalWriter) -> None:
    sync = Sync(journal, NEVER)
    append(journal)
    sync.appended()
    sync.every_ms = EACH
    append(journal)
    sync.appended()
    assert journal.synced == 2
    sync.close()
