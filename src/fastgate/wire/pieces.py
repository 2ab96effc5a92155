"""A body as a sequence of pieces, for what would have to be copied to be in one."""


class Pieces:
    """`len` is the number of bytes, and `bytes` joins it."""

    __slots__ = ("_pieces", "_size")

    def __init__(self, *pieces: bytes | memoryview) -> None:
        """Views are of bytes, one byte an item."""
        self._pieces = pieces
        self._size = sum(map(len, pieces))

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)

    def views(self) -> list[memoryview]:
        """Those that are not empty, in order."""
        return [memoryview(piece) for piece in self._pieces if len(piece)]


Body = bytes | Pieces
"""What a request is sent with."""
