"""What is in a slot of a table of holds, and the two notes that tell how far its worker has come.

A reservation is written before the state says that it is there. Around each change of a counter the slot says
how many are surely changed, and that the next one may be: a worker that is killed, at any instruction, leaves
at most one of them in doubt.
"""

from libc.stdint cimport int64_t, uint64_t

from fastgate._core.atomics cimport (
    fg_get_bytes,
    fg_load_relaxed,
    fg_put_bytes,
    fg_store_relaxed,
    fg_store_release,
)


cdef enum:
    # Four slots lie side by side on four pages, a quarter of each on every page. What nearly every hold needs
    # is in the first quarters, so the other pages are touched by holds of an unusual size only.
    ROW_SLOTS = 4
    ROW_WORDS = 2048
    SLOT_QUARTER = 128         # words
    _PAGE = 512

    SLOT_WORDS = 512
    # The words of a slot:
    SLOT_STATE = 0             # its upper bits: how often it has changed
    SLOT_SERIAL = 1
    SLOT_ADMITTED = 2
    SLOT_AMOUNT = 3
    SLOT_LINES_DONE = 4        # Steps
    SLOT_GAUGES_DONE = 5       # Steps
    SLOT_OPENING_BYTES = 6
    SLOT_CHUNKS = 7
    SLOT_OUTPUT_BYTES = 8
    SLOT_INPUT_TOKENS = 9
    SLOT_OUTPUT_TOKENS = 10
    SLOT_LINES = 16            # (tag of the period << 32 | line), the account that the line was of
    SLOT_GAUGES = 32           # (word << 32 | line), the account
    SLOT_OPENING = 40
    SLOT_MORE_LINES = 424
    SLOT_MORE_GAUGES = 472
    SLOT_FIRST_LINES = 8       # so many in SLOT_LINES
    SLOT_FIRST_GAUGES = 4
    SLOT_MAX_LINES = 32
    SLOT_MAX_GAUGES = 24
    SLOT_MAX_OPENING = 3072

cdef enum:
    STATE_FREE = 0
    STATE_CLAIMED = 1
    STATE_RESERVING = 2
    STATE_RESERVED = 3
    STATE_SENT = 4
    STATE_SETTLING = 5
    STATE_MASK = 7

cdef struct Steps:
    int total
    int done                   # so many of them, from the first, for sure
    bint changing              # the next one is being changed


cdef inline int64_t *at(int64_t *slot, int word) noexcept:
    return slot + word // SLOT_QUARTER * _PAGE + word % SLOT_QUARTER


cdef inline int line_word(int index) noexcept:
    if index < SLOT_FIRST_LINES:
        return SLOT_LINES + 2 * index
    return SLOT_MORE_LINES + 2 * (index - SLOT_FIRST_LINES)


cdef inline int gauge_word(int index) noexcept:
    if index < SLOT_FIRST_GAUGES:
        return SLOT_GAUGES + 2 * index
    return SLOT_MORE_GAUGES + 2 * (index - SLOT_FIRST_GAUGES)


cdef inline int64_t *line_at(int64_t *slot, int index) noexcept:
    return at(slot, line_word(index))


cdef inline int64_t *gauge_at(int64_t *slot, int index) noexcept:
    return at(slot, gauge_word(index))


cdef inline void put_opening(int64_t *slot, const char *opening, Py_ssize_t length) noexcept:
    cdef Py_ssize_t put = 0
    cdef Py_ssize_t size
    while put < length:
        size = _contiguous(put, length)
        fg_put_bytes(at(slot, <int>(SLOT_OPENING + put // 8)), opening + put, <size_t>size)
        put += size


cdef inline void get_opening(int64_t *slot, char *opening, Py_ssize_t length) noexcept:
    cdef Py_ssize_t got = 0
    cdef Py_ssize_t size
    while got < length:
        size = _contiguous(got, length)
        fg_get_bytes(at(slot, <int>(SLOT_OPENING + got // 8)), opening + got, <size_t>size)
        got += size


cdef inline Py_ssize_t _contiguous(Py_ssize_t start, Py_ssize_t end) noexcept:
    # Bytes of an opening from `start` on that lie in one quarter.
    return min(end - start, (SLOT_QUARTER - (SLOT_OPENING + start // 8) % SLOT_QUARTER) * 8)


cdef inline int state_in(int64_t word) noexcept:
    return <int>(word & STATE_MASK)


cdef inline void become(int64_t *slot, int state) noexcept:
    # Counted, so that a reader sees that a slot was in another state meanwhile.
    cdef uint64_t word = <uint64_t>fg_load_relaxed(slot + SLOT_STATE) | STATE_MASK
    fg_store_release(slot + SLOT_STATE, <int64_t>(word + 1 + <uint64_t>state))


cdef inline void note(int64_t *word, int total, int done, bint changing) noexcept:
    fg_store_relaxed(word, <int64_t>total << 16 | done << 1 | changing)


cdef inline Steps steps_in(int64_t *word, int most) except *:
    """ValueError: damaged."""
    cdef Steps steps
    cdef int64_t value = fg_load_relaxed(word)
    steps.total = <int>(value >> 16 & 0xFFFF)
    steps.done = <int>(value >> 1 & 0x7FFF)
    steps.changing = value & 1
    if value >> 32 != 0 or steps.total > most or steps.done + steps.changing > steps.total:
        raise ValueError("a damaged slot")
    return steps


cdef inline uint64_t tag_in(int64_t *slot, int index) noexcept:
    return <uint64_t>fg_load_relaxed(line_at(slot, index)) >> 32 & 0xFF
