"""What the tools read: the same from SQLite and PostgreSQL, and also when entries are archived."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update
from tests.support import sample_ledger
from tests.support.sample_ledger import CLAUDE, DAY_NS, FIRST_DAY_NS, GPT, HOUR_NS

from fastgate.domain.account import Level, Owner
from fastgate.ledger.audit import audit
from fastgate.ledger.audit_counters import Counter, CounterCheck
from fastgate.ledger.audit_report import Check, Findings, Report
from fastgate.ledger.focus_source import days
from fastgate.ledger.reconcile import Recorded
from fastgate.ledger.reconcile_source import recorded
from fastgate.pricing.cost import Tariff
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.retention import archive
from fastgate.store.ledger.schema import ENTRIES, HOURLY


@pytest.fixture
def filled(ledger: LedgerDatabase) -> LedgerDatabase:
    sample_ledger.write(ledger, list(sample_ledger.entries()))
    return ledger


def archive_two_batches(database: LedgerDatabase) -> None:
    """Of three: the entries of the first two days, and one of the third."""
    archived = archive(database, 2**62, None, max_entries=6)
    assert archived is not None
    assert archived.last_batch == 2


def audited(database: LedgerDatabase, counters: tuple[Counter, ...] = ()) -> Report:
    check = CounterCheck(counters)
    return audit(database, lambda price: Tariff(price).cost_nano, check, lambda: counters, Findings())


def test_the_audit_finds_nothing_and_an_edited_cost(filled: LedgerDatabase) -> None:
    report = audited(filled)
    assert (report.differences, report.entries, report.cost_usd, report.rollups) == ([], 7, "1.325465", 14)
    with filled.writing() as connection:
        connection.execute(update(ENTRIES).where(ENTRIES.c.number == 1).values(cost=1))
        connection.execute(update(HOURLY).where(HOURLY.c.cost == 450_000).values(entries=2))
    assert audited(filled).counts == {Check.COST: 1, Check.CHAIN: 1, Check.ROLLUP: 3}


def test_the_audit_goes_on_where_the_archive_ends(filled: LedgerDatabase) -> None:
    """Two of three batches are archived; their roll-ups stay."""
    whole = audited(filled)
    archive_two_batches(filled)
    report = audited(filled)
    assert (report.differences, report.entries, report.batches, report.rollups) == ([], 1, 1, 14)
    assert report.last_hash == whole.last_hash


def test_a_counter_of_a_period_that_is_partly_archived_is_not_compared(
    filled: LedgerDatabase,
) -> None:
    end_ns = FIRST_DAY_NS + 30 * DAY_NS
    month = Counter(1, Owner(Level.GATEWAY, ""), "monthly", FIRST_DAY_NS, end_ns, 1_325_465_000)
    hour_ns = FIRST_DAY_NS + 2 * DAY_NS + 4 * HOUR_NS
    late = Counter(2, Owner(Level.GATEWAY, ""), "1h", hour_ns, hour_ns + HOUR_NS, 250_000_000)
    assert audited(filled, (month, late)).counters == 2
    archive_two_batches(filled)
    report = audited(filled, (month, late))
    assert (report.differences, report.counters) == ([], 1)


@pytest.fixture(params=["whole", "archived"])
def kept(request: pytest.FixtureRequest, filled: LedgerDatabase) -> LedgerDatabase:
    """Roll-ups stay for ever, so nothing of this depends on what is archived."""
    if request.param == "archived":
        archive_two_batches(filled)
    return filled


def test_focus_has_a_row_for_each_day_and_what_is_alike(kept: LedgerDatabase) -> None:
    found = list(days(kept, FIRST_DAY_NS, FIRST_DAY_NS + 3 * DAY_NS))
    first = FIRST_DAY_NS // DAY_NS
    assert [(use.day - first, use.provider, use.team, use.entries, use.cost) for use in found] == [
        (0, "anthropic", "", 1, 330_000_000),
        (0, "openai", "search", 1, 237_500_000),
        (1, "anthropic", "", 1, 450_000),
        (1, "openai", "search", 1, 237_500_000),
        (2, "anthropic", "", 1, 270_015_000),
        (2, "local", "search", 1, 0),
        (2, "openai", "search", 1, 250_000_000),
    ]
    assert (found[2].estimated_cost, found[1].tags) == (450_000, '{"env":"prod"}')
    assert [use.day - first for use in days(kept, FIRST_DAY_NS + DAY_NS, FIRST_DAY_NS + 2 * DAY_NS)] == [1, 1]


def test_an_invoice_is_compared_with_hours_models_and_prices(kept: LedgerDatabase) -> None:
    claude: dict[str, Any] = {
        "model": "claude-sonnet-4-6",
        "price": CLAUDE.id,
        "entries": 1,
        "cache_write_tokens": 0,
        "unpriced": 0,
    }
    assert list(recorded(kept, ("anthropic",), date(2026, 11, 1), date(2026, 11, 3))) == [
        Recorded(
            hour_ns=FIRST_DAY_NS + 5 * HOUR_NS,
            cost=330_000_000,
            input_tokens=60_000,
            cached_input_tokens=10_000,
            output_tokens=10_000,
            estimated=0,
            estimated_cost=0,
            **claude,
        ),
        Recorded(
            hour_ns=FIRST_DAY_NS + 25 * HOUR_NS,
            cost=450_000,
            input_tokens=100,
            cached_input_tokens=0,
            output_tokens=10,
            estimated=1,
            estimated_cost=450_000,
            **claude,
        ),
    ]
    both = recorded(kept, ("openai", "local"), date(2026, 11, 3), date(2026, 11, 4))
    assert [(found.model, found.price, found.unpriced) for found in both] == [
        ("llama-3", "", 1),
        ("gpt-4o-2024-08-06", GPT.id, 0),
    ]
