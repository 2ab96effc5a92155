"""Proves the ledger, as it is at one moment, while the gateway may run. Memory does not grow with it."""

from collections.abc import Callable, Iterable

from sqlalchemy import func, select

from fastgate.domain.money import usd
from fastgate.ledger import audit_rollups
from fastgate.ledger.audit_counters import Counter, CounterCheck
from fastgate.ledger.audit_entries import EntryPass, Tariff
from fastgate.ledger.audit_report import Findings, Report
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.schema import ARCHIVES


def audit(
    database: LedgerDatabase,
    tariff: Tariff,
    counters: CounterCheck,
    read_counters: Callable[[], Iterable[Counter]],
    findings: Findings,
) -> Report:
    """Checks everything, into `findings` and what was found before.

    `counters` has what the journals hold beyond the ledger already; `read_counters` is called when the
    entries are added up. LedgerUnavailable, LedgerUnusable.
    """
    with database.reading() as connection:
        entries = EntryPass(connection, tariff, counters, findings)
        entries.run()
        archived_until_ns = connection.execute(select(func.max(ARCHIVES.c.until_ns))).scalar() or 0
        rollups = audit_rollups.compare(connection, archived_until_ns, findings)
    compared = counters.compare(read_counters(), archived_until_ns, findings)
    return Report(
        ok=not findings.counts,
        entries=entries.entries,
        batches=entries.batches,
        cost_usd=usd(entries.cost),
        estimated=entries.estimated,
        unpriced=entries.unpriced,
        writers=entries.writers,
        rollups=rollups,
        counters=compared,
        journaled=counters.journaled,
        last_hash=entries.last_hash,
        counts=findings.counts,
        differences=findings.kept,
    )
