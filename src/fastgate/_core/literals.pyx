"""Which of some texts occur in bytes, in one pass: what a regular expression is then worth running for."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcmp

MAX_LITERALS = 32

cdef enum:
    _MAX_LITERALS = 32

cdef struct Literal:
    const char *text           # behind the first two bytes
    size_t length


@cython.final
cdef class LiteralSet:
    """Texts that begin with the same byte, and of which the second byte tells most apart."""

    cdef tuple literals        # owns what `each` points into
    cdef Literal each[_MAX_LITERALS]
    cdef int count
    cdef char first
    cdef uint32_t by_second[256]   # which literals have this second byte, a bit each

    def __cinit__(self, tuple literals not None):
        cdef const char *text
        if not 0 < len(literals) <= _MAX_LITERALS:
            raise ValueError(f"{len(literals)} literals: 1 to {_MAX_LITERALS} are possible")
        for literal in literals:
            if not isinstance(literal, bytes):
                raise TypeError("literals are bytes")
            if len(literal) < 2 or literal[:1] != literals[0][:1]:
                raise ValueError(f"{literal!r} is not two bytes long and begins as {literals[0]!r} does")
            text = PyBytes_AS_STRING(literal)
            self.by_second[<unsigned char>text[1]] |= <uint32_t>1 << self.count
            self.each[self.count].text = text + 2
            self.each[self.count].length = <size_t>(PyBytes_GET_SIZE(literal) - 2)
            self.count += 1
        self.literals = literals
        self.first = PyBytes_AS_STRING(literals[0])[0]

    cpdef uint32_t present(self, bytes data) except? 0:
        """Bit i: literal i occurs in `data`."""
        if data is None:
            raise TypeError("present() takes bytes")
        cdef const char *at = PyBytes_AS_STRING(data)
        cdef const char *end = at + PyBytes_GET_SIZE(data)
        cdef uint32_t found = 0
        cdef uint32_t candidates
        cdef int i
        while True:
            at = <const char *>memchr(at, self.first, <size_t>(end - at))
            if at == NULL or end - at < 2:
                return found
            candidates = self.by_second[<unsigned char>at[1]] & ~found
            at += 1
            i = 0
            while candidates != 0:
                if candidates & 1 and _begins(at + 1, end, &self.each[i]):
                    found |= <uint32_t>1 << i
                candidates >>= 1
                i += 1


cdef inline bint _begins(const char *at, const char *end, Literal *literal) noexcept:
    return <size_t>(end - at) >= literal.length and memcmp(at, literal.text, literal.length) == 0
