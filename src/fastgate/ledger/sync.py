"""When the journal is on the disk: `ledger.journal.fsync`."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from fastgate._core.journal import JournalWriter
from fastgate.observability import log

NEVER: Final = -1
EACH: Final = 0


class Sync:
    """The policy for one journal: what a crash of the machine, or a power cut, can take of it.

    The death of a process never loses a record, whatever the policy: the kernel has the pages.

    - `none` (every_ms -1): the kernel writes pages when it likes, on Linux mostly within 30 seconds, in any
      order. Lost can be the records of that time, and some in the middle of them: the ledger then has a gap,
      which `fastgate audit` names. Costs nothing.
    - `<n>ms` (every_ms n): lost can be the records of the last n milliseconds, and of the time that the disk
      takes for writing. Costs the disk one write each n milliseconds, in a thread of its own.
    - `each` (every_ms 0): nothing is lost whose call was settled. A call counts as settled when the disk has
      said so, and the worker waits for it, with all its other calls: a few milliseconds on an SSD.

    What the disk itself says is believed: one that keeps writes in a cache that power cuts empty loses more.

    A failure to sync is logged and kept in `failing`, and tried again; until then records are as safe as with
    `none`, and calls go on.
    """

    def __init__(self, journal: JournalWriter, every_ms: int) -> None:
        self.every_ms = every_ms
        self.failing = ""
        self._journal = journal
        self._begun_ns = 0
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def appended(self) -> None:
        """A record was appended, and its call is settled when this returns."""
        if self.every_ms == EACH:
            self._sync()

    def tick(self, now_ns: int) -> None:
        """To be called at least each `every_ms`; `now_ns` is monotonic. Does not block."""
        if self._running is not None:
            if not self._running.done():
                return
            self._running.result()  # what is no OSError is a defect, and is raised
            self._running = None
        if self.every_ms <= EACH or now_ns - self._begun_ns < self.every_ms * 1_000_000:
            return
        if self._journal.synced == self._journal.sequence:
            return
        self._begun_ns = now_ns
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-sync")
        self._running = self._thread.submit(self._sync)

    def close(self) -> None:
        """Sync what is left, unless the policy is `none`. To be called before the journal is closed."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        if self.every_ms != NEVER:
            self._sync()

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except OSError as error:
            reason = f"{type(error).__name__}: {error.strerror}"
            if reason != self.failing:
                log.event("error", "the journal cannot be brought to the disk", error=reason)
            self.failing = reason
        else:
            self.failing = ""
