import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.core import processes
from tests.core.conftest import Spawn
from tests.core.processes import BOUNDS
from tests.reference import metrics as reference

from fastgate._core import metrics

WORDS = st.integers(-(1 << 40), 1 << 40)
NAMES = st.sampled_from(
    [b"", b"a", b'requests{a="b"}', b"1234567", b"12345678", b"123456789", bytes(range(256))]
)
LIMITS = st.lists(WORDS, min_size=1, max_size=6, unique=True).map(lambda bounds: tuple(sorted(bounds)))


class Files(RuleBasedStateMachine):
    """A writer that is respawned at times, a reader that stays, a fresh reader each time, and the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/metrics"
        self.writer = metrics.MetricsFile(self.path, 1 << 20, True)
        self.reader = metrics.MetricsFile(self.path, 0, False)
        self.oracle = reference.MetricsFile()

    def teardown(self) -> None:
        self.directory.cleanup()

    def both(self, call: Callable[[Any], object]) -> None:
        try:
            expected = call(self.oracle)
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                call(self.writer)
            return
        assert call(self.writer) == expected

    @rule(name=NAMES)
    def counter(self, name: bytes) -> None:
        self.both(lambda file: file.counter(name))

    @rule(name=NAMES)
    def gauge(self, name: bytes) -> None:
        self.both(lambda file: file.gauge(name))

    @rule(name=NAMES, bounds=LIMITS | st.just((1, 2, 3)))
    def histogram(self, name: bytes, bounds: tuple[int, ...]) -> None:
        self.both(lambda file: file.histogram(name, bounds))

    @precondition(lambda self: self.oracle.entries())
    @rule(data=st.data(), value=WORDS, exemplar=st.binary(max_size=37), time=WORDS)
    def change(self, data: st.DataObject, value: int, exemplar: bytes, time: int) -> None:
        entries = self.oracle.entries()
        handle = data.draw(st.integers(0, len(entries) - 1))
        on_a_bound = data.draw(st.sampled_from([value, *entries[handle][3]]))
        self.both(lambda file: file.add(handle, value))
        self.both(lambda file: file.observe(handle, on_a_bound, exemplar, time))
        self.both(lambda file: file.get(handle))
        self.both(lambda file: file.set(handle, value))

    @rule()
    def zero_gauges(self) -> None:
        self.both(lambda file: file.zero_gauges())

    @rule()
    def respawn(self) -> None:
        self.writer = metrics.MetricsFile(self.path, 1 << 20, True)

    @invariant()
    def same(self) -> None:
        expected = self.oracle.entries()
        assert self.writer.entries() == expected
        assert self.reader.entries() == expected
        assert metrics.MetricsFile(self.path, 0, False).entries() == expected


Files.TestCase.settings = settings(stateful_step_count=30)
test_against_the_oracle = Files.TestCase


def sample(path: Path) -> bytes:
    file = metrics.MetricsFile(str(path), 4096, True)
    file.add(file.counter(b"requests"), 3)
    file.set(file.gauge(b"in_flight"), -2)
    file.observe(file.histogram(b"seconds", BOUNDS), 50, b"request-id", 1)
    return path.read_bytes()


def test_a_new_file_is_private_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    metrics.MetricsFile(str(path), 10_001, True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 10_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_bound_belongs_to_its_bucket(tmp_path: Path) -> None:
    file = metrics.MetricsFile(str(tmp_path / "metrics"), 4096, True)
    handle = file.histogram(b"h", (10, 20))
    for value in (9, 10, 11, 20, 21):
        file.observe(handle, value)
    assert file.entries() == [(b"h", metrics.HISTOGRAM, (71, 2, 2, 1), (10, 20), (None, None, None))]


def test_an_exemplar_that_is_too_long_is_counted_and_not_kept(tmp_path: Path) -> None:
    file = metrics.MetricsFile(str(tmp_path / "metrics"), 4096, True)
    handle = file.histogram(b"h", (10,))
    file.observe(handle, 1, b"x" * metrics.MAX_EXEMPLAR_BYTES, 5)
    file.observe(handle, 2, b"y" * (metrics.MAX_EXEMPLAR_BYTES + 1), 6)
    assert file.entries() == [(b"h", metrics.HISTOGRAM, (3, 2, 0), (10,), ((b"x" * 36, 1, 5), None))]


def test_a_full_file_says_so_and_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "metrics")
    file = metrics.MetricsFile(path, 4096, True)
    first = file.counter(b"first")
    # To the last word: 64 bytes of header, then 48 an entry.
    room = (4096 - 64) // 48
    for i in range(1, room):
        file.counter(b"%d" % i)
    with pytest.raises(OverflowError):
        file.counter(b"one more")
    with pytest.raises(OverflowError):
        file.histogram(b"h", tuple(range(100)))
    file.add(first, 1)
    assert file.counter(b"first") == first
    assert metrics.MetricsFile(path, 0, False).entries()[0] == (b"first", metrics.COUNTER, (1,), (), ())
    assert len(file.entries()) == room


def test_a_respawned_writer_goes_on_with_no_gauge_up(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    sample(path)
    file = metrics.MetricsFile(str(path), 1 << 20, True)
    file.zero_gauges()
    file.add(file.counter(b"requests"), 1)
    assert [entry[2] for entry in file.entries()] == [(4,), (0,), (50, 0, 1, 0, 0)]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda file: file.gauge(b"counter"), ValueError),
        (lambda file: file.histogram(b"counter", (1,)), ValueError),
        (lambda file: file.histogram(b"histogram", (1, 2)), ValueError),
        (lambda file: file.histogram(b"h", ()), ValueError),
        (lambda file: file.histogram(b"h", (2, 1)), ValueError),
        (lambda file: file.histogram(b"h", (1, 1)), ValueError),
        (lambda file: file.histogram(b"h", tuple(range(1025))), ValueError),
        (lambda file: file.histogram(b"h", ("a",)), TypeError),
        (lambda file: file.histogram(b"h", (1 << 63,)), OverflowError),
        (lambda file: file.counter(b"x" * 65536), ValueError),
        (lambda file: file.counter(None), TypeError),
        (lambda file: file.add(0, -1), ValueError),
        (lambda file: file.add(2, 1), ValueError),
        (lambda file: file.set(0, 1), ValueError),
        (lambda file: file.set(2, 1), ValueError),
        (lambda file: file.get(2), ValueError),
        (lambda file: file.observe(0, 1), ValueError),
        (lambda file: file.observe(1, 1), ValueError),
        (lambda file: file.observe(2, 1, "text"), TypeError),
        (lambda file: file.observe(2, 1 << 63), OverflowError),
        *[
            (lambda file, handle=handle, call=call: call(file, handle), ValueError)
            for handle in (-1, 3, 64, 1 << 62)
            for call in (
                lambda file, handle: file.add(handle, 1),
                lambda file, handle: file.set(handle, 1),
                lambda file, handle: file.get(handle),
                lambda file, handle: file.observe(handle, 1),
            )
        ],
    ],
)
def test_wrong_arguments(tmp_path: Path, call: Callable[[Any], object], error: type[Exception]) -> None:
    file = metrics.MetricsFile(str(tmp_path / "metrics"), 1 << 20, True)
    file.counter(b"counter")
    file.gauge(b"gauge")
    file.histogram(b"histogram", (1,))
    with pytest.raises(error):
        call(file)
    assert [entry[:3] for entry in file.entries()] == [
        (b"counter", metrics.COUNTER, (0,)),
        (b"gauge", metrics.GAUGE, (0,)),
        (b"histogram", metrics.HISTOGRAM, (0, 0, 0)),
    ]
    file.counter(b"and it goes on")


def test_a_reader_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    before = sample(path)
    file = metrics.MetricsFile(str(path), 0, False)
    calls: list[Callable[[], object]] = [
        lambda: file.counter(b"new"),
        lambda: file.add(0, 1),
        lambda: file.set(1, 1),
        lambda: file.observe(2, 1),
        file.zero_gauges,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="reading"):
            call()
    assert file.counter(b"requests") == 0
    assert file.get(0) == 3
    assert path.read_bytes() == before


@pytest.mark.parametrize("writable", [False, True])
def test_foreign_and_truncated_files_are_refused(tmp_path: Path, writable: bool) -> None:
    path = tmp_path / "metrics"
    good = sample(path)
    for data in (
        *(good[:length] for length in (0, 1, 8, 24, 56, 63, 64, 72, 200, 4088, 4095)),
        good + bytes(8),
        b"SQLite format 3\0" * 256,
        bytes(4096),
        b"\xff" * 4096,
        b"FGSLOTS\x01" + good[8:],
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="metrics"):
            metrics.MetricsFile(str(path), 4096, writable)
        assert path.read_bytes() == data


@pytest.mark.parametrize("capacity", [0, -1, 4095, 1 << 40])
def test_a_capacity_out_of_range(tmp_path: Path, capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        metrics.MetricsFile(str(tmp_path / "metrics"), capacity, True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        metrics.MetricsFile(str(tmp_path / "metrics"), 4096, False)


def test_any_corruption_is_a_value_error_or_a_value(tmp_path: Path) -> None:
    """Every word of the file, replaced by what is most likely to lead a reader astray."""
    path = tmp_path / "metrics"
    good = sample(path)
    length = struct.unpack_from("<Q", good, 16)[0] * 8
    evil = [0, 1, 2, 3, 7, 1024, 1025, 65535, 512, 1 << 31, 1 << 61, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    chance = random.Random(1)
    refused = 0
    for offset in range(0, length, 8):
        for word in (*evil, chance.getrandbits(64)):
            path.write_bytes(good[:offset] + struct.pack("<Q", word) + good[offset + 8 :])
            try:
                file = metrics.MetricsFile(str(path), 4096, True)
            except ValueError:
                refused += 1
                continue
            for handle, entry in enumerate(file.entries()):
                if entry[1] == metrics.HISTOGRAM:
                    file.observe(handle, 5, b"exemplar")
                else:
                    file.add(handle, 1)
            file.zero_gauges()
    assert refused > 100


def test_corruption_under_a_reader_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    good = sample(path)
    for used in (0, 8, 20, 513, 1 << 62, (1 << 64) - 1):
        path.write_bytes(good)
        file = metrics.MetricsFile(str(path), 4096, False)
        with path.open("r+b") as raw:
            raw.seek(16)
            raw.write(struct.pack("<Q", used))
        with pytest.raises(ValueError, match="corrupt"):
            file.entries()


@pytest.mark.parametrize("end", [-1, -8, 8])
def test_an_entry_beyond_the_end_is_refused(tmp_path: Path, end: int) -> None:
    path = tmp_path / "metrics"
    good = sample(path)
    used = struct.unpack_from("<Q", good, 16)[0]
    path.write_bytes(good[:16] + struct.pack("<Q", used + end) + good[24:])
    with pytest.raises(ValueError, match="corrupt"):
        metrics.MetricsFile(str(path), 4096, False)


def test_an_entry_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    head = sample(path)[:16]
    histogram = struct.pack("<4Q", 4 + 1000 + 1002 + 1001 * 8, metrics.HISTOGRAM, 0, 1000)
    path.write_bytes((head + struct.pack("<Q", 512)).ljust(64, b"\0") + histogram.ljust(4096 - 64, b"\0"))
    with pytest.raises(ValueError, match="corrupt"):
        metrics.MetricsFile(str(path), 4096, False)


def test_an_exemplar_that_a_killed_writer_left_half_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    data = bytearray(sample(path))
    line = struct.unpack_from("<Q", data, 16)[0] * 8 - 3 * 64  # that of the second of four buckets
    assert struct.unpack_from("<Q", data, line) == (2,)
    struct.pack_into("<Q", data, line, 3)
    path.write_bytes(data)
    file = metrics.MetricsFile(str(path), 4096, True)
    assert file.entries()[2][4] == (None, None, None, None)
    file.observe(2, 60, b"another", 2)
    assert file.entries()[2][4] == (None, (b"another", 60, 2), None, None)


def check_exemplars(entry: metrics.MetricEntry) -> None:
    """The text, the value, the time and the bucket of an exemplar all tell the same number."""
    edges = (-1, *BOUNDS, 2000)
    for bucket, exemplar in enumerate(entry[4]):
        if exemplar is not None:
            text, value, time = exemplar
            assert value == time
            assert edges[bucket] < value <= edges[bucket + 1]
            assert text in (b"%036d" % value, (b"%d," % value) * (36 // (len(str(value)) + 1)))


def test_a_reader_beside_a_writer_sees_whole_entries(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "metrics")
    reader = metrics.MetricsFile(path, 1 << 20, True)
    writer = spawn(processes.write_metrics, path, 100)
    writer.start()
    seen: dict[bytes, tuple[int, ...]] = {}
    exemplars = 0
    while writer.running():
        entries = reader.entries()
        assert len(entries) >= len(seen)
        for entry in entries:
            name, kind, values, bounds, _ = entry
            if kind == metrics.HISTOGRAM:
                assert bounds == BOUNDS
                check_exemplars(entry)
                exemplars += any(entry[4])
            if kind != metrics.GAUGE:
                assert all(map(int.__ge__, values, seen.get(name, values)))
            seen[name] = values
    entries = reader.entries()
    assert writer.result() == len(entries) == 202
    assert exemplars > 0
    observations = len(range(0, 2000, 7))
    for name, kind, values, _, _ in entries:
        if kind == metrics.HISTOGRAM:
            rounds = 100 if name == b"busy" else 1
            assert sum(values[1:]) == rounds * observations
            assert values[0] == rounds * sum(range(0, 2000, 7))


def test_an_exemplar_is_never_torn(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "metrics")
    reader = metrics.MetricsFile(path, 4096, True)
    writer = spawn(processes.overwrite_one_exemplar, path)
    writer.start()
    seen = set()
    for _ in range(200_000):
        for entry in reader.entries():
            check_exemplars(entry)
            seen.add(entry[4][0])
    assert writer.running()
    writer.kill()
    assert len(seen) > 2


def test_a_killed_writer_leaves_a_file_that_is_read_and_written_on(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "metrics")
    metrics.MetricsFile(path, 1 << 20, True)
    reader = metrics.MetricsFile(path, 0, False)
    count = 0
    for _ in range(10):
        writer = spawn(processes.write_metrics_forever, path)
        writer.start()
        before = count
        while count < before + 1000:
            for entry in reader.entries():
                if entry[0] == b"busy":
                    check_exemplars(entry)
                    count = sum(entry[2][1:])
        writer.kill()
    entries = metrics.MetricsFile(path, 0, False).entries()
    assert entries == reader.entries()
    successor = metrics.MetricsFile(path, 0, True)
    handle = successor.histogram(b"busy", BOUNDS)
    for value in (5, 50, 500, 1500):
        successor.observe(handle, value, b"%036d" % value, value)
    assert reader.entries()[handle][4] == tuple(
        (b"%036d" % value, value, value) for value in (5, 50, 500, 1500)
    )


def test_what_a_killed_writer_left_behind_the_end_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    good = sample(path)
    used = struct.unpack_from("<Q", good, 16)[0] * 8
    path.write_bytes(good[:used] + b"\xff" * (4096 - used))
    file = metrics.MetricsFile(str(path), 4096, True)
    file.histogram(b"new", (1, 2))
    assert file.entries()[-1] == (b"new", metrics.HISTOGRAM, (0, 0, 0, 0), (1, 2), (None, None, None))
