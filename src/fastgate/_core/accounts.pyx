"""Lines of 16 64-bit atomics in a file that several processes map, and that grows while they do.

A header page (magic and version, words of a line, number of lines; then 16 words for the users of the table,
a line each), then the lines of 128 bytes. Growing appends zeroed lines and then raises the number: nobody
touches what is behind it, so a grower that is killed half-way leaves the table as it was.
"""

cimport cython
from libc.stdint cimport int64_t

from fastgate._core.atomics cimport fg_add, fg_compare_exchange, fg_load, fg_store
from fastgate._core.mapfile cimport MappedFile

LINE_WORDS = 16

cdef enum:
    _LINE_WORDS = 16           # 128 bytes: neighbouring lines are fetched in pairs
    _HEADER_WORDS = 16
    _PAGE_WORDS = 512          # the header page
    _COUNT = 2                 # in it: the number of lines
    _HEADER_START = 256        # its second half: 16 lines of 128 bytes
    _MAX_LINES = 1 << 23       # 1 GiB of address space

_LAYOUT = b"FGACCTS\x01" + _LINE_WORDS.to_bytes(8, "little")


@cython.final
cdef class AccountTable:
    """Lines of 16 64-bit atomics in a file that several processes map, and that grows while they do."""

    def __cinit__(self, str path not None, bint create, Py_ssize_t lines=1024):
        if create:
            _check_lines(lines)
            header = _LAYOUT + lines.to_bytes(8, "little")
            self.file = MappedFile.create(path, _size(lines), header, _size(_MAX_LINES))
        else:
            self.file = MappedFile.open(path, True, _size(_MAX_LINES))
            if self.file.size < _size(1) or (<char *>self.file.words)[:len(_LAYOUT)] != _LAYOUT:
                raise ValueError(f"{path}: not a table of accounts of this version, or truncated")
        self.first = self.file.words + _PAGE_WORDS
        if self.look() < 1:
            raise ValueError(f"{path}: a table of accounts without a line")

    @property
    def lines(self):
        """How many there are now. Lines that another process appended can be used at once."""
        return self.look()

    def grow(self, Py_ssize_t lines):
        """Append zeroed lines, up to at least `lines`. By one process at a time."""
        _check_lines(lines)
        if lines > self.look():
            self.file.grow(_size(lines))
            fg_store(self.file.words + _COUNT, lines)
            self.known = lines

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
        return fg_load(self.header(index))

    cpdef void header_store(self, Py_ssize_t index, int64_t value) except *:
        fg_store(self.header(index), value)

    def close(self):
        """Unmap the file. Idempotent."""
        self.first = NULL
        self.known = 0
        self.file.close()

    cdef int64_t *line(self, Py_ssize_t line) except NULL:
        if not 0 <= line < self.known and not 0 <= line < self.look():
            raise IndexError(f"line {line} is outside the table")
        return self.first + line * _LINE_WORDS

    cdef int64_t *word(self, Py_ssize_t line, Py_ssize_t word) except NULL:
        if not 0 <= word < _LINE_WORDS:
            raise IndexError(f"word {word} is outside the line")
        return self.line(line) + word

    cdef int64_t *header(self, Py_ssize_t index) except NULL:
        if self.first == NULL:
            raise ValueError("the table is closed")
        if not 0 <= index < _HEADER_WORDS:
            raise IndexError(f"header word {index} is outside the table")
        return self.file.words + _HEADER_START + index * _LINE_WORDS

    cdef Py_ssize_t look(self) except -1:
        """How many lines there are now, once the file is known to have them."""
        if self.first == NULL:
            raise ValueError("the table is closed")
        cdef int64_t lines = fg_load(self.file.words + _COUNT)
        if lines > self.known:
            if lines > _MAX_LINES:
                raise ValueError(f"{lines} lines: a damaged table of accounts")
            self.file.follow(_size(lines))
            self.known = lines
        return self.known


cdef size_t _size(Py_ssize_t lines) noexcept:
    return <size_t>(_PAGE_WORDS + lines * _LINE_WORDS) * sizeof(int64_t)


cdef int _check_lines(Py_ssize_t lines) except -1:
    if not 1 <= lines <= _MAX_LINES:
        raise ValueError(f"{lines} lines: 1 to {_MAX_LINES} are possible")
    return 0
