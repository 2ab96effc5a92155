"""AWS event streams (`application/vnd.amazon.eventstream`): cut into frames, which are read and written.

A frame is its length, the length of its headers, the CRC-32 of those eight bytes, the headers, the payload,
and the CRC-32 of all that. Source: the Smithy specification, "Amazon Event Stream".
"""

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

STREAM_TYPE: Final = b"application/vnd.amazon.eventstream"

_PRELUDE: Final = Struct(">III")
_LENGTHS: Final = Struct(">II")
_CRC: Final = Struct(">I")
_OVERHEAD: Final = _PRELUDE.size + _CRC.size

_STRING: Final = 7
_BYTES: Final = 6
# Bytes that the value of a header takes, by its type; of the two that are absent the length stands in front.
_FIXED_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Frame(NamedTuple):
    """`kind` is `event`, `exception` or `error`, `name` which one. `message` is an error's own text, which
    stands in its headers."""

    kind: str
    name: str
    payload: bytes
    message: str = ""


class FrameSplitter:
    """Cuts a byte stream into frames, whatever the chunks. As `wire.interface.Splitter`, without markers."""

    mask = 0

    def __init__(self, limit: int) -> None:
        self.block = b""
        self._limit = limit
        self._ends: list[int] = []
        self._held: list[bytes] = []
        self._pending = 0
        self._needed = _PRELUDE.size
        self._broken: Exception | None = None

    def feed(self, data: bytes) -> int:
        """How many frames `data` completed. BufferError: one of more than `limit` bytes. ValueError: a wrong
        checksum or length. `block` then has the frames before it, and every later call raises the same."""
        self.block, self._ends = b"", []
        if self._broken is not None:
            raise self._broken
        if self._pending:
            self._hold(data)
            if self._pending < self._needed:
                return 0
            data = b"".join(self._held)
        try:
            end = self._cut(data)
        except (BufferError, ValueError) as broken:
            self._broken = broken
            end = self._ends[-1] if self._ends else 0
            self._drop_held()
            self.block = data[:end]
            raise
        self._drop_held()
        if end < len(data):
            self._hold(data[end:])
        self.block = data if end == len(data) else data[:end]
        return len(self._ends)

    def events(self) -> list[tuple[bytes, int]]:
        """The block, frame by frame."""
        found = []
        start = 0
        for end in self._ends:
            found.append((self.block[start:end], self.mask))
            start = end
        return found

    def take_tail(self) -> bytes:
        """The bytes held back, at the end of the stream; the splitter is then as new."""
        tail = b"".join(self._held)
        self._drop_held()
        self._broken = None
        self._needed = _PRELUDE.size
        return tail

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._pending += len(data)

    def _drop_held(self) -> None:
        self._held = []
        self._pending = 0

    def _cut(self, data: bytes) -> int:
        """Where the last whole frame of `data` ends; `_needed` is then the size that lets go on."""
        at = 0
        view = memoryview(data)
        while len(data) - at >= _PRELUDE.size:
            size = self._size(view[at : at + _PRELUDE.size])
            if len(data) - at < size:
                self._needed = size
                return at
            end = at + size
            (said,) = _CRC.unpack_from(data, end - _CRC.size)
            if crc32(view[at : end - _CRC.size]) != said:
                raise ValueError("a frame whose checksum is wrong")
            self._ends.append(end)
            at = end
        self._needed = _PRELUDE.size
        return at

    def _size(self, prelude: memoryview) -> int:
        size, headers, said = _PRELUDE.unpack(prelude)
        if crc32(prelude[: _LENGTHS.size]) != said:
            raise ValueError("a frame whose prelude has a wrong checksum")
        if size < _OVERHEAD + headers:
            raise ValueError("a frame that is shorter than its headers")
        if size > self._limit:
            raise BufferError(f"a frame of more than {self._limit} bytes")
        return int(size)


def read_frame(frame: bytes) -> Frame:
    """One whole frame, as a splitter gave it. ValueError: headers that cannot be read."""
    end = _PRELUDE.size + _PRELUDE.unpack_from(frame)[1]
    kind, name, message = _read_headers(frame[_PRELUDE.size : end])
    return Frame(kind, name, frame[end : -_CRC.size], message)


def payload_in(frame: bytes) -> bytes:
    """Of one whole frame."""
    return frame[_PRELUDE.size + _PRELUDE.unpack_from(frame)[1] : -_CRC.size]


@lru_cache(maxsize=64)
def frame_headers(event_type: str, message_type: str = "event") -> bytes:
    """The headers of an event or exception whose payload is JSON."""
    pairs = (
        (f":{message_type}-type", event_type),
        (":content-type", "application/json"),
        (":message-type", message_type),
    )
    out = b""
    for name, value in pairs:
        out += bytes([len(name)]) + name.encode() + bytes([_STRING]) + len(value).to_bytes(2) + value.encode()
    return out


def frame(event_type: str, payload: bytes) -> bytes:
    """An event."""
    return _framed(frame_headers(event_type), payload)


def exception_frame(exception_type: str, payload: bytes) -> bytes:
    """An exception, which ends a stream."""
    return _framed(frame_headers(exception_type, "exception"), payload)


def _framed(headers: bytes, payload: bytes) -> bytes:
    lengths = _LENGTHS.pack(_OVERHEAD + len(headers) + len(payload), len(headers))
    checked = b"%b%b%b%b" % (lengths, _CRC.pack(crc32(lengths)), headers, payload)
    return checked + _CRC.pack(crc32(checked))


@lru_cache(maxsize=64)  # a stream has a handful of them, over and over
def _read_headers(data: bytes) -> tuple[str, str, str]:
    """Kind, name and error message."""
    strings: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            start = at + 1
            at = start + data[at]
            name, type_ = data[start:at].decode(), data[at]
            at += 1
            if type_ in (_STRING, _BYTES):
                size = int.from_bytes(data[at : at + 2])
                at += 2
            else:
                size = _FIXED_SIZES[type_]
            if type_ == _STRING:
                strings[name] = data[at : at + size].decode()
            at += size
    except (IndexError, KeyError, UnicodeDecodeError):
        at = -1
    if at != len(data):
        raise ValueError("a frame with malformed headers")
    kind = strings.get(":message-type", "event")
    name = strings.get(":error-code" if kind == "error" else f":{kind}-type", "")
    return kind, name, strings.get(":error-message", "")
