"""The journal of one writer: checksummed records in segments, mapped files that survive the writer's death.

A segment is a header (magic and version; a random salt, and a CRC of both), then records of 64-bit words:

    length u32, crc u32 | sequence u64 | payload, padded to 8 bytes

The first word is stored last, so a reader of a living writer never sees half a record: as long as it is 0,
there is none. The CRC (zlib's, begun with the salt) is over sequence and payload. The salt is no client's to
know: bytes of a payload can never be taken for a record. Two lengths are marks, whose sequence is the next
record's: the segment is full and the next one follows; or the journal ends.

Segments are zeroed and their blocks reserved before they are written to: a full disk is an error of
prepare(), and never a SIGBUS in append().
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.buffer cimport PyBUF_READ
from libc.errno cimport errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from posix.mman cimport MS_SYNC, msync
from posix.unistd cimport close as close_descriptor

import mmap
import os
import re
from zlib import crc32

from fastgate._core.atomics cimport fg_store
from fastgate._core.mapfile cimport MappedFile

HEADER_BYTES = 16
RECORD_OVERHEAD = 23  # the head, and padding

LIMIT = 0
END = 1
SEALED = 2
FINISHED = 3
TORN = 4
DAMAGED = 5
GAP = 6

cdef enum:
    _LIMIT = 0
    _END = 1
    _SEALED = 2
    _FINISHED = 3
    _TORN = 4
    _DAMAGED = 5
    _GAP = 6
    # What is at a place, beside the above:
    _RECORD = 7
    _BROKEN = 8
    # In bytes:
    _HEADER = 16
    _RECORD_HEAD = 16
    _MARK = 16
    _GRAIN = 4096              # sizes of segments are multiples of it
    _MAX_SEGMENT = 1 << 30
    _CHUNK = 1 << 16           # read at once

cdef uint32_t _MARK_SEALED = 0xFFFFFFFF
cdef uint32_t _MARK_FINISHED = 0xFFFFFFFE

cdef bytes _MAGIC = b"FGJOURN\x02"
cdef size_t _PAGE = mmap.PAGESIZE
cdef object _SEGMENT_NAME = re.compile(r"([0-9]{16})\.seg")


@cython.final
cdef class JournalWriter:
    """The one writer of the segments in a directory: what is appended survives the death of the process."""

    def __cinit__(self, str directory not None, Py_ssize_t segment_bytes=4 << 20):
        if not 0 < segment_bytes <= _MAX_SEGMENT or segment_bytes % _GRAIN != 0:
            raise ValueError(f"{segment_bytes} bytes: a segment takes a multiple of {_GRAIN}, up to 1 GiB")
        if segment_numbers(directory):
            raise ValueError(f"{directory}: has the segments of another writer")
        self.directory = directory
        self.segment_bytes = <size_t>segment_bytes

    @property
    def room(self):
        """The bytes that surely fit, over all records, each with its RECORD_OVERHEAD; 0 before prepare()."""
        # Not the sum: what does not fit into the rest leaves it unused.
        cdef size_t rest = self.rest()
        cdef size_t spare = self.capacity() if self.spare is not None else 0
        return 0 if self.sealed else max(rest, spare)

    @property
    def largest(self):
        """Bytes of the largest payload that a segment can take."""
        return self.capacity() - _RECORD_HEAD

    cpdef int64_t append(self, bytes payload) except -1:
        """The record's number, from 1, without gaps. BufferError: no room (nothing is changed)."""
        self.check_open()
        if self.sealed:
            raise ValueError("the journal is sealed")
        if payload is None:
            raise TypeError("a payload is bytes")
        cdef size_t length = <size_t>PyBytes_GET_SIZE(payload)
        cdef size_t size = _record_bytes(length)
        if length == 0 or size > self.capacity():
            raise ValueError(f"a payload of {length} bytes: 1 to {self.largest} fit")
        if size > self.rest():
            if self.spare is None:
                raise BufferError("no room in the journal: no spare segment")
            self.mark(_MARK_SEALED)
            self.begin(self.spare)
            self.spare = None
        self.put(<uint32_t>length, payload)
        self.sequence += 1
        self.offset += size
        self.written_bytes += <int64_t>size
        return self.sequence

    def prepare(self):
        """Off the hot path: allocate the segment to write to and a spare one, unless they are there."""
        self.check_open()
        if self.sealed:
            return
        if self.current is None:
            self.begin(self.allocate(1))
        if self.spare is None:
            self.spare = self.allocate(self.segments + 1)

    def sync(self):
        """Return when all that was appended before the call is on the disk. Releases the GIL. OSError."""
        self.check_open()
        if self.current is None:
            return
        # Held, and noted down before: appends and new segments go on in the meantime.
        cdef MappedFile current = self.current
        cdef int64_t segments = self.segments
        cdef int64_t sequence = self.sequence
        cdef size_t end = self.offset
        cdef size_t start = self.synced_offset if self.synced_segments == segments else 0
        cdef char *address = <char *>current.words
        cdef int failed
        if start == end:
            return
        start -= start % _PAGE
        with nogil:
            failed = msync(address + start, end - start, MS_SYNC)
        if failed:
            raise OSError(errno, os.strerror(errno), self.directory)
        if self.synced_segments != segments:
            for number in range(max(self.synced_segments, 1), segments):
                _sync_file(segment_path(self.directory, number))
            _sync_file(self.directory)
        self.synced_segments = segments
        self.synced_offset = end
        self.synced = sequence

    def seal(self):
        """Mark the end for readers and remove the spare segment: nothing can be appended. Idempotent."""
        self.check_open()
        if not self.sealed and self.current is not None:
            self.mark(_MARK_FINISHED)
        self.sealed = True
        if self.spare is not None:
            os.unlink(segment_path(self.directory, self.segments + 1))
            self.spare = None

    def close(self):
        """Unmap; what was appended stays. Idempotent."""
        # Dropped, not closed: sync() may be at work on it in another thread.
        self.current = None
        self.spare = None
        self.closed = True

    cdef size_t capacity(self) noexcept:
        # Of a segment without records; the mark at its end has room kept.
        return self.segment_bytes - _HEADER - _MARK

    cdef size_t rest(self) noexcept:
        return self.segment_bytes - _MARK - self.offset if self.current is not None else 0

    cdef MappedFile allocate(self, int64_t number):
        identity = _MAGIC + os.urandom(4)
        header = identity + crc32(identity).to_bytes(4, "little")
        return MappedFile.create(segment_path(self.directory, number), self.segment_bytes, header)

    cdef int begin(self, MappedFile segment) except -1:
        memcpy(&self.salt, <char *>segment.words + len(_MAGIC), sizeof(self.salt))
        self.current = segment
        self.segments += 1
        self.offset = _HEADER
        return 0

    cdef int mark(self, uint32_t kind) except -1:
        self.put(kind, b"")
        self.offset += _MARK
        return 0

    cdef int put(self, uint32_t length, bytes payload) except -1:
        cdef int64_t sequence = self.sequence + 1
        cdef int64_t *record = self.current.words + self.offset // sizeof(int64_t)
        cdef size_t size = <size_t>PyBytes_GET_SIZE(payload)
        cdef bytes covered = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(sizeof(sequence) + size))
        memcpy(PyBytes_AS_STRING(covered), &sequence, sizeof(sequence))
        memcpy(PyBytes_AS_STRING(covered) + sizeof(sequence), PyBytes_AS_STRING(payload), size)
        # What can fail comes before the first byte that is written: behind the end there are zeros only.
        cdef uint32_t crc = crc32(covered, self.salt)
        memcpy(record + 1, PyBytes_AS_STRING(covered), sizeof(sequence) + size)
        fg_store(record, <int64_t>(<uint64_t>crc << 32 | length))
        return 0

    cdef int check_open(self) except -1:
        if self.closed:
            raise ValueError("the journal is closed")
        return 0


@cython.final
cdef class SegmentReader:
    """Reads one segment, also while it is written. Never changes it; a bad disk is an OSError, no signal."""

    # Read by system calls and not by a mapping: what a power cut leaves may be shorter than it says, and a
    # mapping would answer a bad block with SIGBUS.

    def __cinit__(self, str path not None, size_t offset=0, int64_t sequence=0):
        self.fd = -1
        self.buffer = b""
        self.stop = _END
        self.offset = offset if offset > 0 else _HEADER
        self.sequence = sequence
        if self.offset < _HEADER or self.offset % sizeof(int64_t) != 0 or sequence < 0:
            raise ValueError(f"no record can end at {offset} with number {sequence}")
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __dealloc__(self):
        self.close()

    def read(self, Py_ssize_t limit, bint living):
        """At most `limit` records: (number, payload, offset behind it). Can be called again at each stop."""
        if self.fd < 0:
            raise ValueError(f"{self.path}: the reader is closed")
        records = []
        self.found = None
        self.stop = _LIMIT
        if not self.has_salt and not self.read_header():
            return records
        cdef int kind
        cdef char *payload
        while len(records) < limit:
            kind = self.look()
            if kind != _RECORD:
                self.stop = kind
                if kind == _GAP:
                    self.found = (self.offset, self.number)
                elif kind == _BROKEN or kind == _END and not living:
                    self.search(kind == _BROKEN)
                break
            payload = PyBytes_AS_STRING(self.buffer) + (self.offset - self.buffer_offset) + _RECORD_HEAD
            self.offset += _record_bytes(self.length)
            self.sequence = self.number
            records.append((
                self.number, PyBytes_FromStringAndSize(payload, <Py_ssize_t>self.length), self.offset
            ))
        return records

    def close(self):
        """Idempotent. read() after it: ValueError."""
        if self.fd >= 0:
            close_descriptor(self.fd)
            self.fd = -1

    cdef int read_header(self) except -1:
        header = os.pread(self.fd, _HEADER, 0)
        identity = header[:12]
        if identity[:8] == _MAGIC and crc32(identity).to_bytes(4, "little") == header[12:]:
            self.salt = int.from_bytes(identity[8:], "little")
            self.has_salt = True
            return True
        # Without its salt nothing can be told from chance, so nothing is found.
        everything = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        self.stop = _DAMAGED if len(header) == _HEADER and everything.strip(b"\0") else _TORN
        return False

    cdef int look(self) except -1:
        """What is at `offset`: a record in the buffer, or a reason to stop; _BROKEN for TORN or DAMAGED."""
        # What was read before may be older than the record's last byte, also where its length is there
        # already: only what looks the same twice, with a read in between, is so.
        cdef int before = -1
        cdef int kind = self.parse()
        while kind in (_END, _BROKEN) and kind != before:
            before = kind
            self.buffer = os.pread(self.fd, max(<size_t>_CHUNK, self.wanted), self.offset)
            self.buffer_offset = self.offset
            kind = self.parse()
        return kind

    cdef int parse(self) except -1:
        cdef size_t at = self.offset - self.buffer_offset
        cdef size_t have = <size_t>PyBytes_GET_SIZE(self.buffer)
        cdef size_t covered
        cdef char *record = PyBytes_AS_STRING(self.buffer) + at
        cdef uint32_t head[2]
        self.wanted = 0
        if at + sizeof(head) > have:
            return _END if _is_zero(record, have - at if at < have else 0) else _BROKEN
        memcpy(head, record, sizeof(head))
        if head[0] == 0 and head[1] == 0:
            return _END
        covered = 0 if _is_mark(head[0]) else head[0]
        if at + _RECORD_HEAD + covered > have:
            # Never more than there is: the length may be anything.
            self.wanted = min(_RECORD_HEAD + covered, os.fstat(self.fd).st_size)
            return _BROKEN
        if head[0] == 0 or _checksum(record + 8, 8 + covered, self.salt) != head[1]:
            return _BROKEN
        memcpy(&self.number, record + 8, sizeof(self.number))
        self.length = head[0]
        if self.number != self.sequence + 1:
            return _GAP
        if head[0] == _MARK_SEALED:
            return _SEALED
        return _FINISHED if head[0] == _MARK_FINISHED else _RECORD

    cdef int search(self, bint torn) except -1:
        """Behind a place without a good record: set `stop`, and `found` if there is one."""
        cdef bytes rest = os.pread(self.fd, os.fstat(self.fd).st_size, self.offset)
        cdef char *data = PyBytes_AS_STRING(rest)
        cdef size_t have = <size_t>PyBytes_GET_SIZE(rest)
        cdef size_t at, covered
        cdef uint32_t head[2]
        cdef int64_t number
        for at in range(8, have - have % 8, 8):
            if at + _RECORD_HEAD > have:
                break
            memcpy(head, data + at, sizeof(head))
            memcpy(&number, data + at + 8, sizeof(number))
            if head[0] == 0 or number <= self.sequence + 1:
                continue
            covered = 0 if _is_mark(head[0]) else head[0]
            if at + _RECORD_HEAD + covered > have:
                continue
            if _checksum(data + at + 8, 8 + covered, self.salt) == head[1]:
                self.stop = _DAMAGED
                self.found = (self.offset + at, number)
                return 0
        self.stop = _TORN if torn or not _is_zero(data, have) else _END
        return 0


def segment_path(str directory not None, number):
    """Where the writer of `directory` puts its segment of this number, from 1."""
    return f"{directory}/{number:016}.seg"


def segment_numbers(str directory not None):
    """The segments that are in the directory, ascending. OSError."""
    matches = map(_SEGMENT_NAME.fullmatch, os.listdir(directory))
    return sorted(int(match[1]) for match in matches if match)


cdef inline size_t _record_bytes(size_t length) noexcept:
    return (_RECORD_HEAD + length + 7) & ~<size_t>7


cdef inline bint _is_mark(uint32_t length) noexcept:
    return length >= _MARK_FINISHED


cdef inline bint _is_zero(const char *data, size_t length) noexcept:
    cdef size_t i
    for i in range(length):
        if data[i] != 0:
            return False
    return True


cdef inline uint32_t _checksum(char *data, size_t length, uint32_t salt) except? 0:
    return crc32(PyMemoryView_FromMemory(data, <Py_ssize_t>length, PyBUF_READ), salt)


cdef int _sync_file(str path) except -1:
    """fsync a file or directory; one that is gone (drained and removed) needs none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return 0
