"""From the journals of the workers into the ledger, in batches; the calls of dead workers are settled."""

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Final

from fastgate import clock
from fastgate._core import holds as states
from fastgate._core.accounts import AccountTable
from fastgate._core.holds import Hold, HoldTable
from fastgate.control.balances import Balance, Balances, InFlight, Passed
from fastgate.control.lost import PriceOf, entry_id, settled
from fastgate.domain.entry import Entry, decode_entry
from fastgate.domain.money import usd
from fastgate.ledger.journal_dir import JournalDir, WriterDir
from fastgate.ledger.reader import START, JournalReader, Position, Stop
from fastgate.ledger.reader import Record as Journaled
from fastgate.observability import log
from fastgate.observability.metrics import Metrics
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerError
from fastgate.store.ledger.read import known_ids, positions
from fastgate.store.ledger.write import Drained, LedgerAppender, Record, WriterPosition

BATCH: Final = 4_000
_ENDS: Final = frozenset({Stop.END, Stop.FINISHED, Stop.TORN})


class _Writer:
    """One that is followed; `claimed` once it is dead. The reader is where the ledger is."""

    def __init__(self, directory: WriterDir | None, reader: JournalReader, table: HoldTable | None) -> None:
        self.claimed = directory
        self.reader = reader
        self.holds = table


class Bookkeeper:
    """The only one who writes the ledger. All methods block, and may be called from any thread."""

    def __init__(
        self,
        database: LedgerDatabase,
        journals: JournalDir,
        accounts: AccountTable,
        metrics: Metrics,
        price_of: PriceOf,
        *,
        rebuilding: bool,
    ) -> None:
        self.database = database
        self.balances = Balances(accounts)
        self.lock = threading.RLock()
        self._appender = LedgerAppender(database)
        self._journals = journals
        self._accounts = accounts
        self._metrics = metrics
        self._price_of = price_of
        self._writers: dict[str, _Writer] = {}
        self._known = positions(database)
        self._suspects: set[int] = set()
        self._suspect_gauges: set[tuple[int, int]] = set()
        # Until the counters have been made from the ledger: there are none that a dead worker has changed.
        self.rebuilding = rebuilding
        self._next_check = 0
        self._failing = ""

    def drain(self) -> int:
        """One look at every journal: how many entries the ledger got. Never raises for a ledger that is away:
        that is logged, and the journals keep what they have."""
        with self.lock:
            try:
                written = sum(self._drain(writer) for writer in self._journals.writers())
            except (LedgerError, OSError) as error:
                self._failed(f"{type(error).__name__}: {error}")
                return 0
            self._failing = ""
            self._metrics.ledger_up.labels().set(1)
            return written

    def drain_all(self) -> None:
        """Until nothing is left. LedgerError, OSError."""
        with self.lock:
            while sum(self._drain(writer) for writer in self._journals.writers()):
                pass

    def _failed(self, reason: str) -> None:
        self._metrics.ledger_up.labels().set(0)
        if reason != self._failing:
            log.event("error", "the ledger cannot be written; the journals grow meanwhile", error=reason)
        self._failing = reason

    # --- one writer ---------------------------------------------------------------------------------

    def _drain(self, name: str) -> int:
        writer = self._follow(name)
        if writer is None:
            return 0
        before = writer.reader.position
        records = writer.reader.read(BATCH, writer.claimed is None)
        if records:
            try:
                self._append(name, records)
            except BaseException:
                writer.reader.close()
                writer.reader = JournalReader(self._journals.path / name, before)
                raise
            if writer.claimed is None:
                self._journals.remove_segments(name, writer.reader.position.segment)
        stop = writer.reader.stop
        if stop in {Stop.DAMAGED, Stop.GAP}:
            self._skip_damage(name, writer)
        elif writer.claimed is not None and stop in _ENDS:
            self._bury(name, writer)
        return len(records)

    def _follow(self, name: str) -> _Writer | None:
        """None: it has been removed. Whether it lives is settled before its journal is read."""
        writer = self._writers.get(name)
        try:
            claimed = (
                self._journals.claim(name) if writer is None or writer.claimed is None else writer.claimed
            )
        except FileNotFoundError:
            return None
        if writer is None:
            directory = self._journals.path / name
            known = self._known.get(name)
            start = START if known is None else Position(known.segment, known.offset, known.sequence)
            reader = JournalReader(directory, start)
            writer = self._writers[name] = _Writer(claimed, reader, self._open_holds(name))
        writer.claimed = claimed
        if writer.holds is None:
            writer.holds = self._open_holds(name)
        return writer

    def _open_holds(self, name: str) -> HoldTable | None:
        """None while a worker that has just started has not made them yet."""
        try:
            return HoldTable(str(self._journals.path / name / "holds"), self._accounts, False)
        except FileNotFoundError:
            return None
        except ValueError as error:
            log.event("error", "the holds of a worker cannot be read", writer=name, error=str(error))
            return None

    def _append(self, name: str, records: list[Journaled]) -> None:
        decoded = [Record(record.sequence, decode_entry(record.payload)) for record in records]
        at = records[-1].position
        self._write(WriterPosition(name, at.sequence, at.segment, at.offset, False), decoded)

    def _write(self, position: WriterPosition, records: list[Record]) -> None:
        began_ns = clock.monotonic_ns()
        appended = self._appender.append([Drained(position, records)])
        now_ns = clock.monotonic_ns()
        self._metrics.ledger_write.labels().observe(now_ns - began_ns)
        self._metrics.ledger_entries.labels().inc(appended.entries)
        if records:
            oldest_ns = min(record.entry.closing.settled_ns for record in records)
            self._metrics.ledger_lag.labels().set(max(clock.time_ns() - oldest_ns, 0))
        for record in records:
            for passed in self.balances.add(record.entry):
                self._tell(passed)

    def _tell(self, passed: Passed) -> None:
        balance = passed.balance
        self._metrics.soft_limits.labels(balance.owner.level.value).inc()
        log.event(
            "warning",
            "a soft limit of a budget is passed",
            budget=f"{balance.owner} {balance.word}",
            percent=f"{passed.thousandths // 10}.{passed.thousandths % 10}",
            spent_usd=usd(balance.spent),
            limit_usd=usd(balance.limit),
        )

    def _skip_damage(self, name: str, writer: _Writer) -> None:
        """Entries that were whole once cannot be read any more: said aloud, and the next good one follows."""
        reader = writer.reader
        log.event(
            "error",
            "a journal is damaged: entries are lost, `fastgate audit` names which",
            writer=name,
            segment=reader.position.segment,
            offset=reader.position.offset,
            after=reader.position.sequence,
        )
        found = reader.found
        reader.close()
        if found is not None:
            writer.reader = JournalReader(self._journals.path / name, found)
        elif writer.claimed is not None:
            self._bury(name, writer)

    # --- the dead -----------------------------------------------------------------------------------

    def _bury(self, name: str, writer: _Writer) -> None:
        """All of a dead worker's journal is in the ledger: settle its calls, and remove its directory."""
        assert writer.claimed is not None
        at = writer.reader.position
        orphans = self._orphans(name, writer.holds)
        known = known_ids(self.database, [entry_id(name, hold.serial) for _, hold in orphans])
        lost = [(slot, settled(name, hold, self._price_of)) for slot, hold in orphans]
        new = [(slot, entry) for slot, entry in lost if entry.closing.id not in known]
        records = [Record(at.sequence + i, entry) for i, (_, entry) in enumerate(new, 1)]
        last = at.sequence + len(records)
        self._write(WriterPosition(name, last, at.segment, at.offset, True), records)
        if not self.rebuilding:
            self._release(writer.holds, dict(new))
        for _, entry in new:
            log.event(
                "warning",
                "a call of a worker that died was settled at what had been delivered",
                request_id=entry.opening.request_id,
                virtual_key=entry.opening.virtual_key,
                cost_nano_usd=entry.closing.cost,
            )
        self._metrics.lost_holds.labels().inc(len(new))
        writer.reader.close()
        if writer.holds is not None:
            writer.holds.close()
        self._journals.remove(writer.claimed)
        del self._writers[name]

    def suspect(self, line: int) -> None:
        """Its counters may be wrong: they are compared at the next `check`."""
        self._suspects.add(line)

    def held_lines(self) -> set[int]:
        """The lines that holds of living workers point at. Call it under the lock."""
        return {
            line for _, hold in self._living() for line in (*hold.lines, *(each[0] for each in hold.gauges))
        }

    def close(self) -> None:
        for writer in self._writers.values():
            writer.reader.close()
            if writer.holds is not None:
                writer.holds.close()
        self.database.close()

    def _orphans(self, name: str, table: HoldTable | None) -> list[tuple[int, Hold]]:
        """The holds of calls that a provider may bill."""
        if table is None:
            return []
        held = [(slot, table.read(slot)) for slot in table.slots()]
        return [(slot, hold) for slot, hold in held if hold.state in {states.SENT, states.SETTLING}]

    def _release(self, table: HoldTable | None, lost: dict[int, Entry]) -> None:
        """Bring the counters to where the worker would have brought them. Where it died in the middle of
        changing one, that is compared with the ledger."""
        if table is None:
            return
        for slot in table.slots():
            hold = table.read(slot)
            entry = lost.get(slot)
            if entry is not None:
                if hold.state == states.SENT:
                    table.settling(slot)
                table.settle(slot, entry.closing.cost)
            elif hold.state == states.SETTLING:  # the journal has its entry, whose cost is not known here
                self._suspects.update(hold.lines)
            if hold.line_uncertain:
                self._suspects.add(hold.lines[hold.held])
            if hold.gauge_uncertain:
                self._suspect_gauges.add(hold.gauges[hold.entered])
            table.free(slot)

    # --- comparing ----------------------------------------------------------------------------------

    def check(self, count: int) -> None:
        """Compare the counters of suspects, and of the next `count` budgets, with the ledger."""
        with self.lock:
            lines = sorted(self.balances.by_line)
            following = [line for line in lines if line >= self._next_check]
            chosen = list(islice(following or lines, count))
            self._next_check = chosen[-1] + 1 if chosen else 0
            for line in {*self._suspects, *chosen}:
                balance = self.balances.by_line.get(line)
                if balance is None or self._agrees(balance):
                    self._suspects.discard(line)
            self._suspect_gauges = {gauge for gauge in self._suspect_gauges if not self._put_right(*gauge)}

    def _agrees(self, balance: Balance) -> bool:
        """False: nothing could be said."""
        try:
            difference = self.balances.check(balance, clock.time_ns(), self._in_flight)
        except LookupError:
            return False
        if difference is not None:
            self._metrics.ledger_differences.labels().inc()
            log.event(
                "error",
                "the counters of a budget did not agree with the ledger, and were put right",
                budget=str(difference.owner),
                spent_nano_usd=difference.spent,
                right_spent_nano_usd=difference.right_spent,
                reserved_nano_usd=difference.reserved,
                right_reserved_nano_usd=difference.right_reserved,
            )
        return True

    def _put_right(self, line: int, word: int) -> bool:
        """Set a count of concurrent requests to what the holds say. False: nothing could be said."""
        before = self._accounts.load(line, word)
        holds = [hold for _, hold in self._living()]
        if any(hold.gauge_uncertain for hold in holds):
            return False
        right = sum((line, word) in hold.gauges[: hold.entered] for hold in holds)
        return self._accounts.compare_exchange(line, word, before, right)

    def _living(self) -> Iterator[tuple[str, Hold]]:
        """The holds of all workers, by the worker."""
        for name, writer in self._writers.items():
            if writer.holds is not None:
                for slot in writer.holds.slots():
                    yield name, writer.holds.read(slot)

    def _in_flight(self, balance: Balance) -> InFlight:
        reserved, unsettled = 0, False
        for _, hold in self._living():
            if balance.line in hold.lines:
                unsettled = unsettled or hold.state in {states.RESERVING, states.SETTLING}
                if hold.state in {states.RESERVED, states.SENT}:
                    tag = hold.tags[hold.lines.index(balance.line)]
                    reserved += hold.amount if tag == balance.number & 0xFF else 0
        spent = sum(self._undrained(name, writer, balance) for name, writer in self._writers.items())
        return InFlight(spent, reserved, unsettled)

    def _undrained(self, name: str, writer: _Writer, balance: Balance) -> int:
        """What the writer has journaled for the budget since the ledger was written last."""
        reader = JournalReader(self._journals.path / name, writer.reader.position)
        try:
            closings = [decode_entry(record.payload).closing for record in reader.read(BATCH, True)]
        finally:
            reader.close()
        return sum(
            closing.cost
            for closing in closings
            if balance.account in closing.charged and balance.start_ns <= closing.admitted_ns < balance.end_ns
        )
