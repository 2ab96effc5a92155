"""Hourly and daily sums of entries, by what they are grouped by. Derived: `rebuild` makes them anew."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import islice
from operator import add, itemgetter
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, cast, delete, func, insert, select

from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.rows import INDEX, Row
from fastgate.store.ledger.schema import (
    ARCHIVES,
    DAILY,
    ENTRIES,
    GROUP_FIELDS,
    GROUPS,
    HOURLY,
    SUMS,
    USAGE_COUNTS,
)
from fastgate.store.ledger.statements import ManyRows, adding

HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS

Group: TypeAlias = tuple[str, ...]
"""The values of GROUP_FIELDS."""

_MAX_CACHED: Final = 100_000
_LOOK_UP: Final = 500  # digests in one statement
_REBUILD_ROWS: Final = 10_000

_group_of: Final = itemgetter(*(INDEX[name] for name in GROUP_FIELDS))
_ADMITTED: Final = INDEX["admitted_ns"]
_sums_of: Final = itemgetter(*(INDEX[name] for name in ("estimated", "unpriced", "cost", *USAGE_COUNTS)))
_encode: Final = msgspec.msgpack.Encoder().encode


class Rollups:
    """Adds entries that are new to the ledger to the sums. One for all transactions of a writer."""

    def __init__(self, connection: Connection) -> None:
        names = ("bucket_ns", "group_id", *SUMS)
        self._into = tuple(
            (period, ManyRows(connection, adding(connection, table, SUMS), names))
            for period, table in ((HOUR_NS, HOURLY), (DAY_NS, DAILY))
        )
        self._new_groups = ManyRows(connection, insert(GROUPS), ("id", "digest", *GROUP_FIELDS))
        self._known: dict[Group, int] = {}

    def add(self, connection: Connection, rows: Iterable[Row]) -> Mapping[Group, int]:
        """The groups that it met, to be given to `committed` when they are."""
        sums = _summed(rows)
        groups = self._group_ids(connection, {group for _hour, group in sums})
        for period, statement in self._into:
            buckets: dict[tuple[int, int], tuple[int, ...]] = {}
            for (hour_ns, group), values in sums.items():
                key = (hour_ns - hour_ns % period, groups[group])
                before = buckets.get(key)
                buckets[key] = values if before is None else tuple(map(add, before, values))
            # In order, so that neighbours are written together.
            statement.run(connection, [(*key, *buckets[key]) for key in sorted(buckets)])
        return groups

    def committed(self, groups: Mapping[Group, int]) -> None:
        if len(self._known) > _MAX_CACHED:
            self._known.clear()
        self._known.update(groups)

    def _group_ids(self, connection: Connection, wanted: set[Group]) -> dict[Group, int]:
        found = {group: self._known[group] for group in wanted if group in self._known}
        digests = {hashlib.sha256(_encode(group)).digest(): group for group in wanted - found.keys()}
        unknown = iter(list(digests))
        while some := list(islice(unknown, _LOOK_UP)):
            rows = connection.execute(select(GROUPS.c.id, GROUPS.c.digest).where(GROUPS.c.digest.in_(some)))
            found.update((digests.pop(bytes(digest)), number) for number, digest in rows)
        if digests:
            last = connection.scalar(select(func.coalesce(func.max(GROUPS.c.id), 0))) or 0
            new = {group: number for number, group in enumerate(digests.values(), last + 1)}
            self._new_groups.run(
                connection, [(new[group], digest, *group) for digest, group in digests.items()]
            )
            found |= new
        return found


def rebuild(database: LedgerDatabase) -> None:
    """Work out the sums anew, in one transaction. Those of hours that were archived stay as they are."""
    with database.writing() as connection:
        since = archived_until(connection)
        connection.execute(delete(HOURLY).where(HOURLY.c.bucket_ns >= since))
        connection.execute(delete(DAILY).where(DAILY.c.bucket_ns >= since - since % DAY_NS))
        rollups = Rollups(connection)
        query = select(ENTRIES).where(ENTRIES.c.admitted_ns >= since).order_by(ENTRIES.c.number)
        after = 0
        while page := connection.execute(query.where(ENTRIES.c.number > after).limit(_REBUILD_ROWS)).all():
            rollups.add(connection, [tuple(row) for row in page])
            after = page[-1].number
        # What of the day of `since` was archived is not in the entries, but in the hours that stayed.
        _add_hours(connection, since - since % DAY_NS, since)


def archived_until(connection: Connection) -> int:
    """Of hours before this, some entries may be in archives; 0: all there ever were are in `entries`."""
    return connection.scalar(select(func.coalesce(func.max(ARCHIVES.c.until_ns), 0))) or 0


def total(column: ColumnElement[int]) -> ColumnElement[int]:
    """SQL for the sum of a column, an integer on both databases."""
    return cast(func.sum(column), BigInteger)


def _summed(rows: Iterable[Row]) -> dict[tuple[int, Group], tuple[int, ...]]:
    """By hour and group, the SUMS."""
    alike: dict[tuple[int, Group], list[tuple[int, ...]]] = {}
    for row in rows:
        admitted_ns = row[_ADMITTED]
        alike.setdefault((admitted_ns - admitted_ns % HOUR_NS, _group_of(row)), []).append(_sums_of(row))
    return {key: _sum_of(each) for key, each in alike.items()}


def _sum_of(rows: list[tuple[int, ...]]) -> tuple[int, ...]:
    estimated, unpriced, cost, *counts = map(sum, zip(*rows, strict=True))
    estimated_cost = sum(row[2] for row in rows if row[0])
    return (len(rows), estimated, unpriced, cost, estimated_cost, *counts)


def _add_hours(connection: Connection, since_ns: int, until_ns: int) -> None:
    hours = HOURLY.c.bucket_ns
    rows = connection.execute(
        select(HOURLY.c.group_id, *(total(HOURLY.c[name]) for name in SUMS))
        .where(hours >= since_ns, hours < until_ns)
        .group_by(HOURLY.c.group_id)
    ).all()
    statement = ManyRows(connection, adding(connection, DAILY, SUMS), ("bucket_ns", "group_id", *SUMS))
    statement.run(connection, [(since_ns, *row) for row in rows])
