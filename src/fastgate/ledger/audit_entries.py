"""One pass over all entries of the ledger: costs, the chain of batches, and the writers' sequence numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from fastgate.domain.price import Price, identified
from fastgate.domain.usage import Usage
from fastgate.ledger.audit_counters import CounterCheck
from fastgate.ledger.audit_report import Check, Findings
from fastgate.store.ledger.canonical import GENESIS, batch_hash
from fastgate.store.ledger.schema import ARCHIVES, BATCHES, ENTRIES, PRICES, USAGE_COUNTS, WRITERS

Tariff = Callable[[Price], Callable[[Usage], int]]
"""Makes of a price what reckons costs in nano-USD."""

_ROWS: Final = 1_000  # fetched at a time
_decode_price: Final = msgspec.json.Decoder(Price).decode
_decode_other: Final = msgspec.json.Decoder(dict[str, int]).decode

EntryRow = Row[Any]


class EntryPass:
    """To be run once. Sums are of all entries that it saw."""

    def __init__(
        self, connection: Connection, tariff: Tariff, counters: CounterCheck, findings: Findings
    ) -> None:
        self._connection = connection
        self._tariff = tariff
        self._counters = counters
        self._findings = findings
        self._reckoners: dict[str, Callable[[Usage], int] | None] = {}
        self._sequences: dict[str, int] = {}
        self.entries = 0
        self.batches = 0
        self.cost = 0
        self.estimated = 0
        self.unpriced = 0
        self.writers = 0
        self.last_hash = GENESIS

    def run(self) -> None:
        archived = self._connection.execute(
            select(ARCHIVES.c.last_entry, ARCHIVES.c.last_batch, ARCHIVES.c.hash)
            .order_by(ARCHIVES.c.number.desc())
            .limit(1)
        ).first()
        last_entry, last_batch, self.last_hash = archived or (0, 0, GENESIS)
        positions = {row.writer: row for row in self._connection.execute(select(WRITERS))}
        self._sequences = {writer: position.archived for writer, position in positions.items()}
        for batch in self._read_batches():
            last_batch = self._batch(batch, last_batch, last_entry)
            last_entry = max(last_entry, batch.last_entry)
        self._beyond(last_entry)
        for writer, position in positions.items():
            if (found := self._sequences[writer]) != position.sequence:
                self._findings.add(
                    Check.JOURNAL,
                    f"writer {writer}",
                    f"ends at record {found}",
                    f"record {position.sequence}",
                )
        self.writers = len(positions)

    def _read_batches(self) -> Iterator[Row[Any]]:
        """Each batch that has a row, in order; their entries are fetched one batch at a time."""
        query = select(BATCHES).order_by(BATCHES.c.number)
        return iter(self._connection.execute(query, execution_options={"yield_per": _ROWS}))

    def _batch(self, batch: Row[Any], previous: int, last_entry: int) -> int:
        """Checks one batch against the one before it; its number."""
        name = f"batch {batch.number}"
        if batch.number != previous + 1:
            self._findings.add(Check.CHAIN, name, f"follows batch {previous}", f"batch {batch.number - 1}")
        if batch.previous_hash != self.last_hash:
            self._findings.add(Check.CHAIN, f"{name}, previous hash", batch.previous_hash, self.last_hash)
        if batch.first_entry != last_entry + 1:
            self._findings.add(Check.CHAIN, f"{name}, first entry", batch.first_entry, last_entry + 1)
        rows = self._connection.execute(
            select(ENTRIES)
            .where(ENTRIES.c.number.between(batch.first_entry, batch.last_entry))
            .order_by(ENTRIES.c.number)
        ).all()
        self._numbers(rows, batch)
        for row in rows:
            if row.batch != batch.number:
                self._findings.add(Check.CHAIN, f"{_name(row)}, batch", row.batch, batch.number)
            try:
                self._entry(row)
            except (msgspec.DecodeError, TypeError) as error:
                self._findings.add(Check.CHAIN, _name(row), f"unreadable ({error})", "an entry")
        reckoned = batch_hash(batch.previous_hash, batch.number, batch.written_ns, map(tuple, rows))
        if reckoned != batch.hash:
            self._findings.add(Check.CHAIN, f"{name}, hash of its entries", batch.hash, reckoned)
        self.last_hash = batch.hash
        self.batches += 1
        return int(batch.number)

    def _numbers(self, rows: Sequence[EntryRow], batch: Row[Any]) -> None:
        """Names each run of entries that the batch should have and has not."""
        missing = sorted(set(range(batch.first_entry, batch.last_entry + 1)) - {row.number for row in rows})
        for _, run in groupby(enumerate(missing), lambda item: item[1] - item[0]):
            numbers = [number for _, number in run]
            what = f"entry number {numbers[0]}" + f" to {numbers[-1]}" * (len(numbers) > 1)
            self._findings.add(Check.CHAIN, f"batch {batch.number}, {what}", "missing", "there")

    def _beyond(self, last_entry: int) -> None:
        """Entries that no batch has, and so no hash protects."""
        query = select(func.count(), func.min(ENTRIES.c.number)).where(ENTRIES.c.number > last_entry)
        count, first = self._connection.execute(query).one()
        if count:
            self._findings.add(Check.CHAIN, f"entries from number {first} on", f"{count} in no batch", "none")

    def _entry(self, row: EntryRow) -> None:
        self.entries += 1
        self.cost += row.cost
        self.estimated += row.estimated
        self.unpriced += row.unpriced
        self._sequence(row)
        self._check_cost(row)
        self._counters.drained(row)

    def _sequence(self, row: EntryRow) -> None:
        before = self._sequences.get(row.writer)
        if before is None:
            self._findings.add(Check.JOURNAL, f"writer {row.writer}", f"unknown, in {_name(row)}", "known")
            before = row.sequence - 1
        if row.sequence <= before:
            self._findings.add(
                Check.JOURNAL, _name(row), f"record {row.sequence} of writer {row.writer} again", "once"
            )
        elif row.sequence > before + 1:
            missing = f"record {before + 1}" + f" to {row.sequence - 1}" * (row.sequence > before + 2)
            self._findings.add(Check.JOURNAL, f"writer {row.writer}, {missing}", "missing", "there")
        self._sequences[row.writer] = max(before, row.sequence)

    def _check_cost(self, row: EntryRow) -> None:
        if row.price == "":
            if row.cost or not row.unpriced:
                self._findings.add(Check.COST, f"{_name(row)}, without a price", row.cost, 0)
            return
        if row.unpriced:
            self._findings.add(Check.COST, f"{_name(row)}, unpriced", f"price {row.price}", "none")
        reckon = self._reckoner(row.price)
        if reckon is None:
            self._findings.add(Check.PRICE, f"{_name(row)}, price {row.price}", "unknown", "stored")
        elif (expected := reckon(_usage(row))) != row.cost:
            self._findings.add(Check.COST, _name(row), row.cost, expected)

    def _reckoner(self, price_id: str) -> Callable[[Usage], int] | None:
        """None for a price that is not stored."""
        if price_id not in self._reckoners:
            price = self._price(price_id)
            self._reckoners[price_id] = None if price is None else self._tariff(price)
        return self._reckoners[price_id]

    def _price(self, price_id: str) -> Price | None:
        definition = self._connection.scalar(select(PRICES.c.definition).where(PRICES.c.id == price_id))
        if definition is None:
            return None
        try:
            price = _decode_price(definition)
        except msgspec.DecodeError as error:
            self._findings.add(Check.PRICE, f"price {price_id}", f"unreadable ({error})", "a price")
            return None
        if (identity := identified(price).id) != price_id:
            self._findings.add(Check.PRICE, f"price {price_id}, id of its rates", price_id, identity)
        return price


def _name(row: EntryRow) -> str:
    return f"entry {row.id}"


_counts = attrgetter(*USAGE_COUNTS)


def _usage(row: EntryRow) -> Usage:
    other: Mapping[str, int] = _decode_other(row.other)
    return Usage(
        **dict(zip(USAGE_COUNTS, _counts(row), strict=True)),
        other=dict(other) or None,
        service_tier=row.service_tier or None,
    )
