"""Lines of 16 64-bit atomics in a file that several processes map, and that grows while they do."""

cimport cython
from libc.stdint cimport int64_t

from fastgate._core.atomics cimport fg_add, fg_compare_exchange, fg_load, fg_store
from fastgate._core.rows cimport RowFile

LINE_WORDS = 16

cdef enum:
    _LINE_WORDS = 16           # 128 bytes: neighbouring lines are fetched in pairs
    _MAX_LINES = 1 << 23       # 1 GiB of address space

cdef bytes _MAGIC = b"FGACCTS\x01"


@cython.final
cdef class AccountTable:
    """Lines of 16 64-bit atomics in a file that several processes map, and that grows while they do."""

    def __cinit__(self, str path not None, bint create, Py_ssize_t lines=1024):
        if create:
            _check_lines(lines)
            self.rows = RowFile.create(path, _MAGIC, _LINE_WORDS, _MAX_LINES, lines)
        else:
            self.rows = RowFile.open(path, _MAGIC, _LINE_WORDS, _MAX_LINES)
            if self.rows.known < 1:
                raise ValueError(f"{path}: a damaged table of accounts")

    @property
    def lines(self):
        """How many there are now. Lines that another process appended can be used at once."""
        return self.rows.count()

    def grow(self, Py_ssize_t lines):
        """Append zeroed lines, up to at least `lines`. By one process at a time."""
        _check_lines(lines)
        self.rows.grow(lines)

    cpdef int64_t load(self, Py_ssize_t line, Py_ssize_t word) except? -1:
        return fg_load(self.word(line, word))

    cpdef void store(self, Py_ssize_t line, Py_ssize_t word, int64_t value) except *:
        fg_store(self.word(line, word), value)

    cpdef int64_t add(self, Py_ssize_t line, Py_ssize_t word, int64_t delta) except? -1:
        """The new value."""
        return fg_add(self.word(line, word), delta)

    cpdef bint compare_exchange(
        self, Py_ssize_t line, Py_ssize_t word, int64_t expected, int64_t desired
    ) except -1:
        """Store `desired` if the word holds `expected`; whether it did."""
        return fg_compare_exchange(self.word(line, word), expected, desired)

    cpdef int64_t header_load(self, Py_ssize_t index) except? -1:
        """16 words of the table's own, for its users."""
        return fg_load(self.rows.header(index))

    cpdef void header_store(self, Py_ssize_t index, int64_t value) except *:
        fg_store(self.rows.header(index), value)

    def close(self):
        """Unmap the file. Idempotent."""
        self.rows.close()

    cdef int64_t *line(self, Py_ssize_t line) except NULL:
        return self.rows.row(line)

    cdef int64_t *word(self, Py_ssize_t line, Py_ssize_t word) except NULL:
        if not 0 <= word < _LINE_WORDS:
            raise IndexError(f"word {word} is outside the line")
        return self.rows.row(line) + word


cdef int _check_lines(Py_ssize_t lines) except -1:
    if not 1 <= lines <= _MAX_LINES:
        raise ValueError(f"{lines} lines: 1 to {_MAX_LINES} are possible")
    return 0
