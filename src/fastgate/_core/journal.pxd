from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastgate._core.mapfile cimport MappedFile


cdef class JournalWriter:
    # where
    cdef str directory
    cdef size_t segment_bytes
    cdef MappedFile current        # None before prepare() and after close()
    cdef MappedFile spare
    # how far
    cdef readonly int64_t sequence
    cdef readonly int64_t written_bytes
    cdef readonly int64_t segments
    cdef size_t offset             # in the current segment
    cdef uint32_t salt             # the current segment's
    cdef bint sealed
    cdef bint closed
    # how far it is surely on the disk
    cdef readonly int64_t synced   # the last record
    cdef int64_t synced_segments
    cdef size_t synced_offset

    cpdef int64_t append(self, bytes payload) except -1
    cdef size_t capacity(self) noexcept
    cdef size_t rest(self) noexcept
    cdef MappedFile allocate(self, int64_t number)
    cdef int begin(self, MappedFile segment) except -1
    cdef int mark(self, uint32_t kind) except -1
    cdef int put(self, uint32_t length, bytes payload) except -1
    cdef int check_open(self) except -1


cdef class SegmentReader:
    # the file
    cdef str path
    cdef int fd                    # -1 once closed
    cdef bint has_salt
    cdef uint32_t salt
    # what was read of it last
    cdef bytes buffer
    cdef size_t buffer_offset      # in the file
    cdef size_t wanted             # bytes from `offset` on, so that the record there is whole
    # the good record at `offset`, as parse() found it
    cdef int64_t number
    cdef uint32_t length
    # where reading is
    cdef readonly size_t offset
    cdef readonly int64_t sequence
    cdef readonly int stop
    cdef readonly object found

    cdef int read_header(self) except -1
    cdef int look(self) except -1
    cdef int parse(self) except -1
    cdef int search(self, bint torn) except -1
