"""What the table of holds does with calls and files that are not as they should be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core import lines

from fastgate._core.accounts import AccountTable
from fastgate._core.budget import balance, charge, roll, room
from fastgate._core.holds import HoldTable
from fastgate.domain.account import KIND_BUDGET, KIND_LIMITS, BudgetWord

NOW = 10**18
SLOT = 4096


CALLS: dict[str, Callable[[HoldTable, int], object]] = {
    "enter": lambda table, slot: table.enter(slot, b""),
    "reserve": lambda table, slot: table.reserve(slot, b"", 0, NOW, b""),
    "sent": lambda table, slot: table.sent(slot),
    "progress": lambda table, slot: table.progress(slot, 1, 1),
    "reported": lambda table, slot: table.reported(slot, 1, 1),
    "admitted_ns": lambda table, slot: table.admitted_ns(slot),
    "serial": lambda table, slot: table.serial(slot),
    "charged": lambda table, slot: table.charged(slot),
    "release": lambda table, slot: table.release(slot),
    "settling": lambda table, slot: table.settling(slot),
    "settle": lambda table, slot: table.settle(slot, 1),
    "free": lambda table, slot: table.free(slot),
}
_IN_FLIGHT = {"progress", "reported", "admitted_ns", "settling", "serial", "charged", "free"}
ALLOWED = {
    "free": set(),
    "claimed": {"enter", "reserve", "serial", "charged", "free"},
    "reserved": {*_IN_FLIGHT, "sent", "release"},
    "sent": {*_IN_FLIGHT, "sent", "release"},
    "settling": {*_IN_FLIGHT, "settle"},
}


@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("call", CALLS)
def test_calls_that_make_no_sense_in_a_state(table: HoldTable, state: str, call: str) -> None:
    slot = table.claim()
    if state == "free":
        table.free(slot)
    if state in ("reserved", "sent", "settling"):
        table.reserve(slot, b"", 1, NOW, b"")
    if state == "sent":
        table.sent(slot)
    if state == "settling":
        table.settling(slot)
    before = table.read(slot)
    if call in ALLOWED[state]:
        CALLS[call](table, slot)
        return
    with pytest.raises(ValueError, match=f"is {state}"):
        CALLS[call](table, slot)
    assert table.read(slot) == before


@pytest.mark.parametrize("call", CALLS)
def test_slots_outside_of_the_table(table: HoldTable, call: str) -> None:
    for slot in (-1, 64, 1 << 30, 1 << 62):
        with pytest.raises(IndexError, match="outside"):
            CALLS[call](table, slot)


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_table_refuses(table: HoldTable, call: str) -> None:
    slot = table.claim()
    table.close()
    table.close()
    others: list[Callable[[], object]] = [
        lambda: CALLS[call](table, slot),
        table.claim,
        table.slots,
        lambda: table.in_use,
        lambda: table.read(slot),
        lambda: table.state(slot),
    ]
    for other in others:
        with pytest.raises(ValueError, match="closed"):
            other()


def test_closed_accounts_leave_a_slot_as_it_is(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    table.enter(slot, lines.packed_gauges([(5, 2, 9)]))
    table.reserve(slot, lines.packed([0]), 1, NOW, b"")
    table.settling(slot)
    before = table.read(slot)
    accounts.close()
    for call in ("settle", "free"):
        with pytest.raises(ValueError, match="closed"):
            CALLS[call](table, slot)
    assert table.read(slot) == before


def test_only_the_worker_claims(tmp_path: Path, accounts: AccountTable, table: HoldTable) -> None:
    reader = HoldTable(str(tmp_path / "holds"), accounts, False)
    with pytest.raises(ValueError, match="another worker"):
        reader.claim()


def test_bad_arguments_change_nothing(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    before = [accounts.load(line, word) for line in range(8) for word in range(16)]
    value_errors: list[Callable[[], object]] = [
        lambda: table.reserve(slot, b"\0\0\0", 1, NOW, b""),
        lambda: table.reserve(slot, lines.packed([0]), -1, NOW, b""),
        lambda: table.reserve(slot, lines.packed([0]), 1, -1, b""),
        lambda: table.reserve(slot, lines.packed([0, 5]), 1, NOW, b""),
        lambda: table.enter(slot, bytes(15)),
        lambda: table.enter(slot, lines.packed_gauges([(5, 2, 9), (0, 3, 9)])),
        lambda: room(accounts, b"\0", NOW),
        lambda: room(accounts, lines.packed([0, 5]), NOW),
        lambda: charge(accounts, 0, -1, NOW),
        lambda: charge(accounts, 0, 1, -1),
        lambda: charge(accounts, 5, 1, NOW),
        lambda: roll(accounts, 5, NOW),
    ]
    index_errors: list[Callable[[], object]] = [
        lambda: table.reserve(slot, lines.packed([0, 8]), 1, NOW, b""),
        lambda: table.reserve(slot, lines.packed([0, -1]), 1, NOW, b""),
        lambda: table.enter(slot, lines.packed_gauges([(5, 2, 9), (8, 2, 9)])),
        lambda: table.enter(slot, lines.packed_gauges([(5, 2, 9), (-1, 2, 9)])),
        lambda: table.enter(slot, lines.packed_gauges([(5, 1, 9)])),
        lambda: table.enter(slot, lines.packed_gauges([(5, 16, 9)])),
        lambda: table.enter(slot, lines.packed_gauges([(5, -5, 9)])),
        lambda: room(accounts, lines.packed([0, 8]), NOW),
        lambda: charge(accounts, 8, 1, NOW),
        lambda: roll(accounts, -1, NOW),
        lambda: balance(accounts, 8, NOW),
    ]
    for expected, calls in ((ValueError, value_errors), (IndexError, index_errors)):
        for call in calls:
            with pytest.raises(expected):
                call()
    assert [accounts.load(line, word) for line in range(8) for word in range(16)] == before
    assert table.read(slot).gauges == ()
    table.reserve(slot, lines.packed([0]), 1, NOW, b"")
    for call in (
        lambda: table.progress(slot, -1, 0),
        lambda: table.progress(slot, 0, -1),
        lambda: table.reported(slot, -1, 0),
        lambda: table.reported(slot, 0, -1),
    ):
        with pytest.raises(ValueError, match=r"negative|shrink"):
            call()
    table.settling(slot)
    with pytest.raises(ValueError, match="negative"):
        table.settle(slot, -1)
    assert lines.committed(accounts, 0) == 1


def test_what_is_not_bytes_is_a_type_error(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    calls: list[Callable[[], object]] = [
        lambda: table.reserve(slot, None, 1, NOW, b""),  # type: ignore[arg-type]  # what is tested
        lambda: table.reserve(slot, b"", 1, NOW, None),  # type: ignore[arg-type]  # what is tested
        lambda: table.enter(slot, None),  # type: ignore[arg-type]  # what is tested
        lambda: room(accounts, None, NOW),  # type: ignore[arg-type]  # what is tested
        lambda: HoldTable("holds", None, True),  # type: ignore[arg-type]  # what is tested
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


# --- damage ------------------------------------------------------------------------------------------


def test_foreign_and_truncated_files_are_refused(tmp_path: Path, accounts: AccountTable) -> None:
    path = tmp_path / "holds"
    HoldTable(str(path), accounts, True).close()
    good = path.read_bytes()

    def refused(data: bytes) -> None:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"holds|damaged"):
            HoldTable(str(path), accounts, False)

    for length in (0, 1, 8, 16, SLOT - 8, SLOT, 2 * SLOT, len(good) - 8, len(good) - 1):
        refused(good[:length])
    for offset in range(16):
        refused(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
    for slots in (65, 1 << 30, (1 << 63) - 1):
        refused(good[:16] + slots.to_bytes(8, "little") + good[24:])
    path.write_bytes(good)
    assert HoldTable(str(path), accounts, False).slots() == []


WORDS = st.integers(0, 40) | st.integers(0, (1 << 64) - 1)


@given(
    data=st.data(),
    state=st.integers(0, 7),
    slot=st.lists(WORDS, min_size=128, max_size=128),
    line=st.lists(WORDS, min_size=16, max_size=16),
)
def test_any_content_of_a_slot_and_of_the_lines_is_survived(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    state: int,
    slot: list[int],
    line: list[int],
) -> None:
    directory = tmp_path_factory.mktemp("damage")
    accounts = AccountTable(str(directory / "accounts"), True, 3)
    for number in range(3):
        for word in range(16):
            accounts.store(number, word, lines.signed(line[word]))
        accounts.store(number, BudgetWord.KIND, data.draw(st.sampled_from([KIND_BUDGET, KIND_LIMITS])))
    path = directory / "holds"
    HoldTable(str(path), accounts, True).close()
    content = path.read_bytes()
    words = [slot[0] & ~7 | state, *slot[1:]]
    # Mostly plausible numbers of lines and gauges, so that they are followed.
    words[4] = data.draw(st.integers(0, 8)) << 16 | data.draw(st.integers(0, 15))
    words[5] = data.draw(st.integers(0, 8)) << 16 | data.draw(st.integers(0, 15))
    damaged = b"".join(word.to_bytes(8, "little") for word in words)
    path.write_bytes(content[:SLOT] + damaged + content[SLOT + len(damaged) :])
    table = HoldTable(str(path), accounts, False)
    calls: list[Callable[[], object]] = [
        lambda: table.read(0),
        *(lambda call=call: call(table, 0) for call in CALLS.values()),
        lambda: charge(accounts, 0, 1, NOW),
        lambda: roll(accounts, 1, NOW),
        lambda: room(accounts, lines.packed([0, 1, 2]), NOW),
        lambda: balance(accounts, 0, NOW),
        lambda: table.reserve(0, lines.packed([0, 1, 2]), 5, NOW, b""),
    ]
    for call in data.draw(st.permutations(calls)):
        try:
            call()
        except (ValueError, IndexError):
            continue
    table.close()
    accounts.close()
