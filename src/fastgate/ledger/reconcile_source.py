"""What an invoice is compared with: the hourly roll-ups, which stay when entries are archived."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Final

from sqlalchemy import func, select

from fastgate.ledger.invoices.vendor import Vendor
from fastgate.ledger.reconcile import Recorded
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.schema import GROUPS, HOURLY

PROVIDERS: Final = {
    Vendor.OPENAI: ("openai",),
    Vendor.ANTHROPIC: ("anthropic",),
    Vendor.AWS: ("bedrock",),
    Vendor.GCP: ("vertex", "vertex_ai", "gemini"),
}
"""How providers of a vendor are called in a configuration that does not name them otherwise."""

_SUMS: Final = Recorded.__struct_fields__[3:]
_ROWS: Final = 1_000


def recorded(
    database: LedgerDatabase, providers: Sequence[str], first: date, until: date
) -> Iterator[Recorded]:
    """Of the days of UTC from `first` on and before `until`, in order. LedgerUnavailable."""
    fields = (HOURLY.c.bucket_ns, GROUPS.c.model, GROUPS.c.price)
    query = (
        select(*fields, *(func.sum(HOURLY.c[name]) for name in _SUMS))
        .join_from(HOURLY, GROUPS, HOURLY.c.group_id == GROUPS.c.id)
        .where(
            GROUPS.c.provider.in_(providers),
            HOURLY.c.bucket_ns >= _ns(first),
            HOURLY.c.bucket_ns < _ns(until),
        )
        .group_by(*fields)
        .order_by(*fields)
    )
    with database.reading() as connection:
        for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
            hour_ns, model, price, *sums = row
            yield Recorded(hour_ns, model, price, *map(int, sums))


def _ns(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 10**9
