"""A worker's side of the ledger: the holds of its calls, and the journal of what they cost."""

from typing import Final

from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable
from fastgate._core.journal import JournalWriter
from fastgate.domain.entry import MAX_OPENING, join
from fastgate.domain.snapshot import Journal
from fastgate.errors import GatewayError
from fastgate.ledger.journal_dir import JournalDir, WriterDir
from fastgate.ledger.sync import Sync
from fastgate.observability import log

MAX_CLOSING: Final = 1_024
"""Bytes of an encoded closing, with the ids of all accounts that it may charge."""

# Some ten thousand records: what all calls in flight need has to fit into one segment. The smallest bound
# that the configuration takes is two of them: the one that is written to, and the one in reserve.
_SEGMENT_BYTES: Final = 8 * 1024 * 1024


def unrecordable() -> GatewayError:
    return GatewayError(
        "ledger_unavailable",
        "The gateway cannot record what calls cost at the moment, and makes none that it cannot bill.",
        headers=((b"retry-after", b"5"),),
    )


class LedgerWriter:
    """One life of a worker. `tend` is to be called several times a second, off the path of requests."""

    def __init__(self, journals: JournalDir, accounts: AccountTable, settings: Journal) -> None:
        """OSError: the journal cannot be started, such as on a full disk."""
        self._journals = journals
        self._directory: WriterDir = journals.create()
        self.name = self._directory.writer
        self.settings = settings
        self.holds = HoldTable(str(self._directory.holds), accounts, True)
        self._journal = JournalWriter(str(self._directory.path), _SEGMENT_BYTES)
        self._journal.prepare()
        self._sync = Sync(self._journal, settings.sync_ms)
        self._failing = ""
        self.bytes_on_disk = 0
        self._unrecorded = 0

    @property
    def promised(self) -> int:
        """Bytes of the journal that calls in flight will need."""
        return self.holds.opening_bytes + self.holds.held * MAX_CLOSING

    def has_room(self) -> bool:
        """Whether one more call can surely be recorded, beside all that are in flight."""
        holds = self.holds
        return self._journal.room >= holds.opening_bytes + MAX_OPENING + (holds.held + 1) * MAX_CLOSING

    def claim(self) -> int:
        """The slot of a hold. GatewayError ledger_unavailable: there is no room for one more."""
        try:
            return self.holds.claim()
        except OSError as error:
            self._failed(f"{type(error).__name__}: {error.strerror}")
            raise unrecordable() from None

    def entry_id(self, slot: int) -> str:
        """Unique over all workers and times: what makes it impossible to bill a call twice."""
        return f"{self.name}{self.holds.serial(slot):012x}"

    def settle(self, slot: int, opening: bytes, closing: bytes, cost: int) -> None:
        """Journal the entry of a hold, and put its cost in the place of what it reserves.

        The worker may be killed between any two of these steps: it is their order that makes a call count
        once. What cannot be journaled is in no budget: balances are the ledger's.
        """
        self.holds.settling(slot)
        recorded = self.append(join(opening, closing))
        self.holds.settle(slot, cost if recorded else 0)

    def append(self, record: bytes) -> bool:
        """Journal one entry. False, counted and said aloud, where there is no room: then nobody bills it."""
        try:
            self._journal.append(record)
        except BufferError:
            self._unrecorded += 1
            log.event("error", "a ledger entry is lost: the journal is full", writer=self.name)
            return False
        self._sync.appended()
        return True

    def take_unrecorded(self) -> int:
        """How many entries were lost since the last look."""
        lost, self._unrecorded = self._unrecorded, 0
        return lost

    def tend(self, now_ns: int) -> None:
        """Keep a segment in reserve, within the bound, and what was written on the disk as configured."""
        self.bytes_on_disk = self._journals.bytes_of(self.name)
        if self._journal.room > self._journal.largest:  # a whole segment is in reserve
            self._failing = ""
        elif self.bytes_on_disk + _SEGMENT_BYTES > self.settings.max_bytes:
            self._failed("the journal has reached its bound: the control process does not drain it")
        else:
            try:
                self._journal.prepare()
                self._failing = ""
            except OSError as error:
                self._failed(f"{type(error).__name__}: {error.strerror}")
        self._sync.tick(now_ns)

    def reconfigure(self, settings: Journal) -> None:
        self.settings = settings
        self._sync.every_ms = settings.sync_ms

    def _failed(self, reason: str) -> None:
        if reason != self._failing:
            self._failing = reason
            log.event("error", "the journal cannot grow", writer=self.name, error=reason)

    def close(self) -> None:
        """All calls have ended. The control process drains what is left, and removes the directory."""
        self._sync.close()
        self._journal.seal()
        self._journal.close()
        self.holds.close()
        self._directory.close()
