"""The metrics of one process in a mapped file, which outlives it: one writer, any number of readers.

The file is made of 64-bit words. A header (magic and version, size in bytes, words used), then entries:

    size in words | kind | bytes of the name | number of bounds | name, padded | bounds |
    value, or sum and a count per bucket | an exemplar line per bucket

An entry is written completely before `used` grows over it, so readers never see half of one. A reader trusts
nothing it finds: every size is checked before it is followed, and once only.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastgate._core.atomics cimport (
    fg_bump,
    fg_load,
    fg_load_relaxed,
    fg_seqlock_read,
    fg_seqlock_write,
    fg_store,
    fg_store_relaxed,
)
from fastgate._core.mapfile cimport MappedFile

from typing import Optional

COUNTER = 0
GAUGE = 1
HISTOGRAM = 2

MAX_EXEMPLAR_BYTES = 36

Exemplar = tuple[bytes, int, int]
MetricEntry = tuple[bytes, int, tuple[int, ...], tuple[int, ...], tuple[Optional[Exemplar], ...]]

cdef enum:
    _COUNTER = 0
    _GAUGE = 1
    _HISTOGRAM = 2
    # The header, in words:
    _MAGIC = 0
    _SIZE = 1
    _USED = 2
    _HEADER = 8
    # An entry, in words:
    _ENTRY_SIZE = 0
    _ENTRY_KIND = 1
    _ENTRY_NAME = 2
    _ENTRY_BOUNDS = 3
    _ENTRY_HEAD = 4
    _MAX_NAME = 65535
    _MAX_BOUNDS = 1024
    # An exemplar line: sequence, value, time, then length and text in 5 words.
    _EXEMPLAR = 8
    _PAYLOAD = 7
    _MAX_EXEMPLAR = 36
    _READ_TRIES = 64           # a writer is done within nanoseconds, unless it was stopped or killed there
    _MIN_CAPACITY = 4096
    _MAX_CAPACITY = 1 << 30

cdef int64_t _SIGNATURE = int.from_bytes(b"FGMETRI\x01", "little")


@cython.final
cdef class MetricsFile:
    """The metrics of one process in a mapped file, which outlives it: one writer, any number of readers."""

    def __cinit__(self, str path not None, Py_ssize_t capacity, bint writable):
        self.writable = writable
        self.parsed = _HEADER
        self.names = []
        self.limits = []
        self.handles = {}
        self.file = _open_or_create(path, capacity, writable)
        cdef int64_t *words = self.file.words
        if self.file.size < _HEADER * sizeof(int64_t) or words[_MAGIC] != _SIGNATURE:
            raise ValueError(f"{path}: not a metrics file of this version")
        if words[_SIZE] != <int64_t>self.file.size:
            raise ValueError(f"{path}: {self.file.size} bytes instead of {words[_SIZE]}: truncated")
        self.read_new_entries()

    def __dealloc__(self):
        PyMem_Free(self.entry)

    def counter(self, bytes name not None):
        """The handle, found or appended."""
        return self.declare(name, _COUNTER, ())

    def gauge(self, bytes name not None):
        """As counter()."""
        return self.declare(name, _GAUGE, ())

    def histogram(self, bytes name not None, tuple bounds not None):
        """As counter(). The bounds are inclusive and ascend (ValueError); +Inf is implied; 1,024 at most."""
        if not 1 <= len(bounds) <= _MAX_BOUNDS or any(a >= b for a, b in zip(bounds, bounds[1:])):
            raise ValueError(f"bounds must ascend, and be 1 to {_MAX_BOUNDS}")
        return self.declare(name, _HISTOGRAM, bounds)

    cpdef void add(self, Py_ssize_t handle, int64_t n) except *:
        """Change a counter or gauge. ValueError: a negative n on a counter."""
        cdef Entry *entry = self.writable_entry(handle)
        if entry.kind == _HISTOGRAM:
            raise ValueError("a histogram observes")
        if entry.kind == _COUNTER and n < 0:
            raise ValueError("a counter only grows")
        fg_bump(self.file.words + entry.values, n)

    cpdef void set(self, Py_ssize_t handle, int64_t value) except *:
        """Set a gauge."""
        cdef Entry *entry = self.writable_entry(handle)
        if entry.kind != _GAUGE:
            raise ValueError("only a gauge can be set")
        fg_store_relaxed(self.file.words + entry.values, value)

    cpdef int64_t get(self, Py_ssize_t handle) except? -1:
        """The value of a counter or gauge."""
        if not 0 <= handle < self.count or self.entry[handle].kind == _HISTOGRAM:
            raise ValueError(f"{handle} is no counter or gauge of this file")
        return fg_load_relaxed(self.file.words + self.entry[handle].values)

    cpdef void observe(
        self, Py_ssize_t handle, int64_t value, bytes exemplar=b"", int64_t timestamp_ms=0
    ) except *:
        """Count a value into a histogram; a non-empty exemplar replaces that of its bucket."""
        cdef Entry *entry = self.writable_entry(handle)
        cdef int64_t *words = self.file.words
        cdef int64_t payload[_PAYLOAD]
        cdef Py_ssize_t bucket, length
        if entry.kind != _HISTOGRAM:
            raise ValueError("only a histogram observes")
        bucket = _bucket_of(words + entry.limits, entry.bounds, value)
        fg_bump(words + entry.values, value)
        fg_bump(words + entry.values + 1 + bucket, 1)
        length = PyBytes_GET_SIZE(exemplar) if exemplar is not None else 0
        if 1 <= length <= _MAX_EXEMPLAR:
            memset(payload, 0, sizeof(payload))
            payload[0] = value
            payload[1] = timestamp_ms
            (<unsigned char *>&payload[2])[0] = <unsigned char>length
            memcpy(<unsigned char *>&payload[2] + 4, PyBytes_AS_STRING(exemplar), <size_t>length)
            fg_seqlock_write(words + entry.exemplars + bucket * _EXEMPLAR, payload, _PAYLOAD)

    cpdef void zero_gauges(self) except *:
        """Set all gauges to 0: a process that starts has nothing in flight."""
        cdef Py_ssize_t handle
        for handle in range(self.count):
            if self.entry[handle].kind == _GAUGE:
                self.set(handle, 0)

    def entries(self):
        """All entries as they are now. ValueError: the file is corrupt."""
        cdef Py_ssize_t handle, i, values
        cdef Entry *entry
        cdef int64_t *words = self.file.words
        self.read_new_entries()
        result = []
        for handle in range(self.count):
            entry = &self.entry[handle]
            values = entry.bounds + 2 if entry.kind == _HISTOGRAM else 1
            result.append(
                (
                    self.names[handle],
                    entry.kind,
                    tuple([fg_load_relaxed(words + entry.values + i) for i in range(values)]),
                    self.limits[handle],
                    tuple([_exemplar(words + entry.exemplars + i * _EXEMPLAR) for i in range(values - 1)]),
                )
            )
        return result

    cdef Py_ssize_t declare(self, bytes name, int kind, tuple bounds) except -1:
        known = self.handles.get(name)
        if known is not None:
            if self.entry[<Py_ssize_t>known].kind != kind or self.limits[known] != bounds:
                raise ValueError(f"{name!r} is already there, as another kind or with other bounds")
            return known
        if not self.writable:
            raise ValueError("the metrics file was opened for reading")
        if len(name) > _MAX_NAME:
            raise ValueError(f"a name of {len(name)} bytes is too long")
        cdef Entry entry = _lay_out(self.parsed, kind, len(name), len(bounds))
        cdef size_t end = _end_of(entry)
        if end > self.file.size // sizeof(int64_t):
            raise OverflowError(f"no room for {name!r}: the metrics file is full")
        cdef int64_t *words = self.file.words + self.parsed
        cdef Py_ssize_t i
        # A writer that was killed while it appended left its bytes here.
        memset(words, 0, (end - self.parsed) * sizeof(int64_t))
        words[_ENTRY_SIZE] = <int64_t>(end - self.parsed)
        words[_ENTRY_KIND] = kind
        words[_ENTRY_NAME] = len(name)
        words[_ENTRY_BOUNDS] = len(bounds)
        memcpy(words + _ENTRY_HEAD, PyBytes_AS_STRING(name), <size_t>len(name))
        for i in range(len(bounds)):
            self.file.words[entry.limits + <size_t>i] = bounds[i]
        self.remember(name, entry)
        fg_store(self.file.words + _USED, <int64_t>end)
        self.parsed = end
        return self.count - 1

    cdef Entry *writable_entry(self, Py_ssize_t handle) except NULL:
        if not self.writable:
            raise ValueError("the metrics file was opened for reading")
        if not 0 <= handle < self.count:
            raise ValueError(f"{handle} is no handle of this file")
        return &self.entry[handle]

    cdef int64_t used(self) except -1:
        cdef int64_t used = fg_load(self.file.words + _USED)
        if not <int64_t>self.parsed <= used <= <int64_t>(self.file.size // sizeof(int64_t)):
            raise ValueError("the metrics file is corrupt: its used size is out of range")
        return used

    cdef int read_new_entries(self) except -1:
        cdef size_t used = <size_t>self.used()
        cdef int64_t *words
        cdef int64_t size, kind, name, bounds
        cdef Entry entry
        while self.parsed < used:
            words = self.file.words + self.parsed
            if used - self.parsed < _ENTRY_HEAD:
                raise ValueError("the metrics file is corrupt: an entry is cut off")
            size = words[_ENTRY_SIZE]
            kind = words[_ENTRY_KIND]
            name = words[_ENTRY_NAME]
            bounds = words[_ENTRY_BOUNDS]
            if not (
                0 <= name <= _MAX_NAME
                and (1 <= bounds <= _MAX_BOUNDS if kind == _HISTOGRAM else bounds == 0)
                and _COUNTER <= kind <= _HISTOGRAM
            ):
                raise ValueError("the metrics file is corrupt: not an entry")
            entry = _lay_out(self.parsed, <int>kind, name, bounds)
            if size != <int64_t>(_end_of(entry) - self.parsed) or <size_t>size > used - self.parsed:
                raise ValueError("the metrics file is corrupt: an entry of a wrong size")
            self.remember(PyBytes_FromStringAndSize(<char *>(words + _ENTRY_HEAD), name), entry)
            self.parsed += <size_t>size
        return 0

    cdef int remember(self, bytes name, Entry entry) except -1:
        cdef Py_ssize_t room = self.room
        cdef Py_ssize_t i
        cdef Entry *grown
        if name in self.handles:
            raise ValueError(f"the metrics file is corrupt: {name!r} is there twice")
        if self.count == room:
            room = room * 2 if room else 64
            grown = <Entry *>PyMem_Realloc(self.entry, <size_t>room * sizeof(Entry))
            if grown == NULL:
                raise MemoryError
            self.entry = grown
            self.room = room
        self.names.append(name)
        self.limits.append(tuple([self.file.words[entry.limits + <size_t>i] for i in range(entry.bounds)]))
        self.handles[name] = self.count
        self.entry[self.count] = entry
        self.count += 1
        return 0


cdef MappedFile _open_or_create(str path, Py_ssize_t capacity, bint writable):
    try:
        return MappedFile.open(path, writable)
    except FileNotFoundError:
        if not writable:
            raise
    if not _MIN_CAPACITY <= capacity <= _MAX_CAPACITY:
        raise ValueError(f"a capacity of {capacity} bytes is out of range")
    capacity -= capacity % <Py_ssize_t>sizeof(int64_t)
    header = b"".join(word.to_bytes(8, "little") for word in (_SIGNATURE, capacity, _HEADER))
    return MappedFile.create(path, <size_t>capacity, header)


cdef Entry _lay_out(size_t start, int kind, Py_ssize_t name, Py_ssize_t bounds) noexcept:
    cdef Entry entry
    entry.kind = kind
    entry.bounds = bounds
    entry.limits = start + _ENTRY_HEAD + (<size_t>name + sizeof(int64_t) - 1) // sizeof(int64_t)
    entry.values = entry.limits + <size_t>bounds
    entry.exemplars = entry.values + (<size_t>bounds + 2 if kind == _HISTOGRAM else 1)
    return entry


cdef size_t _end_of(Entry entry) noexcept:
    return entry.exemplars + (<size_t>(entry.bounds + 1) * _EXEMPLAR if entry.kind == _HISTOGRAM else 0)


cdef Py_ssize_t _bucket_of(const int64_t *limits, Py_ssize_t bounds, int64_t value) noexcept:
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = bounds
    cdef Py_ssize_t middle
    while low < high:
        middle = (low + high) >> 1
        if value <= limits[middle]:
            high = middle
        else:
            low = middle + 1
    return low


cdef object _exemplar(int64_t *line):
    cdef int64_t payload[_PAYLOAD]
    cdef Py_ssize_t length
    cdef int _attempt
    for _attempt in range(_READ_TRIES):
        if fg_seqlock_read(line, payload, _PAYLOAD):
            length = (<unsigned char *>&payload[2])[0]
            if not 1 <= length <= _MAX_EXEMPLAR:
                return None
            text = PyBytes_FromStringAndSize(<char *>&payload[2] + 4, length)
            return (text, payload[0], payload[1])
    return None
