from typing import Final, Self, final

LINE_WORDS: Final[int]

@final
class AccountTable:
    """Lines of 16 64-bit atomics in a file that several processes map, and that grows while they do.

    Who owns which line, and what its words mean, is for the users of the table to say. All words are
    sequentially consistent; sums wrap at 64 bits. A line or word outside the table: IndexError. Used after
    close(): ValueError.
    """

    def __new__(cls, path: str, create: bool, lines: int = 1024) -> Self:
        """Put a zeroed table of `lines` at `path` (atomically), or open the one that is there as it is.

        ValueError: not a table of this version, or truncated; not 1 to 8,388,608 lines. OSError.
        """

    @property
    def lines(self) -> int:
        """How many there are now. Lines that another process appended can be used at once."""

    def grow(self, lines: int) -> None:
        """Append zeroed lines, up to at least `lines`. By one process at a time.

        OSError: no room, nothing is changed. ValueError: more than 8,388,608.
        """

    def load(self, line: int, word: int) -> int: ...
    def store(self, line: int, word: int, value: int) -> None: ...
    def add(self, line: int, word: int, delta: int) -> int:
        """The new value."""

    def compare_exchange(self, line: int, word: int, expected: int, desired: int) -> bool:
        """Store `desired` if the word holds `expected`; whether it did."""

    def header_load(self, index: int) -> int:
        """16 words of the table's own, for its users."""

    def header_store(self, index: int, value: int) -> None: ...
    def close(self) -> None:
        """Unmap the file. Idempotent."""
