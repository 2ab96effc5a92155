from typing import Final, Self, final

FIELDS: Final[int]
HEADER_WORDS: Final[int]

@final
class SharedSlots:
    """Slots of 64-bit atomics in a file that several processes map; each slot belongs to one 64-bit key.

    All fields are sequentially consistent; sums wrap at 64 bits. A process killed at any point leaves the
    table usable. Used after close(): ValueError. A slot or field outside the table: IndexError.
    """

    capacity: Final[int]

    def __new__(cls, path: str, capacity: int, create: bool) -> Self:
        """Put a zeroed table at `path` (atomically), or open the one that is there.

        ValueError: not a table of this version, truncated, or of another capacity. OSError.
        """

    def claim(self, key: int) -> int:
        """The key's slot, taken and zeroed if it had none. OverflowError: full. ValueError: 0, 2**64 - 1."""

    def find(self, key: int) -> int:
        """The key's slot, or -1."""

    def release(self, slot: int) -> None:
        """Zero the fields and give the slot free for other keys; nothing for a slot that has no key."""

    def load(self, slot: int, field: int) -> int: ...
    def store(self, slot: int, field: int, value: int) -> None: ...
    def add(self, slot: int, field: int, delta: int) -> int:
        """The new value."""

    def compare_exchange(self, slot: int, field: int, expected: int, desired: int) -> bool:
        """Store `desired` if the field holds `expected`; whether it did."""

    def header_load(self, index: int) -> int: ...
    def header_store(self, index: int, value: int) -> None: ...
    def header_add(self, index: int, delta: int) -> int:
        """The new value."""

    def close(self) -> None:
        """Unmap the file. Idempotent."""

def key_of(name: bytes) -> int:
    """A key for a name: a 64-bit hash, the same in all processes, never 0 or 2**64 - 1."""
