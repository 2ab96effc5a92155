"""The audit, by damage: what somebody changes in the database is found and named."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from tests.support import sample_ledger
from tests.support.sample_ledger import CLAUDE, FIRST_DAY_NS, GPT, HOUR_NS, WRITERS

from fastgate.domain.account import Level, Owner
from fastgate.domain.usage import Usage
from fastgate.ledger import audit_report
from fastgate.ledger.audit import audit
from fastgate.ledger.audit_counters import Counter, CounterCheck
from fastgate.ledger.audit_report import Check, Difference, Findings, Report
from fastgate.pricing.cost import Tariff
from fastgate.store.ledger.database import DEFAULT_FILE, LedgerDatabase
from fastgate.store.ledger.write import Drained, LedgerAppender, Record, WriterPosition

FIRST, SECOND = WRITERS
GROUP = (
    'customer acme, teams ["search","product"], virtual_key vk_acme, provider openai, '
    "deployment openai/gpt-4o, model gpt-4o-2024-08-06, public_model gpt-4o, "
    f'price {GPT.id}, tags {{"env":"prod"}}, metadata {{"code":"4711"}}'
)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    sample_ledger.create(tmp_path)
    return tmp_path


@pytest.fixture
def damage(ledger: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(ledger / DEFAULT_FILE)
    yield connection
    connection.close()


def audited(
    ledger: Path,
    check: CounterCheck | None = None,
    after: Callable[[], Iterable[Counter]] = lambda: (),
) -> Report:
    database = LedgerDatabase.open_reader(None, ledger)
    try:
        counters = check or CounterCheck([])
        return audit(database, lambda price: Tariff(price).cost_nano, counters, after, Findings())
    finally:
        database.close()


def found(ledger: Path) -> list[tuple[str, str, str, str]]:
    report = audited(ledger)
    assert not report.ok
    assert sum(report.counts.values()) == len(report.differences)
    return [(str(each.check), each.what, each.recorded, each.expected) for each in report.differences]


def run(damage: sqlite3.Connection, *statements: str) -> None:
    for statement in statements:
        cursor = damage.execute(statement)
        assert cursor.rowcount != 0, statement
    damage.commit()


def of(check: Check, differences: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, ...]]:
    return [difference[1:] for difference in differences if difference[0] == check]


def hash_of(damage: sqlite3.Connection, batch: int) -> str:
    return str(damage.execute("SELECT hash FROM batches WHERE number = ?", [batch]).fetchone()[0])


def test_a_ledger_that_is_right(ledger: Path, damage: sqlite3.Connection) -> None:
    assert audited(ledger) == Report(
        ok=True,
        entries=7,
        batches=3,
        cost_usd="1.325465",
        estimated=1,
        unpriced=1,
        writers=2,
        rollups=14,
        counters=0,
        journaled=0,
        last_hash=hash_of(damage, 3),
        counts={},
        differences=[],
    )


def test_an_empty_ledger_is_right(tmp_path: Path) -> None:
    LedgerDatabase.open(None, tmp_path).close()
    report = audited(tmp_path)
    assert (report.ok, report.entries, report.cost_usd, report.last_hash) == (True, 0, "0.00", "")


def test_a_flipped_bit(ledger: Path, damage: sqlite3.Connection) -> None:
    recorded = hash_of(damage, 2)
    run(damage, "UPDATE entries SET duration_ms = duration_ms | 4 WHERE number = 5")
    ((what, was, now),) = of(Check.CHAIN, differences := found(ledger))
    assert len(differences) == 1
    assert (what, was) == ("batch 2, hash of its entries", recorded)
    assert len(now) == 64


def test_an_edited_cost(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, "UPDATE entries SET cost = cost - 1 WHERE number = 1")
    differences = found(ledger)
    assert of(Check.COST, differences) == [(f"entry {FIRST}01", "237499999", "237500000")]
    assert [what for what, *_ in of(Check.CHAIN, differences)] == ["batch 1, hash of its entries"]
    assert of(Check.ROLLUP, differences) == [
        (f"hour 2026-11-01T02:00Z of {GROUP}: cost", "237500000", "237499999")
    ]


def test_edited_usage_is_found_by_the_cost_that_it_would_have(
    ledger: Path, damage: sqlite3.Connection
) -> None:
    run(damage, "UPDATE entries SET output_tokens = 24999 WHERE number = 7")
    assert of(Check.COST, found(ledger)) == [(f"entry {FIRST}04", "250000000", "249990000")]


def test_a_cost_without_a_price(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, "UPDATE entries SET cost = 5 WHERE unpriced = 1")
    assert of(Check.COST, found(ledger)) == [(f"entry {SECOND}02, without a price", "5", "0")]


def test_a_deleted_row(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, "DELETE FROM entries WHERE number = 4")
    differences = found(ledger)
    assert ("batch 2, entry number 4", "missing", "there") in of(Check.CHAIN, differences)
    assert of(Check.JOURNAL, differences) == [(f"writer {FIRST}, record 3", "missing", "there")]
    assert [what for what, *_ in of(Check.ROLLUP, differences)] == [
        "hour 2026-11-02T01:00Z of customer beta, teams [], virtual_key vk_beta, provider anthropic, "
        "deployment anthropic/claude-sonnet-4-6, model claude-sonnet-4-6, public_model claude-sonnet-4-6, "
        f'price {CLAUDE.id}, tags {{"env":"dev","feature":"chat"}}, metadata {{}}'
    ]


def test_a_deleted_end(ledger: Path, damage: sqlite3.Connection) -> None:
    """The last batch, with all that is derived from it."""
    run(
        damage,
        "DELETE FROM entries WHERE batch = 3",
        "DELETE FROM batches WHERE number = 3",
        f"DELETE FROM rollups_hourly WHERE bucket_ns = {FIRST_DAY_NS + 52 * HOUR_NS}",
    )
    assert (f"writer {FIRST}", "ends at record 3", "record 4") in of(Check.JOURNAL, found(ledger))


def test_a_deleted_batch(ledger: Path, damage: sqlite3.Connection) -> None:
    first, second = hash_of(damage, 1), hash_of(damage, 2)
    run(damage, "DELETE FROM entries WHERE batch = 2", "DELETE FROM batches WHERE number = 2")
    chain = of(Check.CHAIN, found(ledger))
    assert chain == [
        ("batch 3", "follows batch 1", "batch 2"),
        ("batch 3, previous hash", second, first),
        ("batch 3, first entry", "7", "4"),
    ]


def test_a_hash_that_was_worked_out_anew(ledger: Path, damage: sqlite3.Connection) -> None:
    """Who edits a batch and its hash breaks the chain to the next."""
    before = hash_of(damage, 2)
    run(damage, f"UPDATE batches SET hash = '{'0' * 64}' WHERE number = 2")
    chain = of(Check.CHAIN, found(ledger))
    assert chain == [
        ("batch 2, hash of its entries", "0" * 64, before),
        ("batch 3, previous hash", before, "0" * 64),
    ]


def test_a_duplicated_batch(ledger: Path, damage: sqlite3.Connection) -> None:
    """The unique constraints have to go first: without them it would not even be possible."""
    columns = [row[1] for row in damage.execute("PRAGMA table_info(entries)")]
    rest = ", ".join(columns[2:])
    damage.executescript(
        "CREATE TABLE copied AS SELECT * FROM entries; DROP TABLE entries;"
        "ALTER TABLE copied RENAME TO entries;"
    )
    run(
        damage,
        f"INSERT INTO entries SELECT number + 7, 4, {rest} FROM entries WHERE batch = 1",
        "INSERT INTO batches SELECT 4, hash, hash, 8, 10, written_ns FROM batches WHERE number = 3",
    )
    journal = of(Check.JOURNAL, found(ledger))
    assert journal == [
        (f"entry {FIRST}01", f"record 1 of writer {FIRST} again", "once"),
        (f"entry {FIRST}02", f"record 2 of writer {FIRST} again", "once"),
        (f"entry {SECOND}01", f"record 1 of writer {SECOND} again", "once"),
    ]


def test_entries_that_no_batch_has(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, "DELETE FROM batches WHERE number = 3")
    assert of(Check.CHAIN, found(ledger)) == [("entries from number 7 on", "1 in no batch", "none")]


def test_an_entry_in_another_batch(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, "UPDATE entries SET batch = 3 WHERE number = 6")
    assert (f"entry {SECOND}03, batch", "3", "2") in of(Check.CHAIN, found(ledger))


def test_an_edited_roll_up(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, f"UPDATE rollups_hourly SET cost = cost + 1 WHERE bucket_ns = {FIRST_DAY_NS + 2 * HOUR_NS}")
    assert found(ledger) == [
        ("rollup", f"hour 2026-11-01T02:00Z of {GROUP}: cost", "237500001", "237500000"),
        ("rollup", f"day 2026-11-01T00:00Z of {GROUP}: cost", "237500000", "237500001"),
    ]


def test_a_day_that_was_edited_or_is_gone_or_new(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, f"UPDATE rollups_daily SET entries = 9 WHERE bucket_ns = {FIRST_DAY_NS} AND cost = 237500000")
    assert found(ledger) == [("rollup", f"day 2026-11-01T00:00Z of {GROUP}: entries", "9", "1")]
    run(damage, f"DELETE FROM rollups_daily WHERE bucket_ns = {FIRST_DAY_NS} AND cost = 237500000")
    assert found(ledger) == [("rollup", f"day 2026-11-01T00:00Z of {GROUP}", "nothing", "there")]
    run(damage, "UPDATE rollups_daily SET bucket_ns = bucket_ns - 86400000000000 WHERE cost = 330000000")
    assert [difference[2] for difference in found(ledger)] == ["there", "nothing", "nothing"]


def test_a_journal_number_that_never_came(ledger: Path) -> None:
    late = sample_ledger.entry(f"{FIRST}09", FIRST_DAY_NS, Usage(output_tokens=1))
    database = LedgerDatabase.open(None, ledger)
    position = WriterPosition(FIRST, 8, 1, 999, False)
    LedgerAppender(database).append([Drained(position, [Record(8, late)])])
    database.close()
    assert found(ledger) == [("journal", f"writer {FIRST}, record 5 to 7", "missing", "there")]


def test_an_entry_of_a_writer_that_is_unknown(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, f"DELETE FROM writers WHERE writer = '{SECOND}'")
    assert found(ledger) == [("journal", f"writer {SECOND}", f"unknown, in entry {SECOND}01", "known")]


def test_an_edited_price(ledger: Path, damage: sqlite3.Connection) -> None:
    run(
        damage,
        f"UPDATE prices SET definition = replace(definition, '10000000', '20000000') WHERE id = '{GPT.id}'",
    )
    differences = found(ledger)
    ((what, recorded, expected),) = of(Check.PRICE, differences)
    assert (what, recorded) == (f"price {GPT.id}, id of its rates", GPT.id)
    assert expected != GPT.id
    assert [what for what, *_ in of(Check.COST, differences)] == [
        f"entry {FIRST}{number}" for number in ("01", "02", "04")
    ]


def test_a_price_that_is_gone(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, f"DELETE FROM prices WHERE id = '{CLAUDE.id}'")
    missing = [
        (f"entry {writer}{number}, price {CLAUDE.id}", "unknown", "stored")
        for writer, number in ((SECOND, "01"), (FIRST, "03"), (SECOND, "03"))
    ]
    assert found(ledger) == [("price", *each) for each in missing]


def test_a_price_that_is_unreadable(ledger: Path, damage: sqlite3.Connection) -> None:
    run(damage, f"UPDATE prices SET definition = '[1' WHERE id = '{CLAUDE.id}'")
    prices = of(Check.PRICE, found(ledger))
    assert [what for what, *_ in prices][:2] == [f"price {CLAUDE.id}", f"entry {SECOND}01, price {CLAUDE.id}"]
    assert prices[0][1].startswith("unreadable (")


@pytest.mark.parametrize("column", ["other", "cost", "input_tokens"])
def test_an_entry_that_cannot_be_read(ledger: Path, damage: sqlite3.Connection, column: str) -> None:
    run(damage, f"UPDATE entries SET {column} = 'x[' WHERE number = 3")
    differences = [(what, recorded) for what, recorded, _ in of(Check.CHAIN, found(ledger))]
    (unreadable,) = [recorded for what, recorded in differences if what == f"entry {SECOND}01"]
    assert unreadable.startswith("unreadable (")


def test_a_report_names_so_many_and_counts_all(
    ledger: Path, damage: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_report, "KEPT", 2)
    run(damage, "UPDATE entries SET cost = cost + 1")
    report = audited(ledger)
    assert len(report.differences) == 2
    assert report.counts == {Check.COST: 7, Check.CHAIN: 3, Check.ROLLUP: 8}  # an estimate changes two sums


def test_entries_that_come_while_it_runs_are_not_in_it(ledger: Path) -> None:
    """It looks at one moment of the database, and does not keep the gateway from writing."""
    late = sample_ledger.entry(f"{FIRST}05", FIRST_DAY_NS, Usage(output_tokens=1))
    writing = LedgerDatabase.open(None, ledger)
    reading = LedgerDatabase.open_reader(None, ledger)
    appended = 0

    def tariff(price: object) -> Callable[[Usage], int]:
        nonlocal appended
        if not appended:
            position = WriterPosition(FIRST, 5, 1, 999, False)
            appended = LedgerAppender(writing).append([Drained(position, [Record(5, late)])]).entries
        return Tariff(price).cost_nano  # type: ignore[arg-type]  # it is a Price

    report = audit(reading, tariff, CounterCheck([]), lambda: (), Findings())
    assert (appended, report.entries, report.differences) == (1, 7, [])
    assert audit(reading, tariff, CounterCheck([]), lambda: (), Findings()).entries == 8
    writing.close()
    reading.close()


# --- counters ---------------------------------------------------------------------------------------


def counter(spent: int, level: Level = Level.VIRTUAL_KEY, name: str = "vk_acme", account: int = 7) -> Counter:
    return Counter(
        account, Owner(level, name), "monthly", FIRST_DAY_NS, FIRST_DAY_NS + 30 * 24 * HOUR_NS, spent
    )


@pytest.mark.parametrize(
    ("level", "name", "spent"),
    [
        (Level.VIRTUAL_KEY, "vk_acme", 725_000_000),
        (Level.CUSTOMER, "beta", 600_465_000),
        (Level.TEAM, "product", 725_000_000),
        (Level.PROVIDER, "anthropic", 600_465_000),
        (Level.DEPLOYMENT, "openai/gpt-4o", 725_000_000),
        (Level.GATEWAY, "", 1_325_465_000),
        (Level.MODEL, "GPT-*", 725_000_000),
        (Level.TAG, "env=dev", 837_965_000),
        (Level.TAG, "env=dev,feature=chat", 600_465_000),
        (Level.CUSTOMER, "nobody", 0),
    ],
)
def test_a_counter_is_what_its_owner_spent_and_one_off_is_found(
    ledger: Path, level: Level, name: str, spent: int
) -> None:
    right = counter(spent, level, name)
    report = audited(ledger, CounterCheck([right]), lambda: [right])
    assert (report.ok, report.counters) == (True, 1)
    for off in (-1, 1):
        wrong = [counter(spent + off, level, name)]
        (difference,) = audited(ledger, CounterCheck(wrong), partial(list, wrong)).differences
        assert difference.check is Check.COUNTER
        assert difference.what == f"monthly budget of {Owner(level, name)}, spent"
        assert difference.recorded != difference.expected


def test_a_counter_counts_its_own_period_only(ledger: Path) -> None:
    day = Counter(
        7,
        Owner(Level.GATEWAY, ""),
        "daily",
        FIRST_DAY_NS + 24 * HOUR_NS,
        FIRST_DAY_NS + 48 * HOUR_NS,
        237_950_000,
    )
    assert audited(ledger, CounterCheck([day]), lambda: [day]).ok


def test_what_is_journaled_and_not_drained_yet_counts(ledger: Path) -> None:
    before, after = counter(725_000_000), counter(725_000_030)
    check = CounterCheck([before])
    check.journal(FIRST, 5, sample_ledger.entry("x", FIRST_DAY_NS, Usage(), cost=30).closing)
    check.journal(SECOND, 4, sample_ledger.entry("y", FIRST_DAY_NS, Usage(), cost=99, charged=(8,)).closing)
    report = audited(ledger, check, lambda: [after])
    assert (report.ok, report.journaled) == (True, 2)


def test_what_is_drained_while_the_journals_are_read_counts_once(ledger: Path) -> None:
    """The ledger had three records of the first writer then, and has four when it is read."""
    right = counter(725_000_000)
    check = CounterCheck([right])
    check.journal(FIRST, 4, sample_ledger.entry("x", FIRST_DAY_NS, Usage(), cost=250_000_000).closing)
    assert audited(ledger, check, lambda: [right]).ok


def test_what_is_settled_while_it_runs_is_no_difference(ledger: Path) -> None:
    early, late = counter(700_000_000), counter(900_000_000)
    assert audited(ledger, CounterCheck([early]), lambda: [late]).ok
    assert not audited(ledger, CounterCheck([late]), lambda: [late]).ok


def test_a_counter_whose_period_changed_meanwhile_is_left_out(ledger: Path) -> None:
    late = Counter(7, Owner(Level.VIRTUAL_KEY, "vk_acme"), "monthly", FIRST_DAY_NS + 1, 2**62, 5)
    report = audited(ledger, CounterCheck([counter(1)]), lambda: [late])
    assert (report.ok, report.counters) == (True, 0)


def test_behind_says_whether_a_counter_has_still_to_come(ledger: Path) -> None:
    check = CounterCheck([counter(1)])
    audited(ledger, check)
    assert check.behind([counter(724_999_999)])
    assert not check.behind([counter(725_000_000)])


def test_a_difference_reads_as_a_sentence() -> None:
    difference = Difference(Check.COST, "entry a", "1", "2")
    assert str(difference) == "cost: entry a: recorded 1, should be 2"
