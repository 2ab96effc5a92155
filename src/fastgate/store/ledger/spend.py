"""Sums over entries, by any fields and for any period.

Whole days and hours come from the roll-ups, what is left at both ends from the entries, so every bound is
exact, to the nanosecond, by the moment of admission. Only where entries were archived an hour counts as a
whole: for the period that it begins in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from operator import add
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, func, literal_column, select

from fastgate.domain.account import Level
from fastgate.domain.usage import Usage
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.rollup import DAY_NS, HOUR_NS, archived_until, total
from fastgate.store.ledger.schema import DAILY, ENTRIES, GROUP_FIELDS, GROUPS, HOURLY, SUMS, USAGE_COUNTS

COLUMN_FIELDS: Final = tuple(name for name in GROUP_FIELDS if name not in ("teams", "tags", "metadata"))
"""Fields that are a column of the roll-ups; so are `team`, `tag`, `tag:NAME` and `metadata:NAME`."""

ENTRY_FIELDS: Final = ("endpoint", "credential", "requested_model", "outcome", "service_tier")
"""Fields that only entries have: those are summed one by one, and what is archived is not in the sums."""

TIME_FIELDS: Final = {"hour": HOUR_NS, "day": DAY_NS}
"""Fields that are the start of an hour or a day in UTC, in nanoseconds."""

Value: TypeAlias = str | int

_LEVELS: Final = {
    Level.CUSTOMER: "customer",
    Level.TEAM: "team",
    Level.VIRTUAL_KEY: "virtual_key",
    Level.TAG: "tag",
    Level.PROVIDER: "provider",
    Level.MODEL: "public_model",
    Level.DEPLOYMENT: "deployment",
}

_texts: Final = msgspec.json.Decoder(dict[str, str]).decode
_names: Final = msgspec.json.Decoder(list[str]).decode


class Sums(msgspec.Struct, frozen=True):
    """`cost` in nano-USD, of which `estimated_cost` is that of the `estimated` entries."""

    entries: int
    estimated: int
    unpriced: int
    cost: int
    estimated_cost: int
    usage: Usage


def spent_by(database: LedgerDatabase, level: Level, since_ns: int, until_ns: int) -> dict[str, int]:
    """Nano-USD by owner, of all entries admitted from `since_ns` on and before `until_ns`.

    An entry counts for each team on its path, and for each of its tags (`name=value`). The gateway's own name
    is "".
    """
    by = () if level is Level.GATEWAY else (_LEVELS[level],)
    sums = _summed(database, by, ("cost",), (since_ns, until_ns), {})
    if not by:
        return {"": sums[()][0] if sums else 0}
    return {str(name): cost for (name,), (cost,) in sums.items() if name}


def spent_by_tags(database: LedgerDatabase, tags: Mapping[str, str], since_ns: int, until_ns: int) -> int:
    """Nano-USD of all entries of that time that have all these tags."""
    where = {f"tag:{name}": value for name, value in tags.items()}
    return _summed(database, (), ("cost",), (since_ns, until_ns), where).get((), (0,))[0]


def spend(
    database: LedgerDatabase,
    by: Sequence[str],
    since_ns: int,
    until_ns: int,
    where: Mapping[str, str] | None = None,
) -> dict[tuple[Value, ...], Sums]:
    """By the values of the fields `by`, of those entries whose fields have the values of `where`.

    A value that an entry does not have is "". By `team` or `tag` an entry counts once for each that it has.
    ValueError: there is no such field.
    """
    sums = _summed(database, by, SUMS, (since_ns, until_ns), where or {})
    return {key: _sums(values) for key, values in sums.items()}


def _sums(values: tuple[int, ...]) -> Sums:
    entries, estimated, unpriced, cost, estimated_cost, *counts = values
    by_name: dict[str, Any] = dict(zip(USAGE_COUNTS, counts, strict=True))
    return Sums(entries, estimated, unpriced, cost, estimated_cost, Usage(**by_name))


class _Field(NamedTuple):
    """`column` is what the database groups by; `values` are what that means, of which an entry has each."""

    column: str
    values: Callable[[Any], Sequence[Value]]


def _field(name: str) -> _Field:
    prefix, colon, key = name.partition(":")
    if colon and key and prefix in ("tag", "metadata"):
        return _Field("tags" if prefix == "tag" else prefix, lambda text: (_texts(text).get(key, ""),))
    if name == "team":
        return _Field("teams", lambda text: _names(text) or ("",))
    if name == "tag":
        return _Field("tags", lambda text: [f"{tag}={value}" for tag, value in _texts(text).items()] or ("",))
    if name in COLUMN_FIELDS or name in ENTRY_FIELDS or name in TIME_FIELDS:
        return _Field(name, lambda value: (value,))
    raise ValueError(f"entries have no field {name!r} to sum by")


def _summed(
    database: LedgerDatabase,
    by: Sequence[str],
    names: Sequence[str],
    period: tuple[int, int],
    where: Mapping[str, str],
) -> dict[tuple[Value, ...], tuple[int, ...]]:
    """The sums `names` (of SUMS) by the values of the fields `by`."""
    fields = [_field(name) for name in by]
    filters = [(_field(name), value) for name, value in where.items()]
    columns = list(dict.fromkeys(field.column for field in (*fields, *(field for field, _value in filters))))
    sums: dict[tuple[Value, ...], tuple[int, ...]] = {}
    with database.reading() as connection:
        for row in _rows(connection, columns, names, period):
            at = dict(zip(columns, row, strict=False))
            if all(value in field.values(at[field.column]) for field, value in filters):
                values = tuple(row[len(columns) :])
                for key in product(*(field.values(at[field.column]) for field in fields)):
                    before = sums.get(key)
                    sums[key] = values if before is None else tuple(map(add, before, values))
    return sums


def _rows(
    connection: Connection, columns: Sequence[str], names: Sequence[str], period: tuple[int, int]
) -> Iterator[Sequence[Any]]:
    """Values of `columns` and sums of `names`; the same values may come from several tables."""
    only_entries = any(column in ENTRY_FIELDS for column in columns)
    pieces = (
        [(ENTRIES, *period)]
        if only_entries
        else _pieces(*period, archived_until(connection), by_hour="hour" in columns)
    )
    for table, start, end in pieces:
        if start < end:
            time = ENTRIES.c.admitted_ns if table is ENTRIES else table.c.bucket_ns
            keys = [_key(table, time, column) for column in columns]
            source = table if table is ENTRIES else table.join(GROUPS, GROUPS.c.id == table.c.group_id)
            query = (
                select(*keys, *(_sum(table, name) for name in names))
                .select_from(source)
                .where(time >= start, time < end)
                .group_by(*keys)
            )
            # Without a key there is a row also where nothing is: of NULLs.
            yield from (row for row in connection.execute(query) if row[-1] is not None)


def _pieces(since_ns: int, until_ns: int, archived_ns: int, *, by_hour: bool) -> list[tuple[Table, int, int]]:
    """Which table answers for which time."""
    if since_ns < archived_ns:
        since_ns = _up(since_ns, HOUR_NS)
    if until_ns < archived_ns:
        until_ns = _up(until_ns, HOUR_NS)
    first_hour, last_hour = _up(since_ns, HOUR_NS), _down(until_ns, HOUR_NS)
    if first_hour >= last_hour:
        return [(ENTRIES, since_ns, until_ns)]
    first_day, last_day = _up(first_hour, DAY_NS), _down(last_hour, DAY_NS)
    if by_hour or first_day >= last_day:
        first_day = last_day = last_hour
    return [
        (ENTRIES, since_ns, first_hour),
        (HOURLY, first_hour, first_day),
        (DAILY, first_day, last_day),
        (HOURLY, last_day, last_hour),
        (ENTRIES, last_hour, until_ns),
    ]


def _key(table: Table, time: ColumnElement[int], column: str) -> ColumnElement[Any]:
    if column in TIME_FIELDS:
        # The number itself: of two parameters PostgreSQL would not know that they are the same.
        return time - time % literal_column(str(TIME_FIELDS[column]))
    return (ENTRIES if table is ENTRIES else GROUPS).c[column]


def _sum(table: Table, name: str) -> ColumnElement[int]:
    if table is ENTRIES and name == "entries":
        return func.count()
    if table is ENTRIES and name == "estimated_cost":
        return total(ENTRIES.c.cost * ENTRIES.c.estimated)
    return total(table.c[name])


def _down(moment_ns: int, step_ns: int) -> int:
    return moment_ns - moment_ns % step_ns


def _up(moment_ns: int, step_ns: int) -> int:
    return moment_ns + -moment_ns % step_ns
