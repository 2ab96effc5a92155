from libc.stdint cimport int64_t

from fastgate._core.accounts cimport AccountTable


cdef struct RateLimit:
    Py_ssize_t line
    int word
    int measure
    int64_t amount
    int64_t period_ns
    int64_t burst
    int64_t owner          # the account's id; 0: nobody's, and no limit


cdef struct Demand:
    int64_t units[4]       # by measure


cdef class LimitSet:
    cdef AccountTable accounts
    cdef RateLimit *limits
    cdef readonly Py_ssize_t count
    cdef readonly int64_t wait_ns

    cpdef Py_ssize_t take(
        self, int64_t requests, int64_t input_tokens, int64_t output_tokens, int64_t now_ns
    ) except -2
    cpdef void give_back(self, int64_t requests, int64_t input_tokens, int64_t output_tokens) except *
    cpdef void correct(self, int64_t input_delta, int64_t output_delta, int64_t now_ns) except *
    cpdef int64_t remaining(self, Py_ssize_t index, int64_t now_ns) except -1
    cpdef int64_t reset_ns(self, Py_ssize_t index, int64_t now_ns) except -1
    cpdef tuple tightest(self, tuple indexes, int64_t now_ns)

    cdef int64_t *cell(self, RateLimit *limit) except? NULL
    cdef RateLimit *limit_at(self, Py_ssize_t index) except NULL
    cdef Py_ssize_t refusing(self, Demand *demand, int64_t now_ns) except -2
    cdef int give_back_to(self, Demand *demand, Py_ssize_t end) except -1
