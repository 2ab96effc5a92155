from libc.stdint cimport int64_t

from fastgate._core.rows cimport RowFile


cdef class AccountTable:
    cdef RowFile rows

    cpdef int64_t load(self, Py_ssize_t line, Py_ssize_t word) except? -1
    cpdef void store(self, Py_ssize_t line, Py_ssize_t word, int64_t value) except *
    cpdef int64_t add(self, Py_ssize_t line, Py_ssize_t word, int64_t delta) except? -1
    cpdef bint compare_exchange(
        self, Py_ssize_t line, Py_ssize_t word, int64_t expected, int64_t desired
    ) except -1
    cpdef int64_t header_load(self, Py_ssize_t index) except? -1
    cpdef void header_store(self, Py_ssize_t index, int64_t value) except *

    cdef int64_t *line(self, Py_ssize_t line) except NULL    # its 16 words
    cdef int64_t *word(self, Py_ssize_t line, Py_ssize_t word) except NULL
