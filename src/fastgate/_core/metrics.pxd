from libc.stdint cimport int64_t

from fastgate._core.mapfile cimport MappedFile


cdef struct Entry:
    int kind
    Py_ssize_t bounds      # how many; a histogram has one bucket more
    # Where they are in the file, in words, checked against its size when the entry was read:
    size_t limits          # the bounds
    size_t values          # the value, or the sum and then the buckets' counts
    size_t exemplars       # a seqlock line per bucket


cdef class MetricsFile:
    cdef MappedFile file
    cdef bint writable
    # What was read of the file so far:
    cdef size_t parsed     # in words
    cdef Entry *entry
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef list names        # of bytes, by handle
    cdef list limits       # of tuple[int, ...], by handle
    cdef dict handles      # name -> handle

    cpdef void add(self, Py_ssize_t handle, int64_t n) except *
    cpdef void set(self, Py_ssize_t handle, int64_t value) except *
    cpdef int64_t get(self, Py_ssize_t handle) except? -1
    cpdef void observe(
        self, Py_ssize_t handle, int64_t value, bytes exemplar=*, int64_t timestamp_ms=*
    ) except *
    cpdef void zero_gauges(self) except *

    cdef Py_ssize_t declare(self, bytes name, int kind, tuple bounds) except -1
    cdef Entry *writable_entry(self, Py_ssize_t handle) except NULL
    cdef int read_new_entries(self) except -1
    cdef int64_t used(self) except -1
    cdef int remember(self, bytes name, Entry entry) except -1
