from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core import processes
from tests.support import journal_roles

from fastgate._core.journal import JournalWriter, segment_numbers, segment_path
from fastgate.ledger.reader import START, JournalReader, Position, Record, Stop

SEGMENT = 4096
RECORDS = 12


def payload_of(number: int) -> bytes:
    return b"%04d" % number * (150 + number % 13 * 30)


def written(directory: Path, records: int = RECORDS) -> JournalWriter:
    """Several segments, with a few records each, and a spare one."""
    writer = JournalWriter(str(directory), SEGMENT)
    writer.prepare()
    for number in range(1, records + 1):
        writer.append(payload_of(number))
        writer.prepare()
    return writer


def read(directory: Path, living: bool, start: Position = START) -> tuple[list[Record], JournalReader]:
    reader = JournalReader(directory, start)
    records = reader.read(1000, living)
    reader.close()
    assert all(record.payload == payload_of(record.sequence) for record in records)
    return records, reader


def file(directory: Path, number: int) -> Path:
    return Path(segment_path(str(directory), number))


def numbers(records: list[Record]) -> list[int]:
    return [record.sequence for record in records]


def first_of(directory: Path, segment: int) -> int:
    """The first record of a segment."""
    records, _ = read(directory, True)
    return next(record.sequence for record in records if record.position.segment == segment)


@pytest.mark.parametrize("living", [True, False])
def test_all_records_in_order(tmp_path: Path, living: bool) -> None:
    writer = written(tmp_path)
    assert writer.segments > 3
    records, reader = read(tmp_path, living)
    assert numbers(records) == list(range(1, RECORDS + 1))
    assert {record.position.segment for record in records} == set(range(1, writer.segments + 1))
    assert (reader.stop, reader.found) == (Stop.END, None)
    assert reader.position == records[-1].position


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_in_batches(tmp_path: Path, limit: int) -> None:
    written(tmp_path).seal()
    reader = JournalReader(tmp_path)
    read: list[Record] = []
    while batch := reader.read(limit, True):
        assert len(batch) == limit or reader.stop is Stop.FINISHED
        assert reader.stop in {Stop.LIMIT, Stop.FINISHED}
        read += batch
    assert numbers(read) == list(range(1, RECORDS + 1))
    assert reader.stop is Stop.FINISHED
    assert reader.read(1, False) == []
    assert reader.stop is Stop.FINISHED
    reader.close()


def test_from_the_position_behind_each_record(tmp_path: Path) -> None:
    written(tmp_path)
    records, _ = read(tmp_path, True)
    for record in records:
        rest, reader = read(tmp_path, True, record.position)
        assert numbers(rest) == list(range(record.sequence + 1, RECORDS + 1))
        assert reader.stop is Stop.END


def test_it_follows_a_living_writer(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    assert reader.read(10, True) == []
    assert (reader.stop, reader.position) == (Stop.END, START)
    writer = JournalWriter(str(tmp_path), SEGMENT)
    writer.prepare()
    assert reader.read(10, True) == []
    for number in range(1, 30):
        writer.prepare()
        writer.append(payload_of(number))
        (record,) = reader.read(10, True)
        assert (record.sequence, record.payload) == (number, payload_of(number))
        assert reader.stop is Stop.END
        assert reader.read(10, True) == []
    writer.seal()
    assert reader.read(10, True) == []
    assert reader.stop is Stop.FINISHED
    assert writer.segments > 5
    reader.close()
    reader.close()


def test_segments_before_the_position_may_be_gone(tmp_path: Path) -> None:
    written(tmp_path)
    records, _ = read(tmp_path, True)
    position = records[6].position
    for number in segment_numbers(str(tmp_path)):
        if number < position.segment:
            file(tmp_path, number).unlink()
    rest, reader = read(tmp_path, True, position)
    assert numbers(rest) == list(range(8, RECORDS + 1))
    assert reader.stop is Stop.END


def test_what_a_killed_writer_leaves(tmp_path: Path) -> None:
    process = processes.Process(journal_roles.live, tmp_path / "journal", 20)
    process.kill()
    (directory,) = (tmp_path / "journal").iterdir()
    reader = JournalReader(directory)
    assert [record.payload for record in reader.read(100, False)] == [b"%d" % i * 300 for i in range(20)]
    assert (reader.stop, reader.found) == (Stop.END, None)
    reader.close()


# --- damage ---------------------------------------------------------------------------------------


def test_a_lost_mark_loses_nothing(tmp_path: Path) -> None:
    """Of a dead writer the next number in the next segment proves that there was nothing in between."""
    written(tmp_path)
    records, _ = read(tmp_path, True)
    end = max(record.position.offset for record in records if record.position.segment == 2)
    data = file(tmp_path, 2).read_bytes()
    for rest in (b"", bytes(len(data) - end), b"\xff" * 16):
        file(tmp_path, 2).write_bytes(data[:end] + rest)
        again, reader = read(tmp_path, False)
        assert again == records
        assert (reader.stop, reader.found) == (Stop.END, None)


def test_a_segment_that_is_lost(tmp_path: Path) -> None:
    writer = written(tmp_path)
    lost, after = first_of(tmp_path, 2), first_of(tmp_path, 3)
    file(tmp_path, 2).unlink()
    records, reader = read(tmp_path, False)
    assert numbers(records) == list(range(1, lost))
    assert (reader.stop, reader.found) == (Stop.DAMAGED, Position(3, 16, after - 1))
    assert reader.position == Position(2, 0, lost - 1)
    assert reader.found is not None
    rest, reader = read(tmp_path, False, reader.found)
    assert numbers(rest) == list(range(after, RECORDS + 1))
    assert reader.stop is Stop.END
    # The last one: nothing tells that there was more, but that it has not ended.
    for number in range(3, writer.segments + 2):
        file(tmp_path, number).unlink()
    _, reader = read(tmp_path, False)
    assert (reader.stop, reader.found) == (Stop.END, None)


@pytest.mark.parametrize("living", [True, False])
def test_a_segment_without_its_header(tmp_path: Path, living: bool) -> None:
    written(tmp_path)
    lost, after = first_of(tmp_path, 2), first_of(tmp_path, 3)
    file(tmp_path, 2).write_bytes(bytes(16) + file(tmp_path, 2).read_bytes()[16:])
    records, reader = read(tmp_path, living)
    assert numbers(records) == list(range(1, lost))
    assert (reader.stop, reader.found) == (Stop.DAMAGED, Position(3, 16, after - 1))


def test_a_torn_tail_with_a_lost_segment_behind_it(tmp_path: Path) -> None:
    """The end of one segment and the whole next one were not written, the one after that was."""
    writer = written(tmp_path, 30)
    last = first_of(tmp_path, 3) - 1
    after = first_of(tmp_path, 4)
    assert writer.segments > 4
    data = file(tmp_path, 2).read_bytes()
    records, _ = read(tmp_path, True)
    file(tmp_path, 2).write_bytes(data[: records[last - 1].position.offset - 60])
    file(tmp_path, 3).write_bytes(b"")
    records, reader = read(tmp_path, False)
    assert numbers(records) == list(range(1, last))
    assert (reader.stop, reader.found) == (Stop.DAMAGED, Position(4, 16, after - 1))


def test_a_broken_record_in_the_middle(tmp_path: Path) -> None:
    written(tmp_path)
    records, _ = read(tmp_path, True)
    broken = records[0]
    assert records[1].position.segment == broken.position.segment
    data = bytearray(file(tmp_path, 1).read_bytes())
    data[broken.position.offset - 10] ^= 4
    file(tmp_path, 1).write_bytes(data)
    for living in (True, False):
        read_now, reader = read(tmp_path, living)
        assert read_now == []
        assert (reader.stop, reader.found) == (Stop.DAMAGED, Position(1, broken.position.offset, 1))
        assert reader.position == Position(1, 16, 0)


def test_a_gap_in_the_numbers(tmp_path: Path) -> None:
    """A record is cut out, in whole words, so that all that is left is good."""
    written(tmp_path)
    records, _ = read(tmp_path, True)
    start, end = 16, records[0].position.offset
    data = file(tmp_path, 1).read_bytes()
    file(tmp_path, 1).write_bytes(data[:start] + data[end:] + bytes(end - start))
    read_now, reader = read(tmp_path, True)
    assert read_now == []
    assert (reader.stop, reader.found) == (Stop.GAP, Position(1, 16, 1))
    assert reader.found is not None
    rest, reader = read(tmp_path, True, reader.found)
    assert numbers(rest) == list(range(2, RECORDS + 1))


def test_a_position_that_is_behind_what_is_there_is_a_gap(tmp_path: Path) -> None:
    written(tmp_path)
    records, _ = read(tmp_path, True)
    place = records[3].position
    _, reader = read(tmp_path, True, Position(place.segment, place.offset, place.sequence + 5))
    assert reader.stop is Stop.GAP


def test_the_power_is_cut_at_every_byte_of_the_last_segment(tmp_path: Path) -> None:
    writer = written(tmp_path)
    records, _ = read(tmp_path, True)
    path = file(tmp_path, writer.segments)
    data = path.read_bytes()
    for spare in (True, False):
        for place in range(SEGMENT):
            path.write_bytes(data[:place])
            left, reader = read(tmp_path, False)
            whole = [
                record
                for record in records
                if record.position.segment < writer.segments or record.position.offset <= place
            ]
            # A record without its padding is whole as well.
            assert records[: len(left)] == left
            assert len(whole) <= len(left) <= len(whole) + 1
            assert reader.stop in {Stop.END, Stop.TORN}
        if spare:
            file(tmp_path, writer.segments + 1).unlink()


def damages(segments: int) -> st.SearchStrategy[list[tuple[int, int, int, str]]]:
    one = st.tuples(
        st.integers(1, segments),
        st.integers(0, SEGMENT - 1),
        st.integers(1, 3000),
        st.sampled_from(["cut", "zero", "flip", "lose"]),
    )
    return st.lists(one, min_size=1, max_size=4)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    directory = tmp_path_factory.mktemp("images")
    written(directory)
    return [file(directory, number).read_bytes() for number in segment_numbers(str(directory))]


@pytest.fixture(scope="module")
def damaged_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@given(data=st.data())
def test_whatever_is_damaged_nothing_is_invented_and_reading_ends(
    images: list[bytes], damaged_dir: Path, data: st.DataObject
) -> None:
    files = dict(enumerate(images, 1))
    for segment, at, much, kind in data.draw(damages(len(images))):
        old = files.get(segment, b"")
        match kind:
            case "cut":
                files[segment] = old[:at]
            case "zero":
                files[segment] = old[:at] + bytes(len(old[at : at + much])) + old[at + much :]
            case "flip":
                new = bytearray(old)
                new[at : at + 1] = bytes(byte ^ 1 << much % 8 for byte in old[at : at + 1])
                files[segment] = bytes(new)
            case _:
                files.pop(segment, None)
    for path in damaged_dir.iterdir():
        path.unlink()
    for segment, content in files.items():
        file(damaged_dir, segment).write_bytes(content)
    seen: list[int] = []
    place: Position | None = START
    while place is not None:
        records, reader = read(damaged_dir, False, place)
        seen += numbers(records)
        assert reader.found is None or reader.found > place
        place = reader.found
    assert seen == sorted(set(seen))
    assert set(seen) <= set(range(1, RECORDS + 1))
