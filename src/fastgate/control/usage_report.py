"""What one virtual key has used in the last 30 days, by UTC day: the answer to `GET /v1/usage`."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from fastgate.domain.money import usd
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.rollup import DAY_NS
from fastgate.store.ledger.spend import Sums, spend

DAYS: Final = 30


class UsageSums(msgspec.Struct, kw_only=True):
    """`calls` are the attempts that were billed; `cost_usd` is decimal text."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: str


class UsageDay(msgspec.Struct, kw_only=True):
    """`date` is ISO 8601, in UTC."""

    date: str
    used: UsageSums


class UsageReport(msgspec.Struct, kw_only=True):
    """`days` without calls are left out; `since` is the first day that counts."""

    object: str = "fastgate.usage"
    virtual_key: str
    since: str
    days: list[UsageDay]
    total: UsageSums


def usage_report(database: LedgerDatabase, key: str, now_ns: int) -> UsageReport:
    """LedgerError: the database is away."""
    since_ns = now_ns // DAY_NS * DAY_NS - (DAYS - 1) * DAY_NS
    found = spend(database, ["day"], since_ns, now_ns + 1, {"virtual_key": key})
    days = sorted((int(day), sums) for (day,), sums in found.items())
    return UsageReport(
        virtual_key=key,
        since=_date(since_ns),
        days=[UsageDay(date=_date(day_ns), used=_view(sums)) for day_ns, sums in days],
        total=UsageSums(
            calls=sum(sums.entries for _, sums in days),
            input_tokens=sum(sums.usage.input_tokens for _, sums in days),
            output_tokens=sum(sums.usage.output_tokens for _, sums in days),
            cost_usd=usd(sum(sums.cost for _, sums in days)),
        ),
    )


def _view(sums: Sums) -> UsageSums:
    return UsageSums(
        calls=sums.entries,
        input_tokens=sums.usage.input_tokens,
        output_tokens=sums.usage.output_tokens,
        cost_usd=usd(sums.cost),
    )


def _date(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC).date().isoformat()
