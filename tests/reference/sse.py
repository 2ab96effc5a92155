"""What fastgate._core.sse has to do, in the plainest Python: regular expressions over the whole stream."""

import re

_EVENT = re.compile(rb"[\r\n]*[^\r\n].*?(?:\n\n|\n\r\n|\n\r(?=[^\n])|\r\r)", re.DOTALL)
_KEY_MARKER = re.compile(rb'".+"', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def _occurs(marker: bytes, event: bytes) -> bool:
    if not _KEY_MARKER.fullmatch(marker):
        return marker in event
    return re.search(re.escape(marker) + rb"[ \t]*:[ \t]*(?!null)[^ \t\r\n]", event) is not None


class EventSplitter:
    def __init__(self, markers: tuple[bytes, ...] = (), max_event_bytes: int = 16 * 1024 * 1024) -> None:
        self._markers = markers
        self._max_event_bytes = max_event_bytes
        self._held = b""
        self._found: list[bytes] = []
        self._overflowed = False

    def feed(self, data: bytes) -> int:
        self._held += data
        self._found = []
        while not self._overflowed and (match := _EVENT.match(self._held)):
            if len(match[0]) > self._max_event_bytes:
                break
            self._found.append(match[0])
            self._held = self._held[match.end() :]
        if self._overflowed or len(self._held) > self._max_event_bytes:
            self._overflowed = True
            self._held = b""
            raise BufferError
        return len(self._found)

    @property
    def block(self) -> bytes:
        return b"".join(self._found)

    @property
    def mask(self) -> int:
        return self._mask_of(self.block)

    @property
    def pending(self) -> int:
        return len(self._held)

    def events(self) -> list[tuple[bytes, int]]:
        return [(event, self._mask_of(event)) for event in self._found]

    def take_tail(self) -> bytes:
        tail, self._held, self._overflowed = self._held, b"", False
        return tail

    def _mask_of(self, text: bytes) -> int:
        return sum(1 << i for i, marker in enumerate(self._markers) if _occurs(marker, text))


def _values(event: bytes, field: bytes) -> list[bytes]:
    values = []
    for line in re.split(rb"\r\n|\r|\n", event.removeprefix(_BOM)):
        name, _, value = line.partition(b":")
        if name == field:
            values.append(value.removeprefix(b" "))
    return values


def event_data(event: bytes) -> bytes:
    return b"\n".join(_values(event, b"data"))


def event_name(event: bytes) -> bytes:
    return (_values(event, b"event") or [b""])[-1]
