"""A journal between processes: readers of a living writer, and what is left of a killed one."""

import random
from pathlib import Path

from tests.core import journal_processes
from tests.core.conftest import Spawn
from tests.core.journal_processes import payload_of

from fastgate._core import journal, shm

FOLLOWED_RECORDS = 20_000
KILLS = 100


def read_all(directory: Path, living: bool) -> tuple[list[bytes], int]:
    """The payloads of a whole journal, and why it ends."""
    payloads: list[bytes] = []
    stop = journal.END
    for number in journal.segment_numbers(str(directory)):
        reader = journal.SegmentReader(journal.segment_path(str(directory), number), 0, len(payloads))
        payloads += [payload for _, payload, _ in reader.read(1 << 40, living)]
        stop = reader.stop
        if stop != journal.SEALED:
            break
    return payloads, stop


def test_a_reader_races_with_a_living_writer(spawn: Spawn, tmp_path: Path) -> None:
    """It never sees half a record, and misses none, over many segments."""
    largest = 2000
    writer = spawn(journal_processes.append_some, tmp_path, 1 << 16, largest, FOLLOWED_RECORDS)
    writer.start()
    number, sequence, empty_reads = 1, 0, 0
    reader = journal.SegmentReader(journal.segment_path(str(tmp_path), 1))
    while reader.stop != journal.FINISHED:
        for found, payload, _ in reader.read(50, True):
            sequence += 1
            assert (found, payload) == (sequence, payload_of(sequence, largest))
        assert reader.stop in {journal.LIMIT, journal.END, journal.SEALED, journal.FINISHED}
        empty_reads += reader.stop == journal.END
        if reader.stop == journal.SEALED:
            number += 1
            reader = journal.SegmentReader(journal.segment_path(str(tmp_path), number), 0, sequence)
    assert sequence == FOLLOWED_RECORDS
    assert writer.result() == number
    assert number > 100
    assert empty_reads > 0, "the reader was never at the writer's heels"


def test_a_writer_killed_in_mid_append_loses_nothing(spawn: Spawn, tmp_path: Path) -> None:
    chance = random.Random(1)
    largest = 200_000
    stops = set()
    for round_ in range(KILLS):
        directory = tmp_path / str(round_)
        directory.mkdir()
        table = shm.SharedSlots(str(directory / "acknowledged"), 1, True)
        writer = spawn(
            journal_processes.append_forever, directory, directory / "acknowledged", 1 << 20, largest
        )
        writer.start()
        wanted = chance.randint(1, 60)
        while table.header_load(0) < wanted:
            assert writer.running()
        writer.kill()
        payloads, stop = read_all(directory, living=False)
        acknowledged = table.header_load(0)
        # What was being appended may be there too, and is then whole.
        assert acknowledged <= len(payloads) <= acknowledged + 1
        assert payloads == [payload_of(number, largest) for number in range(1, len(payloads) + 1)]
        assert stop in {journal.END, journal.TORN, journal.SEALED}
        stops.add(stop)
        for path in directory.iterdir():
            path.unlink()
    assert journal.TORN in stops, "no round has hit an append in its middle"
