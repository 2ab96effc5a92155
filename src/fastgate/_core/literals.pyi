from typing import Final, Self, final

MAX_LITERALS: Final[int]

@final
class LiteralSet:
    """Texts that begin with the same byte, looked for in one pass over that byte's occurrences."""

    def __new__(cls, literals: tuple[bytes, ...]) -> Self:
        """ValueError: none, more than MAX_LITERALS, or one that is shorter than two bytes or begins otherwise
        than the first. TypeError: not bytes."""

    def present(self, data: bytes) -> int:
        """Bit i: literal i occurs in `data`."""
