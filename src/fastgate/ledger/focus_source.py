"""What FOCUS rows are made of: the daily roll-ups, which stay when entries are archived."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import func, select

from fastgate.ledger.focus import DayOfUse
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.schema import DAILY, GROUPS

_DAY_NS: Final = 86_400 * 10**9
_ROWS: Final = 1_000
_FIELDS: Final = ("provider", "deployment", "model", "virtual_key", "teams", "customer", "tags", "metadata")
_SUMS: Final = ("entries", "cost", "estimated_cost", "input_tokens", "cached_input_tokens", "output_tokens")
_decode_teams: Final = msgspec.json.Decoder(tuple[str, ...]).decode


def days(database: LedgerDatabase, since_ns: int, until_ns: int) -> Iterator[DayOfUse]:
    """Of the days of UTC that begin from `since_ns` on and before `until_ns`, in order. LedgerUnavailable."""
    fields = [GROUPS.c[name] for name in _FIELDS]
    query = (
        select(DAILY.c.bucket_ns, *fields, *(func.sum(DAILY.c[name]) for name in _SUMS))
        .join_from(DAILY, GROUPS, DAILY.c.group_id == GROUPS.c.id)
        .where(DAILY.c.bucket_ns >= since_ns, DAILY.c.bucket_ns < until_ns)
        .group_by(DAILY.c.bucket_ns, *fields)
        .order_by(DAILY.c.bucket_ns, *fields)
    )
    with database.reading() as connection:
        for row in connection.execute(query, execution_options={"yield_per": _ROWS}):
            yield _day(row)


def _day(row: Any) -> DayOfUse:
    bucket_ns, provider, deployment, model, virtual_key, teams, customer, tags, metadata, *sums = row
    entries, cost, estimated_cost, input_tokens, cached, output_tokens = map(int, sums)
    return DayOfUse(
        day=bucket_ns // _DAY_NS,
        provider=provider,
        deployment=deployment,
        model=model,
        virtual_key=virtual_key,
        team=next(iter(_decode_teams(teams)), ""),
        customer=customer,
        tags=tags,
        metadata=metadata,
        entries=entries,
        cost=cost,
        estimated_cost=estimated_cost,
        input_tokens=input_tokens,
        cached_input_tokens=cached,
        output_tokens=output_tokens,
    )
