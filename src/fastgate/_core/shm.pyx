"""Slots of 64-bit atomics in a file that several processes map; each slot belongs to one 64-bit key.

A header page (magic, version, capacity, then 16 words for the users of the table, a line each), then the
slots of 128 bytes: the key, and 15 fields. Keys are placed by open addressing with linear probing.

Looking up is lock-free. Placing and releasing a key is rare, and done under the file's lock: with slots that
are used again, two claimers of one key could otherwise place it twice. The kernel drops that lock when its
holder is killed, and each step leaves a table that is consistent.
"""

cimport cython
from libc.stdint cimport int64_t, uint64_t

from fastgate._core.atomics cimport fg_add, fg_compare_exchange, fg_load, fg_store
from fastgate._core.mapfile cimport MappedFile

FIELDS = 15
HEADER_WORDS = 16

cdef enum:
    _FIELDS = 15
    _HEADER_WORDS = 16
    _SLOT_WORDS = 16           # 128 bytes: neighbouring lines are fetched in pairs
    _PAGE_WORDS = 512          # the header page
    _HEADER_START = 256        # its second half: 16 lines of 128 bytes
    _MAX_CAPACITY = 1 << 30
    # Keys that are none:
    _FREE = 0                  # never used: ends a search
    _RELEASED = -1             # used before: a search goes on behind it

_LAYOUT = b"FGSLOTS\x01" + _SLOT_WORDS.to_bytes(8, "little")


@cython.final
cdef class SharedSlots:
    """Slots of 64-bit atomics in a file that several processes map; each slot belongs to one 64-bit key."""

    def __cinit__(self, str path not None, Py_ssize_t capacity, bint create):
        if not 1 <= capacity <= _MAX_CAPACITY:
            raise ValueError(f"a capacity of {capacity} slots is out of range")
        cdef size_t size = <size_t>(_PAGE_WORDS + capacity * _SLOT_WORDS) * sizeof(int64_t)
        header = _LAYOUT + capacity.to_bytes(8, "little")
        if create:
            self.file = MappedFile.create(path, size, header)
        else:
            self.file = MappedFile.open(path, True)
            if self.file.size < <size_t>len(header) or (<char *>self.file.words)[:len(header)] != header:
                raise ValueError(f"{path}: not a table of {capacity} slots of this version")
            if self.file.size != size:
                raise ValueError(f"{path}: {self.file.size} bytes instead of {size}: truncated")
        self.slots = self.file.words + _PAGE_WORDS
        self.capacity = capacity

    cpdef Py_ssize_t claim(self, uint64_t key) except -1:
        """The key's slot, taken and zeroed if it had none. OverflowError: full. ValueError: 0, 2**64 - 1."""
        cdef Py_ssize_t vacant = -1
        cdef Py_ssize_t slot = self.find(key)
        if slot >= 0:
            return slot
        self.file.lock()
        try:
            slot = self.probe(key, &vacant)
            if slot >= 0:
                return slot
            if vacant < 0:
                raise OverflowError(f"all {self.capacity} slots are taken")
            self.clear(vacant)
            fg_store(self.slots + vacant * _SLOT_WORDS, <int64_t>key)
            return vacant
        finally:
            self.file.unlock()

    cpdef Py_ssize_t find(self, uint64_t key) except? -1:
        """The key's slot, or -1."""
        cdef Py_ssize_t vacant = -1
        if self.slots == NULL:
            raise ValueError("the table is closed")
        if key == 0 or <int64_t>key == _RELEASED:
            raise ValueError(f"{key} is no key")
        return self.probe(key, &vacant)

    cpdef void release(self, Py_ssize_t slot) except *:
        """Zero the fields and give the slot free for other keys; nothing for a slot that has no key."""
        cdef int64_t *key = self.field(slot, 0) - 1
        cdef int64_t *following = self.slots + (slot + 1) % self.capacity * _SLOT_WORDS
        self.file.lock()
        try:
            if fg_load(key) == _FREE:
                return
            self.clear(slot)
            fg_store(key, _RELEASED)
            # Nothing was ever placed behind these, so a search may end here again.
            while fg_load(following) == _FREE and fg_load(key) == _RELEASED:
                fg_store(key, _FREE)
                following = key
                slot = slot - 1 if slot > 0 else self.capacity - 1
                key = self.slots + slot * _SLOT_WORDS
        finally:
            self.file.unlock()

    cpdef int64_t load(self, Py_ssize_t slot, Py_ssize_t field) except? -1:
        return fg_load(self.field(slot, field))

    cpdef void store(self, Py_ssize_t slot, Py_ssize_t field, int64_t value) except *:
        fg_store(self.field(slot, field), value)

    cpdef int64_t add(self, Py_ssize_t slot, Py_ssize_t field, int64_t delta) except? -1:
        """The new value."""
        return fg_add(self.field(slot, field), delta)

    cpdef bint compare_exchange(
        self, Py_ssize_t slot, Py_ssize_t field, int64_t expected, int64_t desired
    ) except -1:
        """Store `desired` if the field holds `expected`; whether it did."""
        return fg_compare_exchange(self.field(slot, field), expected, desired)

    cpdef int64_t header_load(self, Py_ssize_t index) except? -1:
        return fg_load(self.header(index))

    cpdef void header_store(self, Py_ssize_t index, int64_t value) except *:
        fg_store(self.header(index), value)

    cpdef int64_t header_add(self, Py_ssize_t index, int64_t delta) except? -1:
        """The new value."""
        return fg_add(self.header(index), delta)

    def close(self):
        """Unmap the file. Idempotent."""
        self.slots = NULL
        self.file.close()

    cdef int64_t *field(self, Py_ssize_t slot, Py_ssize_t field) except NULL:
        if self.slots == NULL:
            raise ValueError("the table is closed")
        if not (0 <= slot < self.capacity and 0 <= field < _FIELDS):
            raise IndexError(f"slot {slot}, field {field} is outside the table")
        return self.slots + slot * _SLOT_WORDS + 1 + field

    cdef int64_t *header(self, Py_ssize_t index) except NULL:
        if self.slots == NULL:
            raise ValueError("the table is closed")
        if not 0 <= index < _HEADER_WORDS:
            raise IndexError(f"header word {index} is outside the table")
        return self.file.words + _HEADER_START + index * _SLOT_WORDS

    cdef Py_ssize_t probe(self, uint64_t key, Py_ssize_t *vacant) noexcept:
        # -1 if absent; `vacant` is then where the key may be placed, -1 if nowhere.
        cdef Py_ssize_t slot = <Py_ssize_t>(key % <uint64_t>self.capacity)
        cdef int64_t found
        for _ in range(self.capacity):
            found = fg_load(self.slots + slot * _SLOT_WORDS)
            if found == <int64_t>key:
                return slot
            if found == _FREE:
                if vacant[0] < 0:
                    vacant[0] = slot
                return -1
            if found == _RELEASED and vacant[0] < 0:
                vacant[0] = slot
            slot += 1
            if slot == self.capacity:
                slot = 0
        return -1

    cdef void clear(self, Py_ssize_t slot) noexcept:
        cdef Py_ssize_t i
        for i in range(_FIELDS):
            fg_store(self.slots + slot * _SLOT_WORDS + 1 + i, 0)


def key_of(bytes name not None):
    """A key for a name: a 64-bit hash, the same in all processes, never 0 or 2**64 - 1."""
    # FNV-1a, then the finalizer of MurmurHash3: FNV alone leaves the low bits of short names alike.
    cdef uint64_t key = 0xcbf29ce484222325ULL
    cdef const unsigned char *text = name
    cdef Py_ssize_t i
    for i in range(len(name)):
        key = (key ^ text[i]) * 0x100000001b3ULL
    key = (key ^ (key >> 33)) * 0xff51afd7ed558ccdULL
    key = (key ^ (key >> 33)) * 0xc4ceb9fe1a85ec53ULL
    key = key ^ (key >> 33)
    return key if 1 <= key < 0xffffffffffffffffULL else 1
