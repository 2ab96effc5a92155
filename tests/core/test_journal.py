import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.core import journal_processes
from tests.core.conftest import Spawn
from tests.reference import journal as reference

from fastgate._core import journal

GRAIN = 4096
STOPS = (
    journal.LIMIT,
    journal.END,
    journal.SEALED,
    journal.FINISHED,
    journal.TORN,
    journal.DAMAGED,
    journal.GAP,
)

Records = list[tuple[int, bytes, int]]


def segment(directory: Path | str, number: int = 1) -> Path:
    return Path(journal.segment_path(str(directory), number))


class Journals(RuleBasedStateMachine):
    """A writer, readers that follow it, fresh readers each time, and the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.writer = journal.JournalWriter(self.directory.name, GRAIN)
        self.oracle = reference.JournalWriter(GRAIN)
        self.followers: dict[int, journal.SegmentReader] = {}
        self.followed: dict[int, Records] = {}

    def teardown(self) -> None:
        self.writer.close()
        self.directory.cleanup()

    def both(self, call: Callable[[Any], object]) -> None:
        try:
            expected = call(self.oracle)
        except (ValueError, BufferError) as error:
            with pytest.raises(type(error)):
                call(self.writer)
            return
        assert call(self.writer) == expected

    @rule(
        length=st.integers(0, 100) | st.integers(0, GRAIN) | st.integers(GRAIN - 60, GRAIN), fill=st.binary()
    )
    def append(self, length: int, fill: bytes) -> None:
        payload = (fill * length)[:length] or bytes(length)
        self.both(lambda journal: journal.append(payload))

    @rule()
    def prepare(self) -> None:
        self.both(lambda journal: journal.prepare())

    @rule()
    def sync(self) -> None:
        self.writer.sync()

    @rule(chance=st.integers(0, 9))
    def seal(self, chance: int) -> None:
        if chance == 0:
            self.both(lambda journal: journal.seal())

    @rule(limit=st.integers(0, 5))
    def follow(self, limit: int) -> None:
        for number in journal.segment_numbers(self.directory.name):
            if number > self.oracle.segments:
                continue  # the spare one, whose first number nobody knows
            if number not in self.followers:
                path = str(segment(self.directory.name, number))
                self.followers[number] = journal.SegmentReader(path, 0, self.before(number))
                self.followed[number] = []
            self.followed[number] += self.followers[number].read(limit, True)

    def parts(self, number: int) -> list[tuple[int, int, bytes]]:
        return self.oracle.parts[number - 1] if number <= self.oracle.segments else []

    def before(self, number: int) -> int:
        """The last record in front of the segment."""
        return self.parts(number)[0][1] - 1 if self.parts(number) else self.oracle.sequence

    @invariant()
    def same(self) -> None:
        for name in ("sequence", "written_bytes", "segments", "room", "largest"):
            assert getattr(self.writer, name) == getattr(self.oracle, name), name
        numbers = journal.segment_numbers(self.directory.name)
        assert numbers == list(range(1, self.oracle.files() + 1))
        for number in numbers:
            path = segment(self.directory.name, number)
            data = path.read_bytes()
            assert data == self.oracle.image(number, data[8:12])
            before = self.before(number)
            for living in (True, False):
                core = journal.SegmentReader(str(path), 0, before)
                oracle = reference.SegmentReader(data, 0, before)
                assert core.read(100, living) == oracle.read(100, living)
                assert (core.stop, core.found, core.offset) == (oracle.stop, None, oracle.offset)
                core.close()

    @invariant()
    def followers_have_seen_the_beginning(self) -> None:
        for number, records in self.followed.items():
            own = [(sequence, payload) for stop, sequence, payload in self.parts(number) if not stop]
            assert [record[:2] for record in records] == own[: len(records)]


Journals.TestCase.settings = settings(stateful_step_count=30)
test_against_the_oracle = Journals.TestCase


def test_what_is_promised_fits_whatever_the_sizes(tmp_path: Path) -> None:
    for number, size in enumerate((1, 7, 8, 9, 500, 1361, 2000, 4047)):
        directory = tmp_path / str(number)
        directory.mkdir()
        writer = journal.JournalWriter(str(directory), GRAIN)
        for steps in range(40):
            writer.prepare()
            room = writer.room
            while room >= size + journal.RECORD_OVERHEAD:
                room -= size + journal.RECORD_OVERHEAD
                writer.append(bytes(size))
            writer.prepare()
            writer.append(b"x" * (1 + steps * 97))


def test_the_largest_payload_fills_a_segment(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    writer.prepare()
    writer.append(b"a" * writer.largest)
    writer.append(b"b" * writer.largest)
    with pytest.raises(BufferError):
        writer.append(b"c")
    first, second = (journal.SegmentReader(str(segment(tmp_path, n)), 0, n - 1) for n in (1, 2))
    assert [record[1] for record in first.read(2, True)] == [b"a" * writer.largest]
    assert first.stop == journal.SEALED
    assert [record[1] for record in second.read(2, True)] == [b"b" * writer.largest]
    assert second.stop == journal.END


def test_files_are_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    writer.prepare()
    assert sorted(tmp_path.iterdir()) == [segment(tmp_path, 1), segment(tmp_path, 2)]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    writer.seal()
    assert list(tmp_path.iterdir()) == [segment(tmp_path, 1)]


def test_blocks_are_reserved(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path))
    writer.prepare()
    assert [path.stat().st_blocks * 512 >= 4 << 20 for path in tmp_path.iterdir()] == [True, True]


def test_a_full_disk_is_an_error_of_prepare_and_no_signal(spawn: Spawn, tmp_path: Path) -> None:
    process = spawn(journal_processes.prepare_beyond_limit, tmp_path, 3, 1 << 16)
    process.start()
    a_segment = ((1 << 16) - 32) // (1000 + 16)
    assert process.result() == {
        "errors": ["BufferError", "OSError", "OSError"],
        # The rest of one segment, and the spare one.
        "fitted": 2 * a_segment - 1,
        "next": 1,
    }
    assert journal.segment_numbers(str(tmp_path)) == [1, 2, 3, 4, 5]
    assert len(list(tmp_path.iterdir())) == 5, "a failed allocation leaves nothing"


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    journal.JournalWriter(str(tmp_path), GRAIN).prepare()
    with pytest.raises(ValueError, match="another writer"):
        journal.JournalWriter(str(tmp_path), GRAIN)


@pytest.mark.parametrize("size", [0, -4096, 1, 4095, 6000, (1 << 30) + 4096])
def test_sizes_that_are_none(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        journal.JournalWriter(str(tmp_path), size)


def test_errors_of_the_writer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        journal.JournalWriter(str(tmp_path / "absent"), GRAIN)
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    with pytest.raises(BufferError):
        writer.append(b"before prepare")
    writer.sync()
    writer.prepare()
    for no_payload in ("text", None, bytearray(b"x")):
        with pytest.raises(TypeError):
            writer.append(no_payload)  # type: ignore[arg-type]  # what this test is about
    for payload in (b"", bytes(writer.largest + 1)):
        with pytest.raises(ValueError, match="1 to 4048 fit"):
            writer.append(payload)
    assert (writer.sequence, writer.written_bytes) == (0, 0)
    writer.seal()
    writer.seal()
    writer.prepare()
    with pytest.raises(ValueError, match="sealed"):
        writer.append(b"after seal")
    writer.close()
    writer.close()
    calls: list[Callable[[], object]] = [
        lambda: writer.append(b"x"),
        writer.prepare,
        writer.sync,
        writer.seal,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()
    assert writer.room == 0


def test_errors_of_the_reader(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        journal.SegmentReader(str(segment(tmp_path)))
    journal.JournalWriter(str(tmp_path), GRAIN).prepare()
    for offset, sequence in ((8, 0), (17, 0), (16, -1)):
        with pytest.raises(ValueError, match="no record can end"):
            journal.SegmentReader(str(segment(tmp_path)), offset, sequence)
    reader = journal.SegmentReader(str(segment(tmp_path)))
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(1, True)
    with pytest.raises(IsADirectoryError):
        journal.SegmentReader(str(tmp_path)).read(1, True)


def test_sync_goes_through_all_segments_since_the_last_time(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    for i in range(20):
        writer.prepare()
        writer.append(bytes(1 + i * 200))
        if i % 7 == 0:
            writer.sync()
        assert writer.synced == 1 + i // 7 * 7
    segment(tmp_path, 1).unlink()  # drained in the meantime
    writer.sync()
    assert writer.synced == writer.sequence
    writer.seal()
    writer.sync()


def test_sync_beside_appends_and_close(tmp_path: Path) -> None:
    """In a thread of its own, over many segments, until the journal is closed under it."""
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    writer.prepare()
    begun = threading.Event()
    seen: list[int] = []

    def sync() -> None:
        while True:
            try:
                writer.sync()
            except ValueError:  # closed
                return
            seen.append(writer.synced)
            begun.set()

    thread = threading.Thread(target=sync)
    thread.start()
    for _ in range(3000):
        writer.append(bytes(500))
        writer.prepare()
    begun.wait()
    last = writer.sequence
    writer.close()
    thread.join()
    assert seen == sorted(seen)
    assert seen[-1] <= last == 3000


def test_sync_says_what_the_disk_says(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path), GRAIN)
    for _ in range(2):
        writer.prepare()
        writer.append(bytes(3000))
    # No file that can be synced: earlier segments are opened again for it.
    segment(tmp_path, 1).unlink()
    segment(tmp_path, 1).symlink_to("/proc/self/status")
    for _ in range(2):
        with pytest.raises(OSError, match="Invalid argument"):
            writer.sync()
        assert writer.synced == 0
    segment(tmp_path, 1).unlink()
    writer.sync()
    assert writer.synced == 2


def test_only_segments_are_listed(tmp_path: Path) -> None:
    for name in (
        "lock",
        "holds",
        "1.seg",
        "0000000000000003.seg",
        "0000000000000002.seg.0f",
        "x0000000000000001.seg",
    ):
        (tmp_path / name).touch()
    assert journal.segment_numbers(str(tmp_path)) == [3]
    assert journal.segment_path("/d", 3) == "/d/0000000000000003.seg"


def test_records_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    writer = journal.JournalWriter(str(tmp_path), 1 << 20)
    writer.prepare()
    payloads = [os.urandom(size) for size in (65_519, 65_520, 65_521, 1, 200_000, 131_072, 3)]
    for payload in payloads:
        writer.append(payload)
    for limit in (1, 2, 100):
        reader = journal.SegmentReader(str(segment(tmp_path)))
        read: Records = []
        while batch := reader.read(limit, True):
            assert len(batch) <= limit
            read += batch
        assert [record[1] for record in read] == payloads
        assert reader.stop == journal.END


def test_the_stops_are_distinct() -> None:
    assert STOPS == (
        reference.LIMIT,
        reference.END,
        reference.SEALED,
        reference.FINISHED,
        reference.TORN,
        reference.DAMAGED,
        reference.GAP,
    )
