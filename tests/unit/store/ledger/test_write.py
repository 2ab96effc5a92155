from pathlib import Path

import pytest
from sqlalchemy import text
from tests.conftest import FakeClock
from tests.support.ledger_entries import START_NS, WRITER, drained, ledger_entry
from tests.support.postgres import PostgresServer

from fastgate.domain.entry import Outcome
from fastgate.domain.usage import COUNTS, Usage
from fastgate.store.ledger.canonical import GENESIS, batch_hash
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerUnusable
from fastgate.store.ledger.read import (
    WriterState,
    batches,
    entries,
    known_ids,
    last_batch,
    positions,
    rows,
)
from fastgate.store.ledger.rows import LARGEST
from fastgate.store.ledger.rows import ledger_entry as entry_of
from fastgate.store.ledger.write import Appended, Drained, LedgerAppender, Record, WriterPosition

OTHER = "fedcba9876543210"

ODD = ledger_entry(
    1,
    tags={"ünï": "\u0000", 'quo"te': "a,b\nc"},
    metadata={},
    teams=(),
    stream=False,
    request_id="",
    charged=(),
    outcome=Outcome.WORKER_LOST,
    estimated=True,
    unpriced=True,
    cost=LARGEST,
    usage=Usage(
        **{name: 2**40 - index for index, name in enumerate(COUNTS)}, other={"x": 1}, service_tier="flex"
    ),
)


def test_an_entry_comes_back_as_it_was(ledger: LedgerDatabase) -> None:
    appended = [ODD, ledger_entry(2)]
    LedgerAppender(ledger).append([drained(*appended)])
    found = list(entries(ledger, 0, 2**63 - 1))
    assert [item.entry for item in found] == appended
    assert [item[:4] for item in found] == [(1, 1, WRITER, 1), (2, 1, WRITER, 2)]


def test_text_that_postgresql_cannot_take(ledger: LedgerDatabase) -> None:
    LedgerAppender(ledger).append([drained(ledger_entry(1, requested_model="a\0b", model="\0"))])
    (found,) = entries(ledger, 0, 2**63 - 1)
    assert (found.entry.opening.requested_model, found.entry.opening.parties.model) == ("a\ufffdb", "\ufffd")


def test_what_is_there_already_is_skipped(ledger: LedgerDatabase) -> None:
    appender = LedgerAppender(ledger)
    first = drained(ledger_entry(1), ledger_entry(2), ledger_entry(2))
    assert appender.append([first]) == Appended(2, 1)
    before = list(rows(ledger)), last_batch(ledger)
    assert appender.append([first]) == Appended(0, 3)
    again = drained(ledger_entry(1), ledger_entry(2), writer=OTHER)
    assert LedgerAppender(ledger).append([again]) == Appended(0, 2)
    assert (list(rows(ledger)), last_batch(ledger)) == before
    assert set(positions(ledger)) == {WRITER, OTHER}
    assert known_ids(ledger, [f"{WRITER}{1:012x}", "unheard of"]) == {f"{WRITER}{1:012x}"}


def test_several_writers_in_one_batch_and_their_positions(ledger: LedgerDatabase) -> None:
    appender = LedgerAppender(ledger)
    assert last_batch(ledger) is None
    assert positions(ledger) == {}
    other = [ledger_entry(number, id=f"{OTHER}{number}") for number in (1, 2)]
    appender.append([drained(ledger_entry(1)), drained(*other, writer=OTHER, closed=True)])
    appender.append([drained(ledger_entry(2), after=1)])
    appender.append([Drained(WriterPosition(WRITER, 2, 7, 64, closed=False), [])])
    assert positions(ledger) == {
        WRITER: WriterState(WRITER, 2, 7, 64, closed=False, archived=0),
        OTHER: WriterState(OTHER, 2, 1, 128, closed=True, archived=0),
    }
    assert [(batch.number, batch.first_entry, batch.last_entry) for batch in batches(ledger)] == [
        (1, 1, 3),
        (2, 4, 4),
    ]
    assert [row[:4] for row in rows(ledger)] == [
        (1, 1, WRITER, 1),
        (2, 1, OTHER, 1),
        (3, 1, OTHER, 2),
        (4, 2, WRITER, 2),
    ]


def test_two_records_of_one_number_are_refused_whole(ledger: LedgerDatabase) -> None:
    appender = LedgerAppender(ledger)
    appender.append([drained(ledger_entry(1))])
    with pytest.raises(LedgerUnusable, match=r"(?i)unique"):
        appender.append([drained(ledger_entry(2), ledger_entry(3))])
    assert [row[0] for row in rows(ledger)] == [1]
    assert positions(ledger)[WRITER].sequence == 1
    assert appender.append([drained(ledger_entry(2), ledger_entry(3), after=1)]) == Appended(2, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": LARGEST + 1},
        {"cost": -1},
        {"usage": Usage(input_tokens=2**63)},
        {"usage": Usage(output_tokens=-1)},
    ],
)
def test_an_entry_that_cannot_be_stops_all_of_it(ledger: LedgerDatabase, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{WRITER}{2:012x} has an impossible count or cost"):
        LedgerAppender(ledger).append([drained(ledger_entry(1), ledger_entry(2, **wrong))])
    assert not list(rows(ledger))
    assert not positions(ledger)


def test_both_databases_have_one_chain(
    postgres: PostgresServer, tmp_path: Path, fake_clock: FakeClock
) -> None:
    """Worked out from what they give back, and the same in both."""
    found = []
    for url in (None, postgres.create_database()):
        database = LedgerDatabase.open(url, tmp_path)
        appender = LedgerAppender(database)
        appender.append([drained(ODD, *(ledger_entry(number) for number in range(2, 8)))])
        appender.append([drained(ledger_entry(8), after=7)])
        previous, hashes = GENESIS, []
        for batch in batches(database):
            own = rows(database, batch.first_entry, batch.last_entry)
            previous = batch_hash(previous, batch.number, batch.written_ns, own)
            assert batch.hash == previous
            hashes.append((batch.previous_hash, previous))
        found.append((hashes, list(rows(database))))
        database.close()
    assert found[0] == found[1]
    (genesis, first), (second_previous, _second) = found[0][0]
    assert (genesis, second_previous) == (GENESIS, first)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET cost = cost + 1 WHERE number = 3",
        "UPDATE entries SET virtual_key = 'vk_acmf' WHERE number = 3",
        "UPDATE entries SET charged = '[1]' WHERE number = 3",
        "UPDATE entries SET number = 9 WHERE number = 3",
        "DELETE FROM entries WHERE number = 3",
        "UPDATE batches SET written_ns = written_ns + 1",
        "UPDATE batches SET previous_hash = 'x'",
    ],
)
def test_the_hash_shows_each_change(ledger: LedgerDatabase, damage: str) -> None:
    LedgerAppender(ledger).append([drained(*(ledger_entry(number) for number in range(1, 6)))])
    with ledger.writing() as connection:
        connection.execute(text(damage))
    batch = last_batch(ledger)
    assert batch is not None
    own = rows(ledger, batch.first_entry, batch.last_entry)
    assert batch_hash(batch.previous_hash, batch.number, batch.written_ns, own) != batch.hash


def test_a_damaged_row_is_read_all_the_same_but_is_no_entry(ledger: LedgerDatabase) -> None:
    LedgerAppender(ledger).append([drained(ledger_entry(1))])
    with ledger.writing() as connection:
        connection.execute(text("UPDATE entries SET teams = 'no JSON'"))
    (row,) = rows(ledger)
    with pytest.raises(ValueError, match="the ledger entry number 1 cannot be read"):
        entry_of(row)


def test_entries_come_in_order_of_admission_page_by_page(
    ledger: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastgate.store.ledger.read._PAGE", 3)
    moments = [5, 3, 3, 9, 3, 3, 1, 7, 3, 0]
    appended = [
        ledger_entry(number, admitted_ns=START_NS + moment) for number, moment in enumerate(moments, 1)
    ]
    appender = LedgerAppender(ledger)
    for number, entry in enumerate(appended, 1):
        appender.append([Drained(WriterPosition(WRITER, number, 1, 0, False), [Record(number, entry)])])
    found = [
        item.entry.closing.admitted_ns - START_NS for item in entries(ledger, START_NS + 1, START_NS + 9)
    ]
    assert found == [1, 3, 3, 3, 3, 3, 5, 7]
    assert [row[0] for row in rows(ledger, 2, 9)] == list(range(2, 10))
    assert [batch.number for batch in batches(ledger, after=4)] == list(range(5, 11))
