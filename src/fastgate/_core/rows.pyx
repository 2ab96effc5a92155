"""Rows of 64-bit words in a file that several processes map, and that grows while they do.

A header page (magic and version, words of a row, number of rows; in its second half 16 words for the user of
the file, a line of 128 bytes each), then the rows. Growing appends zeroed rows and then raises the number:
nobody touches what is behind it, so a grower that is killed half-way leaves the file as it was.
"""

cimport cython
from libc.stdint cimport int64_t

from fastgate._core.atomics cimport fg_load, fg_store
from fastgate._core.mapfile cimport MappedFile

cdef enum:
    _PAGE_WORDS = 512
    _COUNT = 2
    _HEADER_START = 256
    _HEADER_WORDS = 16
    _LINE_WORDS = 16

# Only this module makes one: rows without a file behind them must not exist.
cdef object _CREATED_HERE = object()


@cython.final
cdef class RowFile:
    """Rows of words in a mapped file that grows; made and used by the modules of _core only."""

    def __cinit__(self, token=None):
        if token is not _CREATED_HERE:
            raise TypeError("a RowFile is made by the modules of _core only")

    @staticmethod
    cdef RowFile create(str path, bytes magic, Py_ssize_t width, Py_ssize_t most, Py_ssize_t rows):
        """Put a zeroed file of `rows` at `path`, atomically. OSError."""
        cdef RowFile self = _make(width, most)
        header = _layout(magic, width) + rows.to_bytes(8, "little")
        self.file = MappedFile.create(path, self.size(rows), header, self.size(most))
        self.first = self.file.words + _PAGE_WORDS
        self.known = rows
        return self

    @staticmethod
    cdef RowFile open(str path, bytes magic, Py_ssize_t width, Py_ssize_t most):
        """ValueError: not a file with this magic and width, or truncated. OSError."""
        cdef RowFile self = _make(width, most)
        self.file = MappedFile.open(path, True, self.size(most))
        layout = _layout(magic, width)
        if self.file.size < self.size(0) or (<char *>self.file.words)[:len(layout)] != layout:
            raise ValueError(f"{path}: not a fastgate file of this kind and version, or truncated")
        self.first = self.file.words + _PAGE_WORDS
        self.count()
        return self

    cdef int64_t *row(self, Py_ssize_t row) except NULL:
        if not 0 <= row < self.known and not 0 <= row < self.count():
            raise IndexError(f"{row} is outside the table")
        return self.first + row * self.width

    cdef int64_t *header(self, Py_ssize_t index) except NULL:
        if self.first == NULL:
            raise ValueError("the table is closed")
        if not 0 <= index < _HEADER_WORDS:
            raise IndexError(f"header word {index} is outside the table")
        return self.file.words + _HEADER_START + index * _LINE_WORDS

    cdef Py_ssize_t count(self) except -1:
        """How many rows there are now, once the file is known to have them."""
        if self.first == NULL:
            raise ValueError("the table is closed")
        cdef int64_t rows = fg_load(self.file.words + _COUNT)
        if rows > self.known:
            if rows > self.most:
                raise ValueError(f"{rows} rows: a damaged file")
            self.file.follow(self.size(rows))
            self.known = rows
        return self.known

    cdef int grow(self, Py_ssize_t rows) except -1:
        """Append zeroed rows up to `rows`. By one process at a time. OSError: nothing is changed."""
        if rows > self.count():
            self.file.grow(self.size(rows))
            fg_store(self.file.words + _COUNT, rows)
            self.known = rows
        return 0

    cdef void close(self) noexcept:
        self.first = NULL
        self.known = 0
        self.file.close()

    cdef size_t size(self, Py_ssize_t rows) noexcept:
        return <size_t>(_PAGE_WORDS + rows * self.width) * sizeof(int64_t)


cdef RowFile _make(Py_ssize_t width, Py_ssize_t most):
    cdef RowFile rows = RowFile.__new__(RowFile, _CREATED_HERE)
    rows.width = width
    rows.most = most
    return rows


cdef bytes _layout(bytes magic, Py_ssize_t width):
    return magic + width.to_bytes(8, "little")
