"""The holds of one worker in a mapped file, and what they reserve on the lines of budgets.

A row of the file is four slots (slot.pxd). The worker that made it is the only writer while it lives.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastgate._core.accounts cimport AccountTable
from fastgate._core.atomics cimport (
    fg_add,
    fg_bump,
    fg_compare_exchange,
    fg_fence_acquire,
    fg_load,
    fg_load_relaxed,
    fg_store_relaxed,
)
from fastgate._core.budget cimport (
    BUDGET_DENIALS,
    HELD,
    KIND_BUDGET,
    KIND_LIMITS,
    LINE_CELLS,
    LINE_ID,
    LINE_WORDS,
    MAX_AMOUNT,
    REFUSED,
    Held,
    commit,
    owner_of,
    packed_items,
    spend,
    withdraw,
)
from fastgate._core.rows cimport RowFile
from fastgate._core.slot cimport (
    ROW_SLOTS,
    ROW_WORDS,
    SLOT_ADMITTED,
    SLOT_AMOUNT,
    SLOT_CHUNKS,
    SLOT_FIRST_GAUGES,
    SLOT_FIRST_LINES,
    SLOT_GAUGES_DONE,
    SLOT_INPUT_TOKENS,
    SLOT_LINES_DONE,
    SLOT_MAX_GAUGES,
    SLOT_MAX_LINES,
    SLOT_MAX_OPENING,
    SLOT_MORE_LINES,
    SLOT_OPENING,
    SLOT_OPENING_BYTES,
    SLOT_OUTPUT_BYTES,
    SLOT_OUTPUT_TOKENS,
    SLOT_QUARTER,
    SLOT_SERIAL,
    SLOT_WORDS,
    STATE_CLAIMED,
    STATE_FREE,
    STATE_RESERVED,
    STATE_RESERVING,
    STATE_SENT,
    STATE_SETTLING,
    Steps,
    at,
    become,
    gauge_at,
    gauge_word,
    get_opening,
    line_at,
    line_word,
    note,
    put_opening,
    state_in,
    steps_in,
    tag_in,
)

from typing import NamedTuple

MAX_LINES = 32
MAX_GAUGES = 24
MAX_OPENING = 3072

FREE = 0
CLAIMED = 1
RESERVING = 2
RESERVED = 3
SENT = 4
SETTLING = 5

cdef enum:
    # Sets of states, a bit each:
    _ANY = 0b111111
    _TAKEN = 0b111110
    _IN_FLIGHT = 0b111000      # from RESERVED on
    _LAST_SERIAL = 0           # in the header
    _GROWTH = 1024             # slots at most at a time: 4 MiB
    _FIRST_GROWTH = 64
    _MAX_SLOTS = 1 << 18       # 1 GiB of address space

cdef bytes _MAGIC = b"FGHOLDS\x03"
_STATES = ("free", "claimed", "reserving", "reserved", "sent", "settling", "damaged", "damaged")

cdef packed struct Gauge:
    int32_t line
    int32_t word
    int64_t cap

Hold = NamedTuple(
    "Hold",
    [
        ("serial", int),
        ("state", int),
        ("admitted_ns", int),
        ("amount", int),
        ("lines", tuple[int, ...]),
        ("tags", tuple[int, ...]),
        ("accounts", tuple[int, ...]),
        ("held", int),
        ("line_uncertain", bool),
        ("gauges", tuple[tuple[int, int], ...]),
        ("entered", int),
        ("gauge_uncertain", bool),
        ("opening", bytes),
        ("chunks", int),
        ("output_bytes", int),
        ("input_tokens", int),
        ("output_tokens", int),
    ],
)


@cython.final
cdef class HoldTable:
    """The holds of one worker in a mapped file: one writer, any readers. The file grows by itself."""

    def __cinit__(self, str path not None, AccountTable accounts not None, bint create):
        self.accounts = accounts
        if create:
            self.rows = RowFile.create(path, _MAGIC, ROW_WORDS, _MAX_SLOTS // ROW_SLOTS, 0)
            self.rows.file.scattered()
            self.grow()
        else:
            self.rows = RowFile.open(path, _MAGIC, ROW_WORDS, _MAX_SLOTS // ROW_SLOTS)
            self.rows.file.scattered()

    def __dealloc__(self):
        PyMem_Free(self.vacant)

    @property
    def in_use(self):
        """Slots that are not FREE."""
        return self.rows.known * ROW_SLOTS - self.vacancies if self.vacant != NULL else len(self.slots())

    cpdef Py_ssize_t claim(self) except -1:
        """A FREE slot, CLAIMED, with a serial number that was never given in this file."""
        cdef Py_ssize_t index
        cdef int64_t *slot
        if self.vacant == NULL:
            raise ValueError("the table is another worker's, or closed")
        if self.vacancies == 0:
            self.grow()
        index = self.vacant[self.vacancies - 1]
        slot = self.slot_in(index, 1 << STATE_FREE)
        self.vacancies -= 1
        self.number(slot)
        fg_store_relaxed(slot + SLOT_LINES_DONE, 0)
        fg_store_relaxed(slot + SLOT_GAUGES_DONE, 0)
        become(slot, STATE_CLAIMED)
        return index

    cpdef Py_ssize_t enter(self, Py_ssize_t slot, bytes gauges) except -2:
        """Enter gauges until free(): packed (i32 line, i32 word, i64 cap) each. All or nothing."""
        cdef int64_t *here = self.slot_in(slot, 1 << STATE_CLAIMED)
        cdef const char *packed = packed_items(gauges, sizeof(Gauge))
        cdef Gauge *given = <Gauge *>packed
        cdef Py_ssize_t count = PyBytes_GET_SIZE(gauges) // <Py_ssize_t>sizeof(Gauge)
        cdef Steps before = steps_in(here + SLOT_GAUGES_DONE, SLOT_MAX_GAUGES)
        cdef int total = before.total
        cdef int64_t *cells[SLOT_MAX_GAUGES]
        cdef Py_ssize_t index[SLOT_MAX_GAUGES]
        cdef int64_t *line
        cdef int64_t owner
        cdef Py_ssize_t i
        cdef int done
        if count > SLOT_MAX_GAUGES - total:
            raise ValueError(f"more than {SLOT_MAX_GAUGES} gauges")
        for i in range(count):
            line = self.accounts.line(given[i].line)
            cells[total] = line + _cell(given[i].word)
            owner = owner_of(line, KIND_LIMITS)
            if owner == 0:
                continue
            index[total] = i
            fg_store_relaxed(gauge_at(here, total), <int64_t>given[i].word << 32 | given[i].line)
            fg_store_relaxed(gauge_at(here, total) + 1, owner)
            total += 1
        for done in range(before.total, total):
            note(here + SLOT_GAUGES_DONE, total, done, True)
            if not _enter(cells[done], given[index[done]].cap):
                note(here + SLOT_GAUGES_DONE, total, done, False)
                self.leave(here, before.total)
                return index[done]
        note(here + SLOT_GAUGES_DONE, total, total, False)
        return -1

    cpdef Py_ssize_t reserve(
        self, Py_ssize_t slot, bytes lines, int64_t amount, int64_t now_ns, bytes opening
    ) except -2:
        """Hold `amount` nano-USD against each budget of `lines`, packed i32, or against none."""
        cdef int64_t *here = self.slot_in(slot, 1 << STATE_CLAIMED)
        cdef const int32_t *numbers = <const int32_t *>packed_items(lines, sizeof(int32_t))
        cdef Py_ssize_t count = PyBytes_GET_SIZE(lines) // <Py_ssize_t>sizeof(int32_t)
        cdef int64_t *chain[SLOT_MAX_LINES]
        cdef Py_ssize_t index[SLOT_MAX_LINES]
        cdef int total = 0
        cdef int done = 0
        cdef uint64_t tag = 0
        cdef int64_t *line
        cdef int64_t owner
        cdef Py_ssize_t i
        cdef Held result
        if opening is None:
            raise TypeError("an opening is bytes")
        if count > SLOT_MAX_LINES or PyBytes_GET_SIZE(opening) > SLOT_MAX_OPENING:
            raise ValueError(f"more than {SLOT_MAX_LINES} budgets or {SLOT_MAX_OPENING} bytes of an opening")
        if amount < 0 or now_ns < 0:
            raise ValueError("a negative amount or time")
        for i in range(count):
            line = self.accounts.line(numbers[i])
            owner = owner_of(line, KIND_BUDGET)
            if owner == 0:
                continue
            chain[total] = line
            index[total] = i
            fg_store_relaxed(line_at(here, total), numbers[i])
            fg_store_relaxed(line_at(here, total) + 1, owner)
            total += 1
        fg_store_relaxed(here + SLOT_AMOUNT, amount)
        fg_store_relaxed(here + SLOT_CHUNKS, 0)
        fg_store_relaxed(here + SLOT_OUTPUT_BYTES, 0)
        fg_store_relaxed(here + SLOT_INPUT_TOKENS, 0)
        fg_store_relaxed(here + SLOT_OUTPUT_TOKENS, 0)
        fg_store_relaxed(here + SLOT_OPENING_BYTES, PyBytes_GET_SIZE(opening))
        put_opening(here, PyBytes_AS_STRING(opening), PyBytes_GET_SIZE(opening))
        note(here + SLOT_LINES_DONE, total, 0, False)
        become(here, STATE_RESERVING)
        while done < total:
            note(here + SLOT_LINES_DONE, total, done, True)
            result = commit(chain[done], amount, &now_ns, &tag)
            if result == HELD:
                fg_store_relaxed(line_at(here, done), <int64_t>(tag << 32) | numbers[index[done]])
                done += 1
                continue
            note(here + SLOT_LINES_DONE, total, done, False)
            _release_chain(here, chain, total, done)
            if result == REFUSED:
                fg_add(chain[done] + BUDGET_DENIALS, 1)
                become(here, STATE_CLAIMED)
                return index[done]
            # Anew and later, so that one moment is right for all of them.
            done = 0
        fg_store_relaxed(here + SLOT_ADMITTED, now_ns)
        note(here + SLOT_LINES_DONE, total, total, False)
        become(here, STATE_RESERVED)
        self.held += 1
        self.opening_bytes += PyBytes_GET_SIZE(opening)
        return -1

    cpdef void sent(self, Py_ssize_t slot) except *:
        """RESERVED to SENT."""
        become(self.slot_in(slot, 1 << STATE_RESERVED | 1 << STATE_SENT), STATE_SENT)

    cpdef void progress(self, Py_ssize_t slot, int64_t chunks, int64_t output_bytes) except *:
        """Add to what was delivered so far."""
        cdef int64_t *here = self.slot_in(slot, _IN_FLIGHT)
        if chunks < 0 or output_bytes < 0:
            raise ValueError("what was delivered does not shrink")
        fg_bump(here + SLOT_CHUNKS, chunks)
        fg_bump(here + SLOT_OUTPUT_BYTES, output_bytes)

    cpdef void reported(self, Py_ssize_t slot, int64_t input_tokens, int64_t output_tokens) except *:
        """What the provider has reported so far, in all."""
        cdef int64_t *here = self.slot_in(slot, _IN_FLIGHT)
        if input_tokens < 0 or output_tokens < 0:
            raise ValueError("a negative number of tokens")
        fg_store_relaxed(here + SLOT_INPUT_TOKENS, input_tokens)
        fg_store_relaxed(here + SLOT_OUTPUT_TOKENS, output_tokens)

    cpdef int64_t admitted_ns(self, Py_ssize_t slot) except? -1:
        """The moment that decides the period: reserve()'s `now_ns`, or when a budget's period began later."""
        return fg_load_relaxed(self.slot_in(slot, _IN_FLIGHT) + SLOT_ADMITTED)

    cpdef int64_t serial(self, Py_ssize_t slot) except? -1:
        """The hold's number: claim() gives one, and each settle() the next, as an entry has it to its own."""
        return fg_load_relaxed(self.slot_in(slot, _TAKEN) + SLOT_SERIAL)

    cpdef int state(self, Py_ssize_t slot) except -1:
        return state_in(fg_load(self.slot_in(slot, _ANY)))

    def charged(self, Py_ssize_t slot):
        """The ids of the accounts that reserve() reserved with, unsigned; () when CLAIMED."""
        cdef int64_t *here = self.slot_in(slot, _TAKEN & ~(1 << STATE_RESERVING))
        if state_in(here[0]) == STATE_CLAIMED:
            return ()
        cdef int total = steps_in(here + SLOT_LINES_DONE, SLOT_MAX_LINES).total
        return tuple([<uint64_t>fg_load_relaxed(line_at(here, i) + 1) for i in range(total)])

    cpdef void release(self, Py_ssize_t slot) except *:
        """Give a reservation back: CLAIMED again, with the same serial number."""
        self.give_back(self.slot_in(slot, 1 << STATE_RESERVED | 1 << STATE_SENT))

    cpdef void settling(self, Py_ssize_t slot) except *:
        """RESERVED or SENT to SETTLING: to be said before the journal has the entry."""
        become(self.slot_in(slot, _IN_FLIGHT), STATE_SETTLING)

    cpdef void settle(self, Py_ssize_t slot, int64_t cost) except *:
        """SETTLING to CLAIMED, with a new serial number: `cost` is spent in place of what is held."""
        cdef int64_t *here = self.slot_in(slot, 1 << STATE_SETTLING)
        cdef int64_t *chain[SLOT_MAX_LINES]
        cdef Steps steps = self.chain_of(here, chain)
        cdef int64_t amount = fg_load_relaxed(here + SLOT_AMOUNT)
        cdef int done
        if cost < 0:
            raise ValueError("a negative cost")
        for done in range(steps.done - 1, -1, -1):
            note(here + SLOT_LINES_DONE, steps.total, done, True)
            if _is_owners(chain[done], line_at(here, done) + 1):
                spend(chain[done], tag_in(here, done), amount, cost)
        note(here + SLOT_LINES_DONE, steps.total, 0, False)
        # The new number last: until it is CLAIMED, the old one tells whether there is an entry.
        become(here, STATE_CLAIMED)
        self.number(here)
        self.ended(here)

    cpdef void free(self, Py_ssize_t slot) except *:
        """Give back what is still held, leave the gauges: FREE. Uncertain ones are left as they are."""
        cdef int64_t *here = self.slot_in(slot, _TAKEN)
        if state_in(here[0]) != STATE_CLAIMED:
            self.give_back(here)
        self.leave(here, 0)
        become(here, STATE_FREE)
        if self.vacant != NULL:
            self.vacant[self.vacancies] = <int32_t>slot
            self.vacancies += 1

    def slots(self):
        """Those not FREE."""
        cdef Py_ssize_t slot
        cdef Py_ssize_t count = self.rows.count() * ROW_SLOTS
        return [slot for slot in range(count) if state_in(fg_load(self.words_of(slot))) != STATE_FREE]

    def read(self, Py_ssize_t slot):
        """ValueError: damaged."""
        cdef int64_t *here = self.words_of(slot)
        cdef int64_t copy[SLOT_WORDS]
        cdef int i
        while True:
            for i in range(SLOT_OPENING):
                copy[i] = fg_load(here + i)
            if (
                copy[SLOT_LINES_DONE] >> 16 > SLOT_FIRST_LINES
                or copy[SLOT_GAUGES_DONE] >> 16 > SLOT_FIRST_GAUGES
            ):
                for i in range(SLOT_MORE_LINES, SLOT_WORDS):
                    copy[i] = fg_load(at(here, i))
            if not 0 <= copy[SLOT_OPENING_BYTES] <= SLOT_MAX_OPENING:
                raise ValueError(f"slot {slot} is damaged")
            get_opening(here, <char *>(copy + SLOT_OPENING), copy[SLOT_OPENING_BYTES])
            fg_fence_acquire()
            # Else its worker went on with it in the meantime.
            if fg_load_relaxed(here) == copy[0]:
                return _hold(copy)

    def close(self):
        """Unmap the file; holds stay in it. Idempotent."""
        PyMem_Free(self.vacant)
        self.vacant = NULL
        self.vacancies = 0
        self.rows.close()

    cdef int64_t *words_of(self, Py_ssize_t slot) except NULL:
        if slot < 0:
            raise IndexError(f"{slot} is outside the table")
        return self.rows.row(slot // ROW_SLOTS) + slot % ROW_SLOTS * SLOT_QUARTER

    cdef int64_t *slot_in(self, Py_ssize_t slot, int states) except NULL:
        """The slot's words. ValueError: it is in none of these states."""
        cdef int64_t *here = self.words_of(slot)
        cdef int state = state_in(fg_load_relaxed(here))
        if not states >> state & 1:
            raise ValueError(f"slot {slot} is {_STATES[state]}")
        return here

    cdef int grow(self) except -1:
        cdef Py_ssize_t before = self.rows.known * ROW_SLOTS
        cdef Py_ssize_t slots = before + min(max(before, _FIRST_GROWTH), _GROWTH)
        cdef void *vacant = PyMem_Realloc(self.vacant, <size_t>slots * sizeof(int32_t))
        cdef Py_ssize_t slot
        if vacant == NULL:
            raise MemoryError
        self.vacant = <int32_t *>vacant
        self.rows.grow(slots // ROW_SLOTS)
        for slot in range(slots - 1, before - 1, -1):
            self.vacant[self.vacancies] = <int32_t>slot
            self.vacancies += 1
        return 0

    cdef int number(self, int64_t *slot) except -1:
        cdef int64_t *last = self.rows.header(_LAST_SERIAL)
        fg_bump(last, 1)
        fg_store_relaxed(slot + SLOT_SERIAL, fg_load_relaxed(last))
        return 0

    cdef int give_back(self, int64_t *slot) except -1:
        """To CLAIMED from any state but FREE."""
        cdef int64_t *chain[SLOT_MAX_LINES]
        cdef Steps steps = self.chain_of(slot, chain)
        cdef bint was_held = _IN_FLIGHT >> state_in(fg_load_relaxed(slot)) & 1
        become(slot, STATE_RESERVING)
        _release_chain(slot, chain, steps.total, steps.done)
        become(slot, STATE_CLAIMED)
        if was_held:
            self.ended(slot)
        return 0

    cdef void ended(self, int64_t *slot) noexcept:
        if self.vacant != NULL:
            self.held -= 1
            self.opening_bytes -= fg_load_relaxed(slot + SLOT_OPENING_BYTES)

    cdef int leave(self, int64_t *slot, int remaining) except -1:
        cdef int64_t *lines[SLOT_MAX_GAUGES]
        cdef Py_ssize_t words[SLOT_MAX_GAUGES]
        cdef Steps steps = steps_in(slot + SLOT_GAUGES_DONE, SLOT_MAX_GAUGES)
        cdef int64_t gauge
        cdef int done
        for done in range(remaining, steps.done):
            gauge = fg_load_relaxed(gauge_at(slot, done))
            lines[done] = self.accounts.line(gauge & 0xFFFFFFFF)
            words[done] = _cell(gauge >> 32)
        for done in range(steps.done - 1, remaining - 1, -1):
            note(slot + SLOT_GAUGES_DONE, steps.total, done, True)
            if _is_owners(lines[done], gauge_at(slot, done) + 1):
                _leave(lines[done] + words[done])
        note(slot + SLOT_GAUGES_DONE, remaining, remaining, False)
        return 0

    cdef Steps chain_of(self, int64_t *slot, int64_t **chain) except *:
        """The lines that are held for sure, checked before any of them is changed."""
        cdef Steps steps = steps_in(slot + SLOT_LINES_DONE, SLOT_MAX_LINES)
        cdef int done
        if not 0 <= fg_load_relaxed(slot + SLOT_AMOUNT) <= MAX_AMOUNT and steps.done > 0:
            raise ValueError("a damaged slot")
        for done in range(steps.done):
            chain[done] = self.accounts.line(fg_load_relaxed(line_at(slot, done)) & 0xFFFFFFFF)
        return steps


cdef inline bint _is_owners(int64_t *line, int64_t *owner) noexcept:
    # Else the account was deleted meanwhile, and its line may be another's.
    return fg_load(line + LINE_ID) == fg_load_relaxed(owner)


cdef inline Py_ssize_t _cell(int64_t word) except -1:
    if not LINE_CELLS <= word < LINE_WORDS:
        raise IndexError(f"word {word} is no cell of a line")
    return <Py_ssize_t>word


cdef void _release_chain(int64_t *slot, int64_t **chain, int total, int done) noexcept:
    cdef int64_t amount = fg_load_relaxed(slot + SLOT_AMOUNT)
    while done > 0:
        done -= 1
        note(slot + SLOT_LINES_DONE, total, done, True)
        if _is_owners(chain[done], line_at(slot, done) + 1):
            withdraw(chain[done], tag_in(slot, done), amount)
    note(slot + SLOT_LINES_DONE, total, 0, False)


cdef inline bint _enter(int64_t *gauge, int64_t cap) noexcept:
    cdef int64_t value = fg_load(gauge)
    while value < cap:
        if fg_compare_exchange(gauge, value, value + 1):
            return True
        value = fg_load(gauge)
    return False


cdef inline void _leave(int64_t *gauge) noexcept:
    cdef int64_t value = fg_load(gauge)
    while value > 0 and not fg_compare_exchange(gauge, value, value - 1):
        value = fg_load(gauge)


cdef object _hold(int64_t *slot):
    cdef int state = state_in(slot[0])
    cdef Steps lines = steps_in(slot + SLOT_LINES_DONE, SLOT_MAX_LINES)
    cdef Steps gauges = steps_in(slot + SLOT_GAUGES_DONE, SLOT_MAX_GAUGES)
    cdef bint reserving = state >= STATE_RESERVING
    if state > STATE_SETTLING:
        raise ValueError("a damaged slot")
    if not reserving:
        # What the words say is of the reservation before.
        lines.total = lines.done = 0
        lines.changing = False
    return Hold(
        slot[SLOT_SERIAL],
        state,
        slot[SLOT_ADMITTED] if state >= STATE_RESERVED else 0,
        slot[SLOT_AMOUNT] if reserving else 0,
        tuple([slot[line_word(i)] & 0xFFFFFFFF for i in range(lines.total)]),
        tuple([slot[line_word(i)] >> 32 & 0xFF for i in range(lines.total)]),
        tuple([<uint64_t>slot[line_word(i) + 1] for i in range(lines.total)]),
        lines.done,
        lines.changing,
        tuple([(slot[gauge_word(i)] & 0xFFFFFFFF, slot[gauge_word(i)] >> 32) for i in range(gauges.total)]),
        gauges.done,
        gauges.changing,
        (<char *>(slot + SLOT_OPENING))[:slot[SLOT_OPENING_BYTES]] if reserving else b"",
        slot[SLOT_CHUNKS] if reserving else 0,
        slot[SLOT_OUTPUT_BYTES] if reserving else 0,
        slot[SLOT_INPUT_TOKENS] if reserving else 0,
        slot[SLOT_OUTPUT_TOKENS] if reserving else 0,
    )
