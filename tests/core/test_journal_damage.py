"""Segments that are not as they were written: the power was cut, or the disk has made errors."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference import journal as reference

from fastgate._core import journal

PAGE = 4096
SIZES = (1, 8, 700, 33, 1200, 64, 5, 900, 2400, 16, 350, 1000, 7, 600)


def image(payloads: list[bytes], stop: int, salt: bytes = b"salt", start: int = 1) -> bytes:
    data = reference.header(salt)
    for number, payload in enumerate(payloads, start):
        data += reference.record(number, payload, salt)
    return data + (reference.mark(stop, start + len(payloads), salt) if stop else b"")


CHANGES = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 600), st.just(0)),
    st.tuples(st.just("zero"), st.integers(0, 600), st.integers(1, 200)),
    st.tuples(st.just("flip"), st.integers(0, 600), st.integers(0, 7)),
    st.tuples(st.just("drop"), st.integers(0, 75), st.integers(1, 9)),
    st.tuples(st.just("copy"), st.integers(2, 75), st.integers(2, 75)),
    st.tuples(st.just("pad"), st.integers(0, 100), st.just(0)),
)


def changed(data: bytes, change: tuple[str, int, int]) -> bytes:
    kind, at, much = change
    match kind:
        case "cut":
            return data[:at]
        case "zero":
            return data[:at] + bytes(len(data[at : at + much])) + data[at + much :]
        case "flip":
            return data[:at] + bytes([data[at] ^ 1 << much]) + data[at + 1 :] if at < len(data) else data
        case "drop":
            return data[: at * 8] + data[(at + much) * 8 :]
        case "copy":
            return data[: at * 8] + data[much * 8 : (much + 6) * 8] + data[(at + 6) * 8 :]
        case _:
            return data + bytes(at)


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=80), max_size=12),
    stop=st.sampled_from([0, journal.SEALED, journal.FINISHED]),
    changes=st.lists(CHANGES, max_size=3),
    limit=st.integers(0, 4) | st.just(100),
    living=st.booleans(),
)
def test_damaged_files_against_the_oracle(
    payloads: list[bytes],
    stop: int,
    changes: list[tuple[str, int, int]],
    limit: int,
    living: bool,
) -> None:
    originals = dict(enumerate(payloads, 1))
    data = image(payloads, stop)
    for change in changes:
        data = changed(data, change)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "segment")
        path.write_bytes(data)
        core, oracle = journal.SegmentReader(str(path)), reference.SegmentReader(data)
        for _ in range(3):
            records = core.read(limit, living)
            assert records == oracle.read(limit, living)
            assert (core.stop, core.found) == (oracle.stop, oracle.found)
            assert (core.offset, core.sequence) == (oracle.offset, oracle.sequence)
            # Nothing invented.
            assert all(originals[number] == payload for number, payload, _ in records)
        if core.found is not None:
            offset, number = core.found
            # There reading can go on; a mark is found too.
            again = journal.SegmentReader(str(path), offset, number - 1)
            assert [record[:2] for record in again.read(1, False)] in (
                [(number, originals.get(number))],
                [] if again.stop in {journal.SEALED, journal.FINISHED} else None,
            )
            again.close()
        core.close()


def test_a_length_that_may_be_anything_is_not_believed(tmp_path: Path) -> None:
    for length in (0xFFFFFFFD, 1 << 31, 5000, 1):
        data = bytearray(image([b"first", b"second"], 0) + bytes(4000))
        data[16:20] = length.to_bytes(4, "little")
        path = tmp_path / "segment"
        path.write_bytes(data)
        reader = journal.SegmentReader(str(path))
        assert reader.read(10, True) == []
        assert (reader.stop, reader.found) == (journal.DAMAGED, (40, 2))


def test_a_payload_cannot_pass_for_a_record(tmp_path: Path) -> None:
    """A client can write anything into metadata, also what would be the next record without a salt."""
    forged = b"".join(reference.record(number, b"forged", bytes(4)) for number in range(1, 50))
    writer = journal.JournalWriter(str(tmp_path), PAGE)
    writer.prepare()
    writer.append(forged)
    path = Path(journal.segment_path(str(tmp_path), 1))
    data = bytearray(path.read_bytes())
    data[16] ^= 1
    path.write_bytes(data)
    reader = journal.SegmentReader(str(path))
    assert reader.read(10, False) == []
    assert (reader.stop, reader.found) == (journal.TORN, None)


def test_a_record_of_another_segment_is_none(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(image([b"mine"], 0, b"salt") + reference.record(2, b"another's", b"SALT"))
    reader = journal.SegmentReader(str(path))
    assert [record[1] for record in reader.read(10, False)] == [b"mine"]
    assert (reader.stop, reader.found) == (journal.TORN, None)


def test_a_position_past_the_end_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(image([b"one"], 0))
    reader = journal.SegmentReader(str(path), 4096, 9)
    assert reader.read(1, False) == []
    assert (reader.stop, reader.found) == (journal.END, None)


# --- the power is cut -----------------------------------------------------------------------------


class LastPage:
    """A segment of two pages, the second of which the machine was writing, and what must be left of it."""

    def __init__(self, directory: Path, sealed: bool) -> None:
        writer = journal.JournalWriter(str(directory), 2 * PAGE)
        writer.prepare()
        self.payloads = [bytes([65 + i]) * size for i, size in enumerate(SIZES)]
        for payload in self.payloads:
            writer.append(payload)
        assert writer.segments == 1
        if sealed:
            writer.seal()
        writer.close()
        self.path = Path(journal.segment_path(str(directory), 1))
        self.data = self.path.read_bytes()
        self.records = journal.SegmentReader(str(self.path)).read(100, False)
        assert [payload for _, payload, _ in self.records] == self.payloads
        # Where each ends without its padding.
        starts = [reference.HEADER_BYTES, *(end for _, _, end in self.records)]
        self.ends = [start + 16 + size for start, size in zip(starts, SIZES, strict=False)]
        self.starts = starts
        assert self.ends[4] < PAGE < self.ends[-1] < 2 * PAGE - 200

    def read(self, data: bytes) -> tuple[journal.SegmentReader, int]:
        """A reader that has read all it can, and how much; each record is as it was written."""
        self.path.write_bytes(data)
        reader = journal.SegmentReader(str(self.path))
        records = reader.read(100, False)
        assert records == self.records[: len(records)]
        oracle = reference.SegmentReader(data)
        assert oracle.read(100, False) == records
        assert (reader.stop, reader.found) == (oracle.stop, oracle.found)
        reader.close()
        return reader, len(records)

    def whole_before(self, place: int) -> int:
        return sum(end <= place for end in self.ends)


@pytest.fixture(params=[False, True], ids=["killed", "sealed"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> LastPage:
    return LastPage(tmp_path, request.param)


def test_cut_at_every_byte(page: LastPage) -> None:
    for place in range(PAGE, 2 * PAGE):
        reader, count = page.read(page.data[:place])
        assert count == page.whole_before(place)
        assert reader.found is None
        inside = any(start < place < end for start, end in zip(page.starts, page.ends, strict=False))
        if inside:
            assert reader.stop == journal.TORN
        elif place <= page.starts[-1]:
            assert reader.stop == journal.END


def test_zeros_from_every_byte_on(page: LastPage) -> None:
    for place in range(PAGE, 2 * PAGE):
        reader, count = page.read(page.data[:place] + bytes(2 * PAGE - place))
        # Nothing here ends in zeros but padding.
        assert count == page.whole_before(place)
        assert reader.found is None
        if place in page.starts:
            assert reader.stop == journal.END


def test_a_hole_of_a_sector_at_every_byte(page: LastPage) -> None:
    """What was written later is there, what was written before is not."""
    for place in range(PAGE, 2 * PAGE - 512):
        reader, count = page.read(page.data[:place] + bytes(512) + page.data[place + 512 :])
        assert count >= page.whole_before(place)
        after = [n for n, start in enumerate(page.starts[:-1], 1) if start >= place + 512 and n > count + 1]
        if count < len(SIZES) and after:
            assert reader.stop == journal.DAMAGED
            assert reader.found == (page.starts[after[0] - 1], after[0])


def test_a_bit_flipped_at_every_byte(page: LastPage) -> None:
    covered = [(start, end) for start, end in zip(page.starts, page.ends, strict=False)]
    for place in range(PAGE, page.starts[-1]):
        hit = next((n for n, (start, end) in enumerate(covered) if start <= place < end), None)
        in_head = hit is not None and place < covered[hit][0] + 16
        for bit in range(8) if in_head else [place % 8]:
            data = bytearray(page.data)
            data[place] ^= 1 << bit
            reader, count = page.read(bytes(data))
            if hit is None:  # padding
                assert count == len(SIZES)
            else:
                assert count == hit
                assert reader.stop in {journal.DAMAGED, journal.TORN}
                assert reader.stop == journal.DAMAGED or hit == len(SIZES) - 1
                if hit < len(SIZES) - 1:
                    assert reader.found == (page.starts[hit + 1], hit + 2)


def test_each_bit_of_the_header_flipped(page: LastPage) -> None:
    for place in range(reference.HEADER_BYTES):
        for bit in range(8):
            data = bytearray(page.data)
            data[place] ^= 1 << bit
            reader, count = page.read(bytes(data))
            assert (count, reader.stop, reader.found) == (0, journal.DAMAGED, None)


def test_nothing_or_nothing_but_zeros(page: LastPage) -> None:
    for data in (b"", b"\0", bytes(15), bytes(16), bytes(2 * PAGE), page.data[:15]):
        reader, count = page.read(data)
        assert (count, reader.stop, reader.found) == (0, journal.TORN, None)


def test_a_lost_header_is_not_the_end(page: LastPage) -> None:
    reader, count = page.read(bytes(PAGE) + page.data[PAGE:])
    assert (count, reader.stop, reader.found) == (0, journal.DAMAGED, None)
