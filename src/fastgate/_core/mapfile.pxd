from libc.stdint cimport int64_t


cdef class MappedFile:
    cdef int64_t *words    # the mapping; NULL once closed
    cdef size_t size       # in bytes; a multiple of 8
    cdef int fd

    @staticmethod
    cdef MappedFile create(str path, size_t size, bytes header)

    @staticmethod
    cdef MappedFile open(str path, bint writable)

    cdef int lock(self) except -1
    cdef int unlock(self) except -1
    cdef void close(self) noexcept
