import fcntl
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.core import processes
from tests.core.conftest import Spawn
from tests.core.processes import HEADER_ADDS, ROUNDS, SHARED_KEYS
from tests.reference import shm as reference

from fastgate._core import mapfile, shm

CAPACITY = 5
WORDS = st.integers(-(1 << 63), (1 << 63) - 1)
# Many that collide, and the edges.
KEYS = (
    st.integers(1, 12)
    | st.sampled_from([5 * 10**9, (1 << 63), (1 << 64) - 2])
    | st.integers(1, (1 << 64) - 2)
)


class Slots(RuleBasedStateMachine):
    """Two mappings of one file and the oracle do the same; slots are compared through their keys."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        path = f"{self.directory.name}/slots"
        self.tables = (shm.SharedSlots(path, CAPACITY, True), shm.SharedSlots(path, CAPACITY, False))
        self.oracle = reference.SharedSlots(CAPACITY)
        self.keys: set[int] = set()

    def teardown(self) -> None:
        for table in self.tables:
            table.close()
        self.directory.cleanup()

    def both(self, key: int) -> tuple[int, int]:
        return self.tables[key % 2].find(key), self.oracle.find(key)

    @rule(key=KEYS, side=st.integers(0, 1))
    def claim(self, key: int, side: int) -> None:
        try:
            self.oracle.claim(key)
        except OverflowError:
            with pytest.raises(OverflowError):
                self.tables[side].claim(key)
            return
        assert self.tables[side].claim(key) == self.tables[1 - side].find(key)
        self.keys.add(key)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.keys)))
        slot, expected = self.both(key)
        self.tables[0].release(slot)
        self.oracle.release(expected)
        self.keys.remove(key)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), field=st.integers(0, 14), value=WORDS, other=WORDS)
    def change(self, data: st.DataObject, field: int, value: int, other: int) -> None:
        slot, expected = self.both(data.draw(st.sampled_from(sorted(self.keys))))
        table = self.tables[1]
        assert table.add(slot, field, value) == self.oracle.add(expected, field, value)
        assert table.compare_exchange(slot, field, other, value) == self.oracle.compare_exchange(
            expected, field, other, value
        )
        current = self.oracle.load(expected, field)
        assert table.compare_exchange(slot, field, current, other)
        assert self.oracle.compare_exchange(expected, field, current, other)
        table.store(slot, (field + 1) % 15, value)
        self.oracle.store(expected, (field + 1) % 15, value)

    @rule(index=st.integers(0, 15), value=WORDS)
    def header(self, index: int, value: int) -> None:
        assert self.tables[0].header_add(index, value) == self.oracle.header_add(index, value)
        self.tables[1].header_store(15 - index, value)
        self.oracle.header_store(15 - index, value)

    @invariant()
    def same(self) -> None:
        for key in range(1, 13):
            assert (self.tables[0].find(key) < 0) == (self.oracle.find(key) < 0)
        pairs = [self.both(key) for key in self.keys]
        assert len({slot for slot, _ in pairs}) == len(pairs)
        for slot, expected in pairs:
            for field in range(15):
                assert self.tables[0].load(slot, field) == self.oracle.load(expected, field)
        for index in range(16):
            assert self.tables[1].header_load(index) == self.oracle.header_load(index)


Slots.TestCase.settings = settings(stateful_step_count=40)
test_against_the_oracle = Slots.TestCase


@given(st.binary())
def test_key_of(name: bytes) -> None:
    assert shm.key_of(name) == reference.key_of(name)


def test_key_of_is_fixed_for_ever() -> None:
    """Files outlive the version that wrote them."""
    assert shm.key_of(b"a") == 0x82A2A958A9BECE5B


def test_a_new_table_is_zeroed_private_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    table = shm.SharedSlots(str(path), 3, True)
    assert table.capacity == 3
    assert [table.load(slot, field) for slot in range(3) for field in range(15)] == [0] * 45
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 4096 + 3 * 128
    assert path.stat().st_blocks * 512 >= path.stat().st_size, "a hole could fail at the first write"
    assert list(tmp_path.iterdir()) == [path]


def test_creating_again_replaces_the_file_and_leaves_old_mappings_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "slots")
    old = shm.SharedSlots(path, 3, True)
    old.store(old.claim(1), 0, 7)
    new = shm.SharedSlots(path, 100, True)
    assert new.find(1) == -1
    assert old.load(old.find(1), 0) == 7


def test_a_full_disk_is_an_error_at_once(tmp_path: Path, spawn: Spawn) -> None:
    process = spawn(processes.create_beyond_limit, tmp_path / "slots", 8192)
    process.start()
    assert process.result() == "File too large"
    assert list(tmp_path.iterdir()) == []


def test_foreign_and_truncated_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    shm.SharedSlots(str(path), 2, True).close()
    good = path.read_bytes()

    def refused(data: bytes, capacity: int = 2) -> None:
        path.write_bytes(data)
        with pytest.raises(ValueError, match="slots"):
            shm.SharedSlots(str(path), capacity, False)

    for length in (0, 1, 7, 8, 16, 23, 24, 4095, 4096, len(good) - 128, len(good) - 1):
        refused(good[:length])
    refused(good + bytes(8))
    for offset in range(24):
        refused(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
    refused(b"SQLite format 3\0" * 1000)
    refused(good, capacity=1)
    refused(good, capacity=3)
    path.write_bytes(good)
    shm.SharedSlots(str(path), 2, False)


def test_any_content_behind_the_head_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    shm.SharedSlots(str(path), 4, True).close()
    head = path.read_bytes()[:4096]
    for seed in range(200):
        chance = random.Random(seed)
        keys = [chance.choice([0, 1, 2, (1 << 64) - 1, chance.getrandbits(64)]) for _ in range(4)]
        path.write_bytes(head + b"".join(struct.pack("<Q", key) + chance.randbytes(120) for key in keys))
        table = shm.SharedSlots(str(path), 4, False)
        for slot in range(4):
            table.release(slot)
        assert [table.find(key) for key in (1, 2, 3)] == [-1, -1, -1]
        assert sorted(table.claim(key) for key in (1, 2, 3, 4)) == [0, 1, 2, 3]
        assert {table.load(slot, field) for slot in range(4) for field in range(15)} == {0}


def test_a_table_serves_any_number_of_keys_one_after_the_other(tmp_path: Path) -> None:
    table = shm.SharedSlots(str(tmp_path / "slots"), 8, True)
    for key in range(1, 1000):
        slot = table.claim(key)
        table.store(slot, 14, key)
        if key > 7:
            table.release(table.find(key - 7))
    assert [table.find(key) >= 0 for key in range(985, 1000)] == [False] * 8 + [True] * 7


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda table: table.load(-1, 0), IndexError),
        (lambda table: table.load(3, 0), IndexError),
        (lambda table: table.load(0, -1), IndexError),
        (lambda table: table.load(0, 15), IndexError),
        (lambda table: table.store(3, 0, 1), IndexError),
        (lambda table: table.add(0, 15, 1), IndexError),
        (lambda table: table.compare_exchange(1 << 62, 0, 0, 1), IndexError),
        (lambda table: table.release(3), IndexError),
        (lambda table: table.release(-1), IndexError),
        (lambda table: table.header_load(16), IndexError),
        (lambda table: table.header_store(-1, 1), IndexError),
        (lambda table: table.header_add(16, 1), IndexError),
        (lambda table: table.claim(0), ValueError),
        (lambda table: table.claim((1 << 64) - 1), ValueError),
        (lambda table: table.find(0), ValueError),
        (lambda table: table.find((1 << 64) - 1), ValueError),
        (lambda table: table.claim(-1), OverflowError),
        (lambda table: table.claim(1 << 64), OverflowError),
        (lambda table: table.store(0, 0, 1 << 63), OverflowError),
        (lambda table: table.load(1 << 70, 0), OverflowError),
        (lambda table: table.claim("key"), TypeError),
    ],
)
def test_wrong_arguments(tmp_path: Path, call: Callable[[Any], object], error: type[Exception]) -> None:
    table = shm.SharedSlots(str(tmp_path / "slots"), 3, True)
    with pytest.raises(error):
        call(table)


@pytest.mark.parametrize("capacity", [0, -1, 1 << 40])
def test_a_capacity_out_of_range(tmp_path: Path, capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        shm.SharedSlots(str(tmp_path / "slots"), capacity, True)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    for create in (True, False):
        with pytest.raises(FileNotFoundError):
            shm.SharedSlots(str(tmp_path / "missing" / "slots"), 3, create)


def test_a_closed_table_refuses(tmp_path: Path) -> None:
    table = shm.SharedSlots(str(tmp_path / "slots"), 3, True)
    table.close()
    table.close()
    calls: list[Callable[[], object]] = [
        lambda: table.claim(1),
        lambda: table.find(1),
        lambda: table.release(0),
        lambda: table.load(0, 0),
        lambda: table.add(0, 0, 1),
        lambda: table.header_add(0, 1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_a_mapping_is_made_here_only() -> None:
    with pytest.raises(TypeError):
        mapfile.MappedFile()


def test_processes_agree_on_keys_and_sums(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "slots")
    table = shm.SharedSlots(path, 256, True)
    workers = [spawn(processes.claim_and_add, path, 256, seed) for seed in range(4)]
    for worker in workers:
        worker.start()
    slots = [worker.result() for worker in workers]
    assert slots[1:] == slots[:-1]
    for key in SHARED_KEYS:
        assert table.load(table.find(key), 0) == 4 * ROUNDS * key
        assert table.load(table.find(key), 1) == 4 * ROUNDS
    assert table.header_load(3) == 4 * HEADER_ADDS


def test_slots_that_are_used_again_never_hold_a_key_twice(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "slots")
    table = shm.SharedSlots(path, len(SHARED_KEYS) + 4, True)
    workers = [spawn(processes.churn, path, table.capacity, seed) for seed in range(4)]
    for worker in workers:
        worker.start()
    slots = [worker.result() for worker in workers]
    assert slots[1:] == slots[:-1]
    assert [table.load(table.find(key), 0) for key in SHARED_KEYS] == [4] * len(SHARED_KEYS)


def test_two_claims_at_the_same_moment(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "slots")
    shm.SharedSlots(path, 16, True)
    workers = [spawn(processes.meet, path, index, 20_000) for index in range(2)]
    for worker in workers:
        worker.start()
    assert [worker.result() for worker in workers] == [None, None]


def test_killed_processes_leave_nothing_locked_and_nothing_broken(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "slots")
    table = shm.SharedSlots(path, 512, True)
    for key in SHARED_KEYS:
        table.store(table.claim(key), 0, key)
    for seed in range(20):
        worker = spawn(processes.churn_forever, path, 512, seed % 5)
        worker.start()
        # Meanwhile the table is in use here, and the number of uses says when to kill.
        for _ in range(50 * (seed + 1)):
            table.release(table.claim(999_999))
        assert worker.running()
        worker.kill()
    for key in SHARED_KEYS:
        assert table.load(table.find(key), 0) == key
    left = [slot for i in range(5) for j in range(50) if (slot := table.find(1_000_000 * (1 + i) + j)) >= 0]
    assert len(set(left)) == len(left)
    for slot in left:
        table.release(slot)
    assert len({table.claim(10_000_000 + i) for i in range(512 - len(SHARED_KEYS))}) == 512 - len(SHARED_KEYS)


def test_a_lock_goes_with_its_holder(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "slots")
    shm.SharedSlots(path, 256, True)
    holder = spawn(processes.hold_lock, path)
    claimer = spawn(processes.claim_one, path, 256)
    with Path(path).open("r+b") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    claimer.start()
    holder.kill()
    assert claimer.result() == 7
