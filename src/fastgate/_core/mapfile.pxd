from libc.stdint cimport int64_t


cdef class MappedFile:
    cdef int64_t *words    # the mapping; NULL once closed
    cdef size_t size       # of the file, as known here, in bytes; a multiple of 8
    cdef size_t reserved   # of the mapping: a file that grows has room for it from the start
    cdef int fd

    @staticmethod
    cdef MappedFile create(str path, size_t size, bytes header, size_t reserve=*)

    @staticmethod
    cdef MappedFile open(str path, bint writable, size_t reserve=*)

    cdef int grow(self, size_t size) except -1
    cdef int follow(self, size_t size) except -1
    cdef int lock(self) except -1
    cdef int unlock(self) except -1
    cdef void close(self) noexcept
    cdef void scattered(self) noexcept
