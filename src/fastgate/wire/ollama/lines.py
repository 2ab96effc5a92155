"""Splits newline-delimited JSON into its lines."""

import re


class LineSplitter:
    """As `wire.interface.Splitter`: an event is a line with its LF. Markers mean what they mean to
    `_core.sse.EventSplitter`."""

    def __init__(self, markers: tuple[bytes, ...], limit: int) -> None:
        """`limit`: the most bytes that a line may have."""
        self.block = b""
        self.mask = 0
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._limit = limit
        self._overflowed = False
        self._markers = [_pattern(marker) for marker in markers]

    def feed(self, data: bytes) -> int:
        """How many lines `data` completed. BufferError: one is larger than the limit; `block` then has those
        before it, and every later call raises the same."""
        self.block = b""
        self.mask = 0
        end = 0 if self._overflowed else data.rfind(b"\n") + 1
        if end:
            self.block = data if end == len(data) and not self._held else b"".join([*self._held, data[:end]])
            self._held = []
            self._held_bytes = 0
            if len(self.block) > self._limit:
                self._cut_at_limit()
            self.mask = self._mask_of(self.block)
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
        """The lines of the block, each with its mask."""
        lines = [line + b"\n" for line in self.block.split(b"\n")[:-1]]
        return [(line, self._mask_of(line)) for line in lines]

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

    def _mask_of(self, text: bytes) -> int:
        return sum(1 << bit for bit, marker in enumerate(self._markers) if marker.search(text))


def _pattern(marker: bytes) -> re.Pattern[bytes]:
    """A name in quotes is a key in front of a value other than null."""
    text = re.escape(marker)
    if len(marker) > 2 and marker.startswith(b'"') and marker.endswith(b'"'):
        text += rb"[ \t]*:[ \t]*(?!null)[^ \t\r\n]"
    return re.compile(text)
