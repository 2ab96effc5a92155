"""Splits newline-delimited JSON into its lines."""


class LineSplitter:
    """As `wire.interface.Splitter`, without markers: an event is a line with its LF."""

    mask = 0

    def __init__(self, limit: int) -> None:
        """`limit`: the most bytes that a line may have."""
        self.block = b""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._limit = limit
        self._overflowed = False

    def feed(self, data: bytes) -> int:
        """How many lines `data` completed. BufferError: one is larger than the limit; `block` then has those
        before it, and every later call raises the same."""
        self.block = b""
        end = 0 if self._overflowed else data.rfind(b"\n") + 1
        if end:
            self.block = data if end == len(data) and not self._held else b"".join([*self._held, data[:end]])
            self._held = []
            self._held_bytes = 0
            if len(self.block) > self._limit:
                self._cut_at_limit()
        rest = len(data) - end
        self._overflowed = self._overflowed or self._held_bytes + rest > self._limit
        if self._overflowed:
            self._held = []
            raise BufferError(f"a line of more than {self._limit} bytes")
        if rest:
            self._held.append(data[end:])
            self._held_bytes += rest
        return self.block.count(b"\n")

    def events(self) -> list[tuple[bytes, int]]:
        """The lines of the block."""
        return [(line + b"\n", self.mask) for line in self.block.split(b"\n")[:-1]]

    def take_tail(self) -> bytes:
        """What is held back, at the end of the stream; the splitter is then as new."""
        tail = b"".join(self._held)
        self._held = []
        self._held_bytes = 0
        self._overflowed = False
        return tail

    def _cut_at_limit(self) -> None:
        """Keep of the block what stands before the first line that is too long."""
        at = 0
        while at < len(self.block):
            end = self.block.index(b"\n", at) + 1
            if end - at > self._limit:
                self.block = self.block[:at]
                self._overflowed = True
                return
            at = end
