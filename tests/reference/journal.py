"""What fastgate._core.journal has to do, with byte strings in memory."""

import struct
import zlib

HEADER_BYTES = 16
LIMIT, END, SEALED, FINISHED, TORN, DAMAGED, GAP = range(7)

_MAGIC = b"FGJOURN\x02"
_MARKS = {0xFFFFFFFF: SEALED, 0xFFFFFFFE: FINISHED}
_MARK_BYTES = 16


def header(salt: bytes) -> bytes:
    return _MAGIC + salt + struct.pack("<I", zlib.crc32(_MAGIC + salt))


def record(sequence: int, payload: bytes, salt: bytes) -> bytes:
    return _framed(len(payload), sequence, payload, salt)


def mark(stop: int, sequence: int, salt: bytes) -> bytes:
    return _framed(next(length for length, meant in _MARKS.items() if meant == stop), sequence, b"", salt)


def _framed(length: int, sequence: int, payload: bytes, salt: bytes) -> bytes:
    body = struct.pack("<Q", sequence) + payload
    crc = zlib.crc32(body, int.from_bytes(salt, "little"))
    return struct.pack("<II", length, crc) + body + bytes(-len(payload) % 8)


class JournalWriter:
    """`segments` has a list of (length or mark, sequence, payload) for each one that was begun."""

    def __init__(self, segment_bytes: int = 4 << 20) -> None:
        self.segment_bytes = segment_bytes
        self.capacity = segment_bytes - HEADER_BYTES - _MARK_BYTES
        self.largest = self.capacity - 16
        self.parts: list[list[tuple[int, int, bytes]]] = []
        self.sequence = 0
        self.written_bytes = 0
        self._rest = 0
        self._spare = False
        self._sealed = False

    @property
    def segments(self) -> int:
        return len(self.parts)

    @property
    def room(self) -> int:
        return 0 if self._sealed else max(self._rest, self.capacity * self._spare)

    def append(self, payload: bytes) -> int:
        if self._sealed or not 1 <= len(payload) <= self.largest:
            raise ValueError(payload)
        size = 16 + len(payload) + -len(payload) % 8
        if size > self._rest:
            if not self._spare:
                raise BufferError
            self._mark(SEALED)
            self._begin()
            self._spare = False
        self.sequence += 1
        self.parts[-1].append((0, self.sequence, payload))
        self._rest -= size
        self.written_bytes += size
        return self.sequence

    def prepare(self) -> None:
        if not self._sealed:
            if not self.parts:
                self._begin()
            self._spare = True

    def seal(self) -> None:
        if not self._sealed and self.parts:
            self._mark(FINISHED)
        self._sealed = True
        self._spare = False

    def files(self) -> int:
        return len(self.parts) + self._spare

    def image(self, number: int, salt: bytes) -> bytes:
        """The file of segment `number`."""
        parts = self.parts[number - 1] if number <= len(self.parts) else []
        data = header(salt) + b"".join(
            mark(stop, sequence, salt) if stop else record(sequence, payload, salt)
            for stop, sequence, payload in parts
        )
        return data + bytes(self.segment_bytes - len(data))

    def _begin(self) -> None:
        self.parts.append([])
        self._rest = self.capacity

    def _mark(self, stop: int) -> None:
        self.parts[-1].append((stop, self.sequence + 1, b""))


class SegmentReader:
    """Of a file that nobody writes to."""

    def __init__(self, data: bytes, offset: int = 0, sequence: int = 0) -> None:
        self._data = data
        self._salt = data[8:12]
        self.offset = offset or HEADER_BYTES
        self.sequence = sequence
        self.stop = END
        self.found: tuple[int, int] | None = None

    def read(self, limit: int, living: bool) -> list[tuple[int, bytes, int]]:
        self.stop, self.found = LIMIT, None
        if self._data[:HEADER_BYTES] != header(self._salt):
            self.stop = DAMAGED if len(self._data) >= HEADER_BYTES and any(self._data) else TORN
            return []
        records: list[tuple[int, bytes, int]] = []
        while len(records) < limit:
            good = self._good(self.offset)
            if good is None:
                self._judge(living)
                break
            length, sequence, payload = good
            if sequence != self.sequence + 1:
                self.stop, self.found = GAP, (self.offset, sequence)
                break
            if length in _MARKS:
                self.stop = _MARKS[length]
                break
            self.offset += 16 + length + -length % 8
            self.sequence = sequence
            records.append((sequence, payload, self.offset))
        return records

    def _good(self, at: int) -> tuple[int, int, bytes] | None:
        """The record or mark at this place."""
        if len(self._data) < at + 16:
            return None
        length, crc, sequence = struct.unpack_from("<IIq", self._data, at)
        covered = 0 if length in _MARKS else length
        body = self._data[at + 8 : at + 16 + covered]
        whole = length and len(body) == 8 + covered
        if not whole or zlib.crc32(body, int.from_bytes(self._salt, "little")) != crc:
            return None
        return length, sequence, body[8:]

    def _judge(self, living: bool) -> None:
        empty = not any(self._data[self.offset : self.offset + 8])
        if empty and living:
            self.stop = END
            return
        for at in range(self.offset + 8, len(self._data), 8):
            good = self._good(at)
            if good is not None and good[1] > self.sequence + 1:
                self.stop, self.found = DAMAGED, (at, good[1])
                return
        self.stop = TORN if any(self._data[self.offset :]) else END
