from libc.stdint cimport int64_t, uint64_t

from fastgate._core.mapfile cimport MappedFile


cdef class SharedSlots:
    cdef MappedFile file
    cdef int64_t *slots    # the first slot; NULL once closed
    cdef readonly Py_ssize_t capacity

    cpdef Py_ssize_t claim(self, uint64_t key) except -1
    cpdef Py_ssize_t find(self, uint64_t key) except? -1
    cpdef void release(self, Py_ssize_t slot) except *
    cpdef int64_t load(self, Py_ssize_t slot, Py_ssize_t field) except? -1
    cpdef void store(self, Py_ssize_t slot, Py_ssize_t field, int64_t value) except *
    cpdef int64_t add(self, Py_ssize_t slot, Py_ssize_t field, int64_t delta) except? -1
    cpdef bint compare_exchange(
        self, Py_ssize_t slot, Py_ssize_t field, int64_t expected, int64_t desired
    ) except -1
    cpdef int64_t header_load(self, Py_ssize_t index) except? -1
    cpdef void header_store(self, Py_ssize_t index, int64_t value) except *
    cpdef int64_t header_add(self, Py_ssize_t index, int64_t delta) except? -1

    cdef int64_t *field(self, Py_ssize_t slot, Py_ssize_t field) except NULL
    cdef int64_t *header(self, Py_ssize_t index) except NULL
    cdef Py_ssize_t probe(self, uint64_t key, Py_ssize_t *vacant) noexcept
    cdef void clear(self, Py_ssize_t slot) noexcept
