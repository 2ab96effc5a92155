from typing import Final, NamedTuple, Self, final

from fastgate._core.accounts import AccountTable

MAX_LINES: Final[int]
"""Budgets in one reservation."""
MAX_GAUGES: Final[int]
"""Gauges that one slot is in at a time."""
MAX_OPENING: Final[int]
"""Bytes of an opening."""

# What a slot is. A process that dies leaves it so, and with it what is certain about the counters.
FREE: Final[int]
CLAIMED: Final[int]
"""Nothing is reserved."""
RESERVING: Final[int]
"""At work on the counters, taking or giving back. Nothing was sent, or what was sent costs nothing."""
RESERVED: Final[int]
SENT: Final[int]
"""The provider may bill it."""
SETTLING: Final[int]
"""The journal has its entry, or not; if it has, the counters may be charged in part."""

class Hold(NamedTuple):
    """What a slot says. The money is `amount` nano-USD on each of the first `held` of `lines`.

    `tags` are the periods that it is held in, `accounts` the ids of the lines' owners, unsigned.
    `line_uncertain`: `lines[held]` is being changed; of a dead worker nobody can tell whether it was. The
    same with the first `entered` of `gauges`, (line, word) each, and `gauge_uncertain`.
    """

    serial: int
    state: int
    admitted_ns: int
    amount: int
    lines: tuple[int, ...]
    tags: tuple[int, ...]
    accounts: tuple[int, ...]
    held: int
    line_uncertain: bool
    gauges: tuple[tuple[int, int], ...]
    entered: int
    gauge_uncertain: bool
    opening: bytes
    chunks: int
    output_bytes: int
    input_tokens: int
    output_tokens: int

@final
class HoldTable:
    """The holds of one worker in a mapped file: one writer, any readers. The file grows by itself.

    Counters are changed without a lock, and only in the line of the account that it was when it was reserved:
    a line that has another owner by now, or none, is left alone. A slot outside the table: IndexError. A slot
    in a state in which the call makes no sense, and everything after close(): ValueError.
    """

    in_use: int
    """Slots that are not FREE."""
    held: Final[int]
    """To the worker that made the table: its slots from RESERVED on; 0 to others."""
    opening_bytes: Final[int]
    """What the openings of those take."""

    def __new__(cls, path: str, accounts: AccountTable, create: bool) -> Self:
        """Put an empty table at `path` (atomically); or open a worker's, to read it or settle its holds.

        ValueError: not a table of this version, or truncated. OSError.
        """

    def claim(self) -> int:
        """A FREE slot, CLAIMED, with a serial number that was never given in this file.

        OSError: the file cannot grow. ValueError: the table is another worker's.
        """

    def enter(self, slot: int, gauges: bytes) -> int:
        """Enter gauges until free(): packed (i32 line, i32 word, i64 cap) each. All or nothing.

        -1, or the index of the gauge that is at its cap. Gauges of a line that nobody owns count as entered.
        ValueError: malformed, MAX_GAUGES, or a line of a budget. IndexError: no such line or cell.
        """

    def reserve(self, slot: int, lines: bytes, amount: int, now_ns: int, opening: bytes) -> int:
        """Hold `amount` nano-USD against each budget of `lines`, packed i32, or against none.

        -1, or the index of the budget that has no room; that one's denials are counted. Budgets of a line
        that nobody owns are passed over. ValueError: malformed, MAX_LINES, MAX_OPENING, negative, or a line
        of limits. IndexError: no such line.
        """

    def sent(self, slot: int) -> None:
        """RESERVED to SENT."""

    def progress(self, slot: int, chunks: int, output_bytes: int) -> None:
        """Add to what was delivered so far."""

    def reported(self, slot: int, input_tokens: int, output_tokens: int) -> None:
        """What the provider has reported so far, in all."""

    def admitted_ns(self, slot: int) -> int:
        """The moment that decides the period: reserve()'s `now_ns`, or when a budget's period began later."""

    def serial(self, slot: int) -> int:
        """The hold's number: claim() gives one, and each settle() the next, as an entry has it to its own."""

    def state(self, slot: int) -> int: ...
    def charged(self, slot: int) -> tuple[int, ...]:
        """The ids of the accounts that reserve() reserved with, unsigned; () when CLAIMED."""

    def release(self, slot: int) -> None:
        """Give a reservation back: CLAIMED again, with the same serial number."""

    def settling(self, slot: int) -> None:
        """RESERVED or SENT to SETTLING: to be said before the journal has the entry."""

    def settle(self, slot: int, cost: int) -> None:
        """SETTLING to CLAIMED, with a new serial number: `cost` is spent in place of what is held.

        What a dead worker has settled already is not settled twice, its uncertain line is left as it is.
        """

    def free(self, slot: int) -> None:
        """Give back what is still held, leave the gauges: FREE. Uncertain ones are left as they are."""

    def slots(self) -> list[int]:
        """Those not FREE."""

    def read(self, slot: int) -> Hold:
        """ValueError: damaged."""

    def close(self) -> None:
        """Unmap the file; holds stay in it. Idempotent."""
