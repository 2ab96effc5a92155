from libc.stdint cimport int64_t

from fastgate._core.mapfile cimport MappedFile


cdef class RowFile:
    cdef MappedFile file
    cdef int64_t *first    # the first row; NULL once closed
    cdef Py_ssize_t known  # rows that are surely there; 0 once closed
    cdef Py_ssize_t width  # of a row, in words
    cdef Py_ssize_t most   # rows that it may grow to

    @staticmethod
    cdef RowFile create(str path, bytes magic, Py_ssize_t width, Py_ssize_t most, Py_ssize_t rows)

    @staticmethod
    cdef RowFile open(str path, bytes magic, Py_ssize_t width, Py_ssize_t most)

    cdef int64_t *row(self, Py_ssize_t row) except NULL
    cdef int64_t *header(self, Py_ssize_t index) except NULL    # of 16 words for the user, a line each
    cdef Py_ssize_t count(self) except -1
    cdef int grow(self, Py_ssize_t rows) except -1
    cdef void close(self) noexcept

    cdef size_t size(self, Py_ssize_t rows) noexcept
