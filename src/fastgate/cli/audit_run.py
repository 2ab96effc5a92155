"""Brings together what an audit compares: ledger, prices, journals and counters."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from fastgate import clock
from fastgate._core.journal import segment_numbers
from fastgate.cli import budget_report
from fastgate.cli.place import in_use
from fastgate.domain.entry import decode_entry
from fastgate.ledger.audit import audit
from fastgate.ledger.audit_counters import Counter, CounterCheck
from fastgate.ledger.audit_report import Check, Findings, Report
from fastgate.ledger.journal_dir import JournalDir
from fastgate.ledger.reader import START, JournalReader, Position, Record, Stop
from fastgate.pricing.cost import Tariff
from fastgate.store.data_dir import DataDir
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import positions

_RECORDS: Final = 1_000  # read at a time
_SETTLES_NS: Final = 5 * 10**9
_LOOK_AGAIN_S: Final = 0.2
_LOOKS: Final = 5


def run(database: LedgerDatabase, data_dir: Path) -> Report:
    """The counters are read first, and again at the end: what was added meanwhile is no difference."""
    with _counters(data_dir) as read_counters:
        check = CounterCheck(read_counters())
        findings = Findings()
        journals = JournalDir(DataDir(data_dir).journal)
        for writer in journals.writers():
            _read_journal(database, journals.path / writer, check, findings)
        return audit(
            database,
            lambda price: Tariff(price).cost_nano,
            check,
            lambda: _settled(read_counters, check),
            findings,
        )


ReadCounters = Callable[[], Iterable[Counter]]


@contextmanager
def _counters(data_dir: Path) -> Iterator[ReadCounters]:
    """Reads none where no gateway runs: counters are made anew from the ledger when one starts."""
    if not in_use(data_dir):
        yield lambda: ()
        return
    refs = list(budget_report.refs(data_dir))
    table = budget_report.attach(data_dir)
    try:
        yield lambda: budget_report.counters(table, refs, clock.time_ns())
    finally:
        table.close()


def _settled(read_counters: ReadCounters, check: CounterCheck) -> list[Counter]:
    """The counters, when what was journaled has come into them, or after some seconds anyway."""
    deadline_ns = clock.monotonic_ns() + _SETTLES_NS
    while check.behind(late := list(read_counters())) and clock.monotonic_ns() < deadline_ns:
        time.sleep(_LOOK_AGAIN_S)
    return late


def _read_journal(database: LedgerDatabase, directory: Path, check: CounterCheck, findings: Findings) -> None:
    """What a worker has journaled since the ledger was written last."""
    writer = directory.name
    reader = JournalReader(directory, _undrained(database, directory))
    while True:
        # Whoever appends may be alive: an empty place is the end so far.
        records = reader.read(_RECORDS, True)
        for record in records:
            _take(writer, record, check, findings)
        if reader.stop in {Stop.DAMAGED, Stop.GAP} and reader.found is not None:
            missing = f"records {reader.position.sequence + 1} to {reader.found.sequence}"
            findings.add(Check.JOURNAL, f"writer {writer}, {missing}", "missing", "there")
            found = reader.found
            reader.close()
            reader = JournalReader(directory, found)
        elif reader.stop is Stop.DAMAGED:
            after = f"behind record {reader.position.sequence}"
            findings.add(Check.JOURNAL, f"writer {writer}, {after}", "damaged", "whole")
            break
        elif not records:
            break
    reader.close()


def _undrained(database: LedgerDatabase, directory: Path) -> Position:
    """Where the ledger has got to. A drained segment is deleted, so it may get further while this looks."""
    start, numbers = START, [START.segment]
    for _ in range(_LOOKS):
        state = positions(database).get(directory.name)
        start = START if state is None else Position(state.segment, state.offset, state.sequence)
        try:
            numbers = segment_numbers(str(directory))
        except FileNotFoundError:  # the worker is dead, and its journal drained
            return start
        if not numbers or start.segment >= numbers[0]:
            return start
        time.sleep(_LOOK_AGAIN_S)
    # It was deleted, and not drained: what is missing shows at the start of the next.
    return Position(numbers[0], 0, start.sequence)


def _take(writer: str, record: Record, check: CounterCheck, findings: Findings) -> None:
    try:
        closing = decode_entry(record.payload).closing
    except msgspec.DecodeError as error:
        findings.add(
            Check.JOURNAL, f"writer {writer}, record {record.sequence}", f"unreadable ({error})", "an entry"
        )
    else:
        check.journal(writer, record.sequence, closing)
