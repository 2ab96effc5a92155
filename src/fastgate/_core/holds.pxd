from libc.stdint cimport int32_t, int64_t

from fastgate._core.accounts cimport AccountTable
from fastgate._core.rows cimport RowFile
from fastgate._core.slot cimport Steps


cdef class HoldTable:
    cdef AccountTable accounts
    cdef RowFile rows
    # the worker's own; NULL for who only reads and recovers
    cdef int32_t *vacant       # free slots, the one to take next last
    cdef Py_ssize_t vacancies
    cdef readonly Py_ssize_t held
    cdef readonly int64_t opening_bytes

    cpdef Py_ssize_t claim(self) except -1
    cpdef Py_ssize_t enter(self, Py_ssize_t slot, bytes gauges) except -2
    cpdef Py_ssize_t reserve(
        self, Py_ssize_t slot, bytes lines, int64_t amount, int64_t now_ns, bytes opening
    ) except -2
    cpdef void sent(self, Py_ssize_t slot) except *
    cpdef void progress(self, Py_ssize_t slot, int64_t chunks, int64_t output_bytes) except *
    cpdef void reported(self, Py_ssize_t slot, int64_t input_tokens, int64_t output_tokens) except *
    cpdef int64_t admitted_ns(self, Py_ssize_t slot) except? -1
    cpdef int64_t serial(self, Py_ssize_t slot) except? -1
    cpdef int state(self, Py_ssize_t slot) except -1
    cpdef void release(self, Py_ssize_t slot) except *
    cpdef void settling(self, Py_ssize_t slot) except *
    cpdef void settle(self, Py_ssize_t slot, int64_t cost) except *
    cpdef void free(self, Py_ssize_t slot) except *

    cdef int64_t *words_of(self, Py_ssize_t slot) except NULL
    cdef int64_t *slot_in(self, Py_ssize_t slot, int states) except NULL
    cdef int grow(self) except -1
    cdef int number(self, int64_t *slot) except -1
    cdef int give_back(self, int64_t *slot) except -1
    cdef void ended(self, int64_t *slot) noexcept
    cdef int leave(self, int64_t *slot, int remaining) except -1
    cdef Steps chain_of(self, int64_t *slot, int64_t **chain) except *
