"""From the journals of the workers into the ledger, in batches; the calls of dead workers are settled."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec

from fastgate import clock
from fastgate._core import holds as states
from fastgate._core.accounts import AccountTable
from fastgate._core.holds import Hold, HoldTable
from fastgate.control.balances import Balances, Passed
from fastgate.control.checker import Checker
from fastgate.control.lost import PriceOf, entry_id, settled
from fastgate.domain.entry import Closing, Entry
from fastgate.domain.money import usd
from fastgate.ledger.decoder import EntryDecoder
from fastgate.ledger.journal_dir import JournalDir, WriterDir
from fastgate.ledger.reader import START, JournalReader, Position, Stop
from fastgate.ledger.reader import Record as Journaled
from fastgate.observability import log
from fastgate.observability.metrics import Metrics
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerError
from fastgate.store.ledger.read import known_ids, positions
from fastgate.store.ledger.rows import checked_counts
from fastgate.store.ledger.write import Drained, LedgerAppender, Record, WriterPosition

BATCH: Final = 1_000
_BILLED: Final = frozenset({states.SENT, states.SETTLING})
_ENDS: Final = frozenset({Stop.END, Stop.FINISHED, Stop.TORN})


class _Writer:
    """One that is followed; `claimed` once it is dead. The reader is where the ledger is. `lost` are the
    entries of a dead one's calls that the ledger has not yet, by slot; None until they are looked for."""

    def __init__(self, directory: WriterDir | None, reader: JournalReader, table: HoldTable | None) -> None:
        self.claimed = directory
        self.reader = reader
        self.holds = table
        self.lost: dict[int, Entry] | None = None


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
        self._decode = EntryDecoder().decode
        self._journals = journals
        self._accounts = accounts
        self._metrics = metrics
        self._price_of = price_of
        self._writers: dict[str, _Writer] = {}
        self._known = positions(database)
        # Until the counters have been made from the ledger: there are none that a dead worker has changed.
        self.rebuilding = rebuilding
        self._checker = Checker(accounts, self.balances, metrics, self._undrained, holds=self._living)
        self._failing = ""
        metrics.ledger_up.labels().set(1)

    def drain(self) -> int:
        """One look at every journal: how many entries the ledger got. Never raises for a ledger that is away:
        that is logged, and the journals keep what they have."""
        with self.lock:
            written, failure = 0, ""
            try:
                for name in self._journals.writers():
                    try:
                        written += self._drain(name)
                    except OSError as error:  # its files cannot be read: the others' can
                        failure = f"{name}: {type(error).__name__}: {error}"
            except (LedgerError, OSError) as error:
                failure = f"{type(error).__name__}: {error}"
            if failure:
                self._failed(failure)
            else:
                self._failing = ""
                self._metrics.ledger_up.labels().set(1)
            return written

    def drain_all(self) -> None:
        """All that is there now. LedgerError, OSError."""
        with self.lock:
            while sum(self._drain(writer) for writer in self._journals.writers()) >= BATCH:
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
        decoded = []
        for record in records:
            try:
                decoded.append(Record(record.sequence, self._decode(record.payload)))
            except msgspec.DecodeError as error:  # whole, but of another version
                log.event(
                    "error",
                    "an entry is left out of the ledger: `fastgate audit` names its number",
                    writer=name,
                    sequence=record.sequence,
                    error=str(error),
                )
        at = records[-1].position
        self._write(WriterPosition(name, at.sequence, at.segment, at.offset, False), decoded)

    def _write(self, position: WriterPosition, records: list[Record]) -> None:
        began_ns = clock.monotonic_ns()
        try:
            appended = self._appender.append([Drained(position, records)])
        except ValueError:
            records = self._possible(records)
            appended = self._appender.append([Drained(position, records)])
        now_ns = clock.monotonic_ns()
        self._metrics.ledger_write.labels().observe(now_ns - began_ns)
        self._metrics.ledger_entries.labels().inc(appended.entries)
        if records:
            oldest_ns = min(record.entry.closing.settled_ns for record in records)
            self._metrics.ledger_lag.labels().set(max(clock.time_ns() - oldest_ns, 0))
        for passed in self.balances.add(record.entry for record in records):
            self._tell(passed)

    def _possible(self, records: list[Record]) -> list[Record]:
        """Without those that no ledger can take, such as one with a count beyond all bounds."""
        kept = []
        for record in records:
            try:
                checked_counts(record.entry.closing)
            except ValueError as error:
                log.event(
                    "error",
                    "an entry is left out of the ledger: `fastgate audit` names its number",
                    request_id=record.entry.opening.request_id,
                    error=str(error),
                )
            else:
                kept.append(record)
        return kept

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
        # Looked for once: where a commit has succeeded and its answer was lost, the ledger knows them by now,
        # and no balance does.
        if writer.lost is None:
            writer.lost = self._lost(name, writer.holds)
        new = writer.lost
        records = [Record(at.sequence + i, entry) for i, entry in enumerate(new.values(), 1)]
        last = at.sequence + len(records)
        self._write(WriterPosition(name, last, at.segment, at.offset, True), records)
        writer.lost = {}
        if not self.rebuilding:
            self._release(writer.holds, new)
        for entry in new.values():
            log.event(
                "warning",
                "a call of a worker that died was settled at what had been delivered",
                request_id=entry.opening.request_id,
                virtual_key=entry.opening.parties.virtual_key,
                cost_nano_usd=entry.closing.cost,
            )
        self._metrics.lost_holds.labels().inc(len(new))
        writer.reader.close()
        if writer.holds is not None:
            writer.holds.close()
            writer.holds = None
        self._journals.remove(writer.claimed)
        del self._writers[name]

    def held_lines(self) -> set[int]:
        """The lines that holds of living workers point at. Call it under the lock."""
        found: set[int] = set()
        for hold in self._living():
            found.update(hold.lines, (line for line, _ in hold.gauges))
        return found

    def close(self) -> None:
        for writer in self._writers.values():
            writer.reader.close()
            if writer.holds is not None:
                writer.holds.close()
        self.database.close()

    def _lost(self, name: str, table: HoldTable | None) -> dict[int, Entry]:
        """By slot, the calls that a provider may bill and that the ledger does not have."""
        if table is None:
            return {}
        held = {slot: table.read(slot) for slot in table.slots()}
        orphans = {slot: hold for slot, hold in held.items() if hold.state in _BILLED}
        known = known_ids(self.database, [entry_id(name, hold.serial) for hold in orphans.values()])
        entries = {slot: settled(name, hold, self._price_of) for slot, hold in orphans.items()}
        return {slot: entry for slot, entry in entries.items() if entry.closing.id not in known}

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
            elif hold.state in _BILLED:  # the ledger has its entry, whose cost is not known here
                for line in hold.lines:
                    self._checker.suspect(line)
            if hold.line_uncertain:
                self._checker.suspect(hold.lines[hold.held])
            if hold.gauge_uncertain:
                self._checker.suspect_gauge(*hold.gauges[hold.entered])
            table.free(slot)

    # --- comparing ----------------------------------------------------------------------------------

    def check(self, count: int) -> None:
        """Compare the counters of suspects, and of the next `count` budgets, with the ledger."""
        with self.lock:
            self._checker.check(count)

    def suspect(self, line: int) -> None:
        """The counters of its budget may be wrong."""
        self._checker.suspect(line)

    def _living(self) -> Iterator[Hold]:
        """The holds of all workers."""
        for _, writer in self._followed():
            if writer.holds is not None:
                for slot in writer.holds.slots():
                    yield writer.holds.read(slot)

    def _undrained(self) -> Iterator[Closing]:
        """What workers have journaled since the ledger was written last. LookupError: that is more than is
        looked at here, as when the ledger is away."""
        for name, writer in self._followed():
            reader = JournalReader(self._journals.path / name, writer.reader.position)
            try:
                for record in reader.read(BATCH, True):
                    with suppress(msgspec.DecodeError):  # it will be left out of the ledger too
                        yield self._decode(record.payload).closing
            finally:
                reader.close()
            if reader.stop is Stop.LIMIT:
                raise LookupError(f"the journal of {name} is long")

    def _followed(self) -> Iterator[tuple[str, _Writer]]:
        """All workers there are, also those that have started since the last drain."""
        for name in self._journals.writers():
            writer = self._follow(name)
            if writer is not None:
                yield name, writer
