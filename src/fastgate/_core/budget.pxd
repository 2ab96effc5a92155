"""The arithmetic of one budget's line in the accounts file; all of it lock-free, and total on any content.

COMMITTED (spent and reserved) and SPENT are packed: the number of the period modulo 256, its tag, in the
upper 8 bits, and nano-USD in the others. As the tag is in the word that is exchanged, whoever comes first in
a new period rolls the budget over, exactly once, and what is late for a period cannot change the next one.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, int8_t, int64_t, uint64_t

from fastgate._core.atomics cimport fg_add, fg_compare_exchange, fg_load


cdef enum:
    LINE_ID = 0                # 0: nobody's line
    LINE_KIND = 1
    LINE_WORDS = 16
    LINE_CELLS = 2             # of a line of limits: the first of its cells
    BUDGET_LIMIT = 2
    BUDGET_COMMITTED = 3
    BUDGET_SPENT = 4
    BUDGET_BOUNDARY = 5        # and the three behind it: the period with the tag t ends at t & 3, unix ns
    BUDGET_EXTRA = 9
    BUDGET_EXTRA_UNTIL = 10
    BUDGET_OPS = 12            # raised before each change of COMMITTED or SPENT
    BUDGET_DENIALS = 13
    KIND_BUDGET = 1
    KIND_LIMITS = 2

cdef enum Held:
    HELD
    REFUSED
    EARLY                      # the budget is already in a period that begins later

cdef enum:
    TAG_SHIFT = 56

cdef extern from *:
    """
    #define FG_MAX_AMOUNT ((INT64_C(1) << 56) - 1)
    """
    const int64_t MAX_AMOUNT "FG_MAX_AMOUNT"


cdef inline int64_t pack(uint64_t tag, int64_t amount) noexcept:
    return <int64_t>((tag & 0xFF) << TAG_SHIFT | <uint64_t>amount)


cdef inline uint64_t tag_of(int64_t word) noexcept:
    return <uint64_t>word >> TAG_SHIFT


cdef inline int64_t amount_of(int64_t word) noexcept:
    return word & MAX_AMOUNT


cdef inline int64_t clamped(int64_t amount, int64_t least) noexcept:
    return min(max(amount, least), MAX_AMOUNT)


cdef inline int64_t start_of(int64_t *line, uint64_t tag) noexcept:
    """When the period began; 0 if that is not known."""
    return fg_load(line + BUDGET_BOUNDARY + ((tag - 1) & 3))


cdef inline int64_t end_of(int64_t *line, uint64_t tag) noexcept:
    """When the period ends; INT64_MAX if that is not known."""
    cdef int64_t end = fg_load(line + BUDGET_BOUNDARY + (tag & 3))
    # A place is used again after four periods: what is not later than the period's start is of an old one.
    return end if end > 0 and end > start_of(line, tag) else INT64_MAX


cdef inline uint64_t tag_at(int64_t *line, uint64_t tag, int64_t now_ns) noexcept:
    """The tag of the period that `now_ns` is in, for a budget that was last in `tag`."""
    cdef int _step
    for _step in range(3):
        if now_ns < end_of(line, tag):
            break
        tag = (tag + 1) & 0xFF
    return tag


cdef inline int64_t limit_at(int64_t *line, int64_t now_ns) noexcept:
    """The limit, with a temporary increase while it lasts; at most MAX_AMOUNT."""
    cdef int64_t limit = clamped(fg_load(line + BUDGET_LIMIT), -1)
    if now_ns < fg_load(line + BUDGET_EXTRA_UNTIL):
        limit = clamped(limit + clamped(fg_load(line + BUDGET_EXTRA), 0), -1)
    return limit


cdef inline int64_t left_at(int64_t *line, int64_t now_ns) noexcept:
    """What can still be reserved, 0 at least."""
    cdef int64_t word = fg_load(line + BUDGET_COMMITTED)
    cdef int64_t committed = amount_of(word) if tag_at(line, tag_of(word), now_ns) == tag_of(word) else 0
    return max(limit_at(line, now_ns) - committed, 0)


cdef inline bint change(int64_t *line, int field, int64_t expected, int64_t desired) noexcept:
    fg_add(line + BUDGET_OPS, 1)
    return fg_compare_exchange(line + field, expected, desired)


cdef inline Held commit(int64_t *line, int64_t amount, int64_t *now_ns, uint64_t *tag) noexcept:
    """Commit `amount` in the period of `now_ns`, whose tag is set. EARLY: `now_ns` is raised to its start."""
    cdef int64_t word, start, committed
    while True:
        word = fg_load(line + BUDGET_COMMITTED)
        start = start_of(line, tag_of(word))
        if now_ns[0] < start:
            now_ns[0] = start
            return EARLY
        tag[0] = tag_at(line, tag_of(word), now_ns[0])
        committed = amount_of(word) if tag[0] == tag_of(word) else 0
        if amount > limit_at(line, now_ns[0]) - committed:
            return REFUSED
        if change(line, BUDGET_COMMITTED, word, pack(tag[0], committed + amount)):
            return HELD


cdef inline void withdraw(int64_t *line, uint64_t tag, int64_t amount) noexcept:
    """Take back what was committed under `tag`; nothing if that period is past."""
    cdef int64_t word
    while True:
        word = fg_load(line + BUDGET_COMMITTED)
        if tag_of(word) != tag:
            return
        if change(line, BUDGET_COMMITTED, word, pack(tag, max(amount_of(word) - amount, 0))):
            return


cdef inline bint spend(int64_t *line, uint64_t tag, int64_t amount, int64_t cost) noexcept:
    """Replace what was committed under `tag` by what it cost; False, and nothing, if that period is past."""
    cdef int64_t word, spent
    cost = clamped(cost, 0)
    while True:
        word = fg_load(line + BUDGET_COMMITTED)
        if tag_of(word) != tag:
            return False
        if change(line, BUDGET_COMMITTED, word, pack(tag, clamped(amount_of(word) - amount + cost, 0))):
            break
    while True:
        word = fg_load(line + BUDGET_SPENT)
        if <int8_t>(tag_of(word) - tag) > 0:
            return True
        spent = amount_of(word) if tag_of(word) == tag else 0
        if change(line, BUDGET_SPENT, word, pack(tag, clamped(spent + cost, 0))):
            return True


cdef inline uint64_t roll_over(int64_t *line, int64_t now_ns) noexcept:
    """Bring both words to the period of `now_ns`, or to the one they are in if it is later; its tag."""
    cdef int64_t word
    cdef uint64_t tag
    while True:
        word = fg_load(line + BUDGET_COMMITTED)
        tag = tag_at(line, tag_of(word), now_ns)
        if tag == tag_of(word) or change(line, BUDGET_COMMITTED, word, pack(tag, 0)):
            break
    # SPENT must not fall behind by more than half of all tags: it would look newer then.
    while True:
        word = fg_load(line + BUDGET_SPENT)
        if <int8_t>(tag_of(word) - tag) >= 0 or change(line, BUDGET_SPENT, word, pack(tag, 0)):
            return tag


cdef inline int64_t owner_of(int64_t *line, int kind) except? 0:
    """The id of the account, 0 for nobody's line. ValueError: a line of another kind."""
    cdef int64_t owner = fg_load(line + LINE_ID)
    if owner != 0 and fg_load(line + LINE_KIND) != kind:
        raise ValueError("a line of limits instead of a budget's, or the other way round")
    return owner


cdef inline const char *packed_items(bytes items, size_t size) except NULL:
    if items is None:
        raise TypeError("packed as bytes")
    if <size_t>PyBytes_GET_SIZE(items) % size != 0:
        raise ValueError(f"{len(items)} bytes: packed are {size} each")
    return PyBytes_AS_STRING(items)
