"""Roll-ups against what they are made of: the hourly ones against entries, the daily against the hourly."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, case, func, literal_column, select

from fastgate.ledger.audit_report import Check, Findings
from fastgate.store.ledger.schema import (
    DAILY,
    ENTRIES,
    GROUP_FIELDS,
    GROUPS,
    HOURLY,
    SUMS,
    USAGE_COUNTS,
)

_NS: Final = 1_000_000_000
# Written into the statements: of a parameter PostgreSQL would not see that it is the same in GROUP BY.
_HOUR_NS: Final[ColumnElement[int]] = literal_column(str(3_600 * _NS), BigInteger)
_DAY_NS: Final[ColumnElement[int]] = literal_column(str(86_400 * _NS), BigInteger)
_ROWS: Final = 1_000

Sums = dict[tuple[str, ...], tuple[int, ...]]


def compare(connection: Connection, since_ns: int, findings: Findings) -> int:
    """How many roll-ups there are. The hours before `since_ns`, of which entries are archived, are compared
    only with their day."""
    hours = _stored(HOURLY, HOURLY.c.bucket_ns, since_ns)
    _compare("hour", _read(connection, _from_entries(since_ns)), _read(connection, hours), findings)
    days = _stored(HOURLY, HOURLY.c.bucket_ns - HOURLY.c.bucket_ns % _DAY_NS, 0)
    stored = _stored(DAILY, DAILY.c.bucket_ns, 0)
    _compare("day", _read(connection, days), _read(connection, stored), findings)
    return sum(
        connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (HOURLY, DAILY)
    )


def _from_entries(since_ns: int) -> Select[Any]:
    bucket = (ENTRIES.c.admitted_ns - ENTRIES.c.admitted_ns % _HOUR_NS).label("bucket")
    fields = [ENTRIES.c[name] for name in GROUP_FIELDS]
    sums: list[ColumnElement[Any]] = [
        func.count(),
        func.sum(ENTRIES.c.estimated),
        func.sum(ENTRIES.c.unpriced),
        func.sum(ENTRIES.c.cost),
        func.sum(case((ENTRIES.c.estimated == 1, ENTRIES.c.cost), else_=0)),
        *(func.sum(ENTRIES.c[name]) for name in USAGE_COUNTS),
    ]
    query = select(bucket, *fields, *sums).where(ENTRIES.c.admitted_ns >= since_ns)
    return query.group_by(bucket, *fields).order_by(bucket)


def _stored(table: Any, bucket: ColumnElement[int], since_ns: int) -> Select[Any]:
    named = bucket.label("bucket")
    fields = [GROUPS.c[name] for name in GROUP_FIELDS]
    return (
        select(named, *fields, *(func.sum(table.c[name]) for name in SUMS))
        .join_from(table, GROUPS, table.c.group_id == GROUPS.c.id)
        .where(table.c.bucket_ns >= since_ns)
        .group_by(named, *fields)
        .order_by(named)
    )


def _read(connection: Connection, query: Select[Any]) -> Iterator[tuple[int, Sums]]:
    """One bucket after the other, in order."""
    rows = connection.execute(query, execution_options={"yield_per": _ROWS})
    width = 1 + len(GROUP_FIELDS)
    for bucket, of_bucket in groupby(rows, lambda row: int(row[0])):
        yield bucket, {tuple(row[1:width]): tuple(map(int, row[width:])) for row in of_bucket}


def _compare(
    unit: str, made_of: Iterator[tuple[int, Sums]], stored: Iterator[tuple[int, Sums]], findings: Findings
) -> None:
    expected, recorded = next(made_of, None), next(stored, None)
    while expected or recorded:
        bucket = min(item[0] for item in (expected, recorded) if item)
        should: Sums = {}
        found: Sums = {}
        if expected and expected[0] == bucket:
            should = expected[1]
            expected = next(made_of, None)
        if recorded and recorded[0] == bucket:
            found = recorded[1]
            recorded = next(stored, None)
        start = datetime.fromtimestamp(bucket // _NS, UTC).strftime("%Y-%m-%dT%H:%MZ")
        for group in sorted(should.keys() | found.keys()):
            named = zip(GROUP_FIELDS, group, strict=True)
            fields = ", ".join(f"{name} {value}" for name, value in named if value)
            _compare_group(f"{unit} {start} of {fields}", should.get(group), found.get(group), findings)


def _compare_group(
    what: str, should: tuple[int, ...] | None, found: tuple[int, ...] | None, findings: Findings
) -> None:
    if should is None or found is None:
        findings.add(Check.ROLLUP, what, *("there", "nothing") if should is None else ("nothing", "there"))
        return
    for name, recorded, expected in zip(SUMS, found, should, strict=True):
        if recorded != expected:
            findings.add(Check.ROLLUP, f"{what}: {name}", recorded, expected)
