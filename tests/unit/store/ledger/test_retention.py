import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.conftest import FakeClock
from tests.support.ledger_entries import START_NS, WRITER, drained, ledger_entry

from fastgate.domain.account import Level
from fastgate.store.ledger.archive_file import ArchiveFormat, read_rows
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerUnavailable, LedgerUnusable
from fastgate.store.ledger.read import Archive, archives, batches, positions, rows
from fastgate.store.ledger.retention import archive, verify_archive
from fastgate.store.ledger.rollup import HOUR_NS, rebuild
from fastgate.store.ledger.rows import Row
from fastgate.store.ledger.spend import spent_by
from fastgate.store.ledger.write import LedgerAppender

BATCHES = 6
EACH = 3
HALF_HOUR_NS = HOUR_NS // 2
FIRST_HOUR_NS = START_NS - START_NS % HOUR_NS


@pytest.fixture
def filled(ledger: LedgerDatabase, fake_clock: FakeClock) -> LedgerDatabase:
    """A batch every half hour, the first at FIRST_HOUR_NS, each written when its entries were admitted."""
    appender = LedgerAppender(ledger)
    for batch in range(BATCHES):
        fake_clock.wall = FIRST_HOUR_NS + batch * HALF_HOUR_NS
        numbers = range(batch * EACH + 1, (batch + 1) * EACH + 1)
        entries = (ledger_entry(number, admitted_ns=fake_clock.wall, cost=number) for number in numbers)
        appender.append([drained(*entries, after=batch * EACH)])
    return ledger


def _after(number_of_batches: int) -> int:
    return FIRST_HOUR_NS + number_of_batches * HALF_HOUR_NS


def _all(database: LedgerDatabase, before_ns: int, directory: Path, form: ArchiveFormat) -> Iterator[Archive]:
    while (kept := archive(database, before_ns, directory, form, max_entries=2 * EACH)) is not None:
        yield kept


@pytest.mark.parametrize("form", list(ArchiveFormat))
def test_old_batches_go_to_files_that_have_just_what_was_there(
    filled: LedgerDatabase, tmp_path: Path, form: ArchiveFormat
) -> None:
    before: list[Row] = list(rows(filled))
    hashes = {batch.number: (batch.hash, batch.written_ns) for batch in batches(filled)}
    kept = list(_all(filled, _after(3), tmp_path / "old", form))
    assert kept == archives(filled)
    assert [(one.first_batch, one.last_batch, one.first_entry, one.last_entry) for one in kept] == [
        (1, 2, 1, 6),
        (3, 3, 7, 9),
    ]
    assert [one.hash for one in kept] == [hashes[2][0], hashes[3][0]]
    assert [one.until_ns for one in kept] == [FIRST_HOUR_NS + HOUR_NS, FIRST_HOUR_NS + 2 * HOUR_NS]
    assert {path.name for path in (tmp_path / "old").iterdir()} == {one.file for one in kept}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "old").iterdir()} == {0o600}
    found = [row for one in kept for row in read_rows(tmp_path / "old" / one.file)]
    assert found == [(*row, hashes[row[1]][1]) for row in before[:9]]
    assert [verify_archive(one, tmp_path / "old") for one in kept] == ["", ""]
    assert list(rows(filled)) == before[9:]
    assert [batch.number for batch in batches(filled)] == [4, 5, 6]
    assert next(batches(filled)).previous_hash == kept[-1].hash
    assert positions(filled)[WRITER].archived == 9


def test_the_chain_goes_on_and_the_last_batch_stays(filled: LedgerDatabase, tmp_path: Path) -> None:
    kept = archive(filled, 2**62, tmp_path)
    assert kept is not None
    assert archive(filled, 2**62, tmp_path) is None
    (last,) = batches(filled)
    assert (last.number, last.previous_hash) == (BATCHES, kept.hash)
    LedgerAppender(filled).append([drained(ledger_entry(100), after=BATCHES * EACH)])
    new = next(batches(filled, after=BATCHES))
    assert (new.number, new.first_entry, new.previous_hash) == (BATCHES + 1, BATCHES * EACH + 1, last.hash)
    assert positions(filled)[WRITER][1:] == (BATCHES * EACH + 1, 1, 64 * 19, False, 15)


def test_without_a_directory_they_are_only_deleted(filled: LedgerDatabase) -> None:
    kept = archive(filled, _after(2), None)
    assert kept is not None
    assert (kept.file, kept.sha256, kept.last_entry) == ("", "", 6)
    assert [row[0] for row in rows(filled)] == list(range(7, 19))


def test_what_was_spent_is_still_known_and_an_archived_hour_counts_whole(
    filled: LedgerDatabase, tmp_path: Path
) -> None:
    """Batches of two half hours in each hour: costs 1+2+3, 4+5+6 | 7+8+9, 10+11+12 | 13+14+15, 16+17+18."""

    def spent(since_ns: int, until_ns: int) -> int:
        return spent_by(filled, Level.GATEWAY, since_ns, until_ns)[""]

    assert spent(_after(1), _after(3)) == 15 + 24
    archive(filled, _after(1), tmp_path)
    assert spent(0, _after(99)) == 171
    assert spent(_after(1), _after(3)) == 24  # the first hour began before
    assert spent(0, _after(1)) == 21
    assert spent(_after(2), _after(3)) == 24  # nothing of this hour is archived
    rebuild(filled)
    assert spent(0, _after(99)) == 171
    assert spent(0, _after(1)) == 21


def test_a_file_that_was_changed_is_named(filled: LedgerDatabase, tmp_path: Path) -> None:
    kept = archive(filled, _after(2), tmp_path, ArchiveFormat.CSV)
    assert kept is not None
    path = tmp_path / kept.file
    good = path.read_bytes()
    path.write_bytes(good[:-20] + bytes((good[-20] ^ 1,)) + good[-19:])
    assert "is not the file that was written" in verify_archive(kept, tmp_path)
    path.unlink()
    assert "No such file" in verify_archive(kept, tmp_path)
    lines = gzip.decompress(good).splitlines(keepends=True)
    changes = {
        b"".join(lines)
        .replace(b",1300000,", b",1300001,")
        .replace(b"vk_acme", b"vk_acmf", 1): "does not match",
        b"".join(lines[:-1]): "has not all that was archived",
        b"".join([lines[0], *lines[4:]]): "has batch 2 where 1 belongs",
        b"".join(lines[1:]): "it has other columns",
        b"".join([*lines, b"x\n"]): "",
    }
    for content, reason in changes.items():
        path.write_bytes(gzip.compress(content))
        assert reason in verify_archive(kept._replace(sha256=_sha256(path)), tmp_path)
        assert verify_archive(kept._replace(sha256=_sha256(path)), tmp_path)
    path.write_bytes(good[:-20])
    assert verify_archive(kept._replace(sha256=_sha256(path)), tmp_path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_tampered_with_is_not_archived(filled: LedgerDatabase, tmp_path: Path) -> None:
    with filled.writing() as connection:
        connection.execute(text("UPDATE entries SET cost = 0 WHERE number = 5"))
    before = list(rows(filled))
    with pytest.raises(LedgerUnusable, match="batch 2 is not as it was written"):
        archive(filled, _after(3), tmp_path)
    assert list(rows(filled)) == before
    assert archives(filled) == []


def test_what_is_left_of_an_archiving_that_was_killed_is_done_again(
    filled: LedgerDatabase, tmp_path: Path
) -> None:
    """Killed between file and transaction: the file is there, and the entries still are, too."""
    (tmp_path / "entries-000000000001-000000000003.parquet").write_bytes(b"old")
    (tmp_path / "entries-000000000001-000000000006.csv.gz.tmp").write_bytes(b"half")
    kept = archive(filled, _after(2), tmp_path, ArchiveFormat.CSV)
    assert kept is not None
    assert {path.name for path in tmp_path.glob("entries-*")} == {kept.file}
    assert verify_archive(kept, tmp_path) == ""


def test_a_directory_that_cannot_be_written_keeps_the_entries(filled: LedgerDatabase, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerUnavailable, match="file"):
        archive(filled, _after(2), tmp_path / "file")
    assert len(list(rows(filled))) == BATCHES * EACH
