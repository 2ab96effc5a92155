import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.core import money_processes
from tests.core.conftest import Spawn
from tests.reference import accounts as reference

from fastgate._core import accounts

WORDS = st.integers(-(1 << 63), (1 << 63) - 1)
PAGE = 4096


class Lines(RuleBasedStateMachine):
    """Two mappings of one file and the oracle do the same, while the table grows."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        path = f"{self.directory.name}/accounts"
        self.tables = (accounts.AccountTable(path, True, 3), accounts.AccountTable(path, False))
        self.oracle = reference.AccountTable(3)

    def teardown(self) -> None:
        for table in self.tables:
            table.close()
        self.directory.cleanup()

    @rule(lines=st.integers(1, 200), side=st.integers(0, 1))
    def grow(self, lines: int, side: int) -> None:
        self.tables[side].grow(lines)
        self.oracle.grow(lines)

    @rule(data=st.data(), word=st.integers(0, 15), value=WORDS, other=WORDS)
    def change(self, data: st.DataObject, word: int, value: int, other: int) -> None:
        line = data.draw(st.integers(0, self.oracle.lines - 1))
        table = self.tables[line % 2]
        assert table.add(line, word, value) == self.oracle.add(line, word, value)
        assert table.compare_exchange(line, word, other, value) == self.oracle.compare_exchange(
            line, word, other, value
        )
        current = self.oracle.load(line, word)
        assert table.compare_exchange(line, word, current, other)
        assert self.oracle.compare_exchange(line, word, current, other)
        table.store(line, (word + 1) % 16, value)
        self.oracle.store(line, (word + 1) % 16, value)

    @rule(index=st.integers(0, 15), value=WORDS)
    def header(self, index: int, value: int) -> None:
        self.tables[1].header_store(index, value)
        self.oracle.header_store(index, value)

    @invariant()
    def same(self) -> None:
        for table in self.tables:
            assert table.lines == self.oracle.lines
            for line in range(self.oracle.lines):
                for word in range(16):
                    assert table.load(line, word) == self.oracle.load(line, word)
            for index in range(16):
                assert table.header_load(index) == self.oracle.header_load(index)
            with pytest.raises(IndexError):
                table.load(self.oracle.lines, 0)


Lines.TestCase.settings = settings(stateful_step_count=15)
test_against_the_oracle = Lines.TestCase


def test_a_new_table_is_zeroed_private_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    table = accounts.AccountTable(str(path), True, 3)
    assert [table.load(line, word) for line in range(3) for word in range(16)] == [0] * 48
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == PAGE + 3 * 128
    assert path.stat().st_blocks * 512 >= path.stat().st_size, "a hole could fail at the first write"
    assert list(tmp_path.iterdir()) == [path]
    table.grow(100_000)
    assert path.stat().st_size == PAGE + 100_000 * 128
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    assert table.load(99_999, 15) == 0


def test_it_never_shrinks(tmp_path: Path) -> None:
    table = accounts.AccountTable(str(tmp_path / "accounts"), True, 30)
    table.grow(7)
    assert table.lines == 30


@pytest.mark.parametrize("lines", [-1, 0, (1 << 23) + 1])
def test_impossible_numbers_of_lines(tmp_path: Path, lines: int) -> None:
    with pytest.raises(ValueError, match="lines"):
        accounts.AccountTable(str(tmp_path / "accounts"), True, lines)
    table = accounts.AccountTable(str(tmp_path / "accounts"), True, 1)
    with pytest.raises(ValueError, match="lines"):
        table.grow(lines)
    assert table.lines == 1


def test_outside_of_the_table(tmp_path: Path) -> None:
    table = accounts.AccountTable(str(tmp_path / "accounts"), True, 3)
    calls: list[Callable[[], object]] = [
        lambda: table.load(3, 0),
        lambda: table.load(-1, 0),
        lambda: table.load(1 << 62, 0),
        lambda: table.store(0, 16, 1),
        lambda: table.add(0, -1, 1),
        lambda: table.compare_exchange(1 << 23, 0, 0, 1),
        lambda: table.header_load(16),
        lambda: table.header_store(-1, 1),
    ]
    for call in calls:
        with pytest.raises(IndexError, match="outside"):
            call()


def test_a_closed_table_refuses(tmp_path: Path) -> None:
    table = accounts.AccountTable(str(tmp_path / "accounts"), True, 3)
    table.close()
    table.close()
    calls: list[Callable[[], object]] = [
        lambda: table.lines,
        lambda: table.grow(7),
        lambda: table.load(0, 0),
        lambda: table.store(0, 0, 1),
        lambda: table.add(0, 0, 1),
        lambda: table.compare_exchange(0, 0, 0, 1),
        lambda: table.header_load(0),
        lambda: table.header_store(0, 1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_foreign_and_truncated_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    accounts.AccountTable(str(path), True, 40).close()
    good = path.read_bytes()

    def refused(data: bytes) -> None:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"accounts|damaged"):
            accounts.AccountTable(str(path), False)

    for length in (
        0,
        1,
        8,
        16,
        24,
        PAGE - 8,
        PAGE,
        PAGE + 128,
        len(good) - 128,
        len(good) - 8,
        len(good) - 1,
    ):
        refused(good[:length])
    for offset in range(16):
        refused(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
    for lines in (0, 41, -1, (1 << 23) + 1, 1 << 40, (1 << 63) - 1, -(1 << 63)):
        refused(good[:16] + lines.to_bytes(8, "little", signed=True) + good[24:])
    refused(b"SQLite format 3\0" * 1000)
    path.write_bytes(good)
    assert accounts.AccountTable(str(path), False).lines == 40


def test_what_a_killed_grower_left_is_used_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    accounts.AccountTable(str(path), True, 3).close()
    path.write_bytes(path.read_bytes() + bytes(5 * 128))
    table = accounts.AccountTable(str(path), False)
    assert table.lines == 3
    with pytest.raises(IndexError):
        table.load(3, 0)
    table.grow(5)
    assert [table.load(line, 0) for line in (3, 4)] == [0, 0]
    table.grow(100)
    assert table.load(99, 0) == 0


def test_a_number_of_lines_that_the_file_has_not_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    table = accounts.AccountTable(str(path), True, 3)
    with path.open("r+b") as file:
        file.seek(16)
        file.write((4).to_bytes(8, "little"))
    with pytest.raises(ValueError, match="damaged"):
        table.load(3, 0)
    assert table.load(2, 0) == 0


def test_a_full_disk_changes_nothing(tmp_path: Path, spawn: Spawn) -> None:
    path = tmp_path / "accounts"
    table = accounts.AccountTable(str(path), True, 3)
    process = spawn(money_processes.grow_accounts_beyond_limit, path, PAGE + 1000 * 128)
    process.start()
    assert process.result() == ["File too large", 3, 7]
    assert path.stat().st_size == PAGE + 7 * 128
    assert table.lines == 7


def test_other_processes_see_it_grow(tmp_path: Path, spawn: Spawn) -> None:
    path = str(tmp_path / "accounts")
    table = accounts.AccountTable(path, True, 1)
    watchers = [spawn(money_processes.follow_growth, path, 5_000) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for lines in range(2, 5_001):
        table.grow(lines)
        table.store(lines - 1, 7, lines)
        table.header_store(0, lines)
    assert [watcher.result() for watcher in watchers] == [5_000, 5_000]
