from libc.stdint cimport uint64_t


cdef struct Marker:
    const char *text
    size_t length
    bint is_key            # "name": counts only in front of a value other than null


cdef class EventSplitter:
    cdef tuple markers     # keeps the texts alive
    cdef Marker *marker
    cdef int marker_count
    cdef Py_ssize_t max_event_bytes

    # What the last feed() completed:
    cdef readonly bytes block
    cdef readonly uint64_t mask

    # The unfinished event:
    cdef char *held
    cdef readonly Py_ssize_t pending
    cdef Py_ssize_t room
    cdef int state
    cdef bint overflowed

    cpdef Py_ssize_t feed(self, bytes data) except -1
    cpdef list events(self)
    cpdef bytes take_tail(self)

    cdef bytes completed(self, const char *data, Py_ssize_t length)
    cdef int hold(self, const char *data, Py_ssize_t length) except -1
    cdef void drop_held(self) noexcept
    cdef uint64_t mask_of(self, const char *text, Py_ssize_t length) noexcept


cpdef bytes event_data(bytes event)
cpdef bytes event_name(bytes event)
