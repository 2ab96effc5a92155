"""The holds of one worker in a mapped file, and what they reserve on the lines of budgets.

A header page (magic and version, bytes of a slot, number of slots; the last serial number), then slots of
4 KiB:

    state | serial | admitted | amount | lines so far | gauges so far | bytes of the opening |
    chunks, bytes, input and output tokens so far | lines, with their tags | ids of their accounts |
    gauges | ids of their accounts | opening

The worker that made the file is the only writer while it lives. What a slot is about is written before its
state says so. Around each change of a counter the slot says how many are surely changed, and that the next
one may be: a worker that is killed at any instruction leaves at most one line and one gauge in doubt.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastgate._core.accounts cimport AccountTable
from fastgate._core.atomics cimport (
    fg_add,
    fg_bump,
    fg_compare_exchange,
    fg_fence_acquire,
    fg_get_bytes,
    fg_load,
    fg_load_relaxed,
    fg_put_bytes,
    fg_store,
    fg_store_relaxed,
    fg_store_release,
)
from fastgate._core.budget cimport (
    BUDGET_DENIALS,
    HELD,
    KIND_BUDGET,
    KIND_LIMITS,
    LINE_CELLS,
    LINE_ID,
    LINE_KIND,
    LINE_WORDS,
    MAX_AMOUNT,
    REFUSED,
    Held,
    left_at,
    release,
    reserve,
    roll_over,
    spend,
    start_of,
)
from fastgate._core.mapfile cimport MappedFile

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
    _MAX_LINES = 32
    _MAX_GAUGES = 24
    _MAX_OPENING = 3072
    _FREE = 0
    _CLAIMED = 1
    _RESERVING = 2
    _RESERVED = 3
    _SENT = 4
    _SETTLING = 5
    _STATE_MASK = 7            # the bits above it: how often the state has changed
    # Sets of states, a bit each:
    _ANY = 0b111111
    _TAKEN = 0b111110
    _IN_FLIGHT = 0b111000      # from RESERVED on
    # The header, in words:
    _PAGE_WORDS = 512
    _COUNT = 2
    _LAST_SERIAL = 16
    # A slot, in words:
    _SLOT_WORDS = 512
    _SERIAL = 1
    _ADMITTED = 2
    _AMOUNT = 3
    _LINES_DONE = 4            # (how many << 16 | changed << 1 | whether the next one is being changed)
    _GAUGES_DONE = 5           # the same
    _OPENING_BYTES = 6
    _CHUNKS = 7
    _OUTPUT_BYTES = 8
    _INPUT_TOKENS = 9
    _OUTPUT_TOKENS = 10
    _LINES = 16                # (tag << 32 | line)
    _LINE_IDS = 48
    _GAUGES = 80               # (word << 32 | line)
    _GAUGE_IDS = 104
    _OPENING = 128
    _GROWTH = 1024             # slots at most at a time: 4 MiB
    _FIRST_GROWTH = 64
    _MAX_SLOTS = 1 << 18       # 1 GiB of address space

_LAYOUT = b"FGHOLDS\x01" + (_SLOT_WORDS * sizeof(int64_t)).to_bytes(8, "little")
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
            self.file = MappedFile.create(path, _size(0), _LAYOUT, _size(_MAX_SLOTS))
        else:
            self.file = MappedFile.open(path, True, _size(_MAX_SLOTS))
            if self.file.size < _size(0) or (<char *>self.file.words)[:len(_LAYOUT)] != _LAYOUT:
                raise ValueError(f"{path}: not a table of holds of this version, or truncated")
        self.first = self.file.words + _PAGE_WORDS
        self.look()
        if create:
            self.grow()

    def __dealloc__(self):
        PyMem_Free(self.vacant)

    @property
    def in_use(self):
        """Slots that are not FREE."""
        return self.known - self.vacancies if self.vacant != NULL else len(self.slots())

    cpdef Py_ssize_t claim(self) except -1:
        """A FREE slot, CLAIMED, with a serial number that was never given in this file."""
        cdef Py_ssize_t index
        cdef int64_t *slot
        if self.vacant == NULL:
            raise ValueError("the table is another worker's, or closed")
        if self.vacancies == 0:
            self.grow()
        index = self.vacant[self.vacancies - 1]
        slot = self.slot_in(index, 1 << _FREE)
        self.vacancies -= 1
        self.number(slot)
        fg_store_relaxed(slot + _LINES_DONE, 0)
        fg_store_relaxed(slot + _GAUGES_DONE, 0)
        _become(slot, _CLAIMED)
        return index

    cpdef Py_ssize_t enter(self, Py_ssize_t slot, bytes gauges) except -2:
        """Enter gauges until free(): packed (i32 line, i32 word, i64 cap) each. All or nothing."""
        cdef int64_t *here = self.slot_in(slot, 1 << _CLAIMED)
        cdef const char *packed = _packed(gauges, sizeof(Gauge))
        cdef Gauge *given = <Gauge *>packed
        cdef Py_ssize_t count = PyBytes_GET_SIZE(gauges) // <Py_ssize_t>sizeof(Gauge)
        cdef Steps before = _steps(here + _GAUGES_DONE, _MAX_GAUGES)
        cdef int total = before.total
        cdef int64_t *cells[_MAX_GAUGES]
        cdef Py_ssize_t index[_MAX_GAUGES]
        cdef int64_t *line
        cdef int64_t owner
        cdef Py_ssize_t i
        cdef int done
        if count > _MAX_GAUGES - total:
            raise ValueError(f"more than {_MAX_GAUGES} gauges")
        for i in range(count):
            line = self.accounts.line(given[i].line)
            if not LINE_CELLS <= given[i].word < LINE_WORDS:
                raise IndexError(f"word {given[i].word} is no cell of a line")
            owner = _owner(line, KIND_LIMITS)
            if owner == 0:
                continue
            cells[total] = line + given[i].word
            index[total] = i
            fg_store_relaxed(here + _GAUGES + total, <int64_t>given[i].word << 32 | given[i].line)
            fg_store_relaxed(here + _GAUGE_IDS + total, owner)
            total += 1
        for done in range(before.total, total):
            _note(here + _GAUGES_DONE, total, done, True)
            if not _enter(cells[done], given[index[done]].cap):
                _note(here + _GAUGES_DONE, total, done, False)
                self.leave(here, before.total)
                return index[done]
        _note(here + _GAUGES_DONE, total, total, False)
        return -1

    cpdef Py_ssize_t reserve(
        self, Py_ssize_t slot, bytes lines, int64_t amount, int64_t now_ns, bytes opening
    ) except -2:
        """Hold `amount` nano-USD against each budget of `lines`, packed i32, or against none."""
        cdef int64_t *here = self.slot_in(slot, 1 << _CLAIMED)
        cdef const int32_t *numbers = <const int32_t *>_packed(lines, sizeof(int32_t))
        cdef Py_ssize_t count = PyBytes_GET_SIZE(lines) // <Py_ssize_t>sizeof(int32_t)
        cdef int64_t *chain[_MAX_LINES]
        cdef Py_ssize_t index[_MAX_LINES]
        cdef int total = 0
        cdef int done = 0
        cdef uint64_t tag = 0
        cdef int64_t *line
        cdef int64_t owner
        cdef Py_ssize_t i
        cdef Held result
        if opening is None:
            raise TypeError("an opening is bytes")
        if count > _MAX_LINES or PyBytes_GET_SIZE(opening) > _MAX_OPENING:
            raise ValueError(f"more than {_MAX_LINES} budgets, or an opening of more than {_MAX_OPENING} bytes")
        if amount < 0 or now_ns < 0:
            raise ValueError("a negative amount or time")
        for i in range(count):
            line = self.accounts.line(numbers[i])
            owner = _owner(line, KIND_BUDGET)
            if owner == 0:
                continue
            chain[total] = line
            index[total] = i
            fg_store_relaxed(here + _LINES + total, numbers[i])
            fg_store_relaxed(here + _LINE_IDS + total, owner)
            total += 1
        fg_store_relaxed(here + _AMOUNT, amount)
        fg_store_relaxed(here + _CHUNKS, 0)
        fg_store_relaxed(here + _OUTPUT_BYTES, 0)
        fg_store_relaxed(here + _INPUT_TOKENS, 0)
        fg_store_relaxed(here + _OUTPUT_TOKENS, 0)
        fg_store_relaxed(here + _OPENING_BYTES, PyBytes_GET_SIZE(opening))
        fg_put_bytes(here + _OPENING, PyBytes_AS_STRING(opening), <size_t>PyBytes_GET_SIZE(opening))
        _note(here + _LINES_DONE, total, 0, False)
        _become(here, _RESERVING)
        while done < total:
            _note(here + _LINES_DONE, total, done, True)
            result = reserve(chain[done], amount, &now_ns, &tag)
            if result == HELD:
                fg_store_relaxed(here + _LINES + done, <int64_t>(tag << 32) | numbers[index[done]])
                done += 1
                continue
            _note(here + _LINES_DONE, total, done, False)
            _release_chain(here, chain, total, done)
            if result == REFUSED:
                fg_add(chain[done] + BUDGET_DENIALS, 1)
                _become(here, _CLAIMED)
                return index[done]
            # Anew and later, so that one moment is right for all of them.
            done = 0
        fg_store_relaxed(here + _ADMITTED, now_ns)
        _note(here + _LINES_DONE, total, total, False)
        _become(here, _RESERVED)
        return -1

    cpdef void sent(self, Py_ssize_t slot) except *:
        """RESERVED to SENT."""
        _become(self.slot_in(slot, 1 << _RESERVED | 1 << _SENT), _SENT)

    cpdef void progress(self, Py_ssize_t slot, int64_t chunks, int64_t output_bytes) except *:
        """Add to what was delivered so far."""
        cdef int64_t *here = self.slot_in(slot, _IN_FLIGHT)
        if chunks < 0 or output_bytes < 0:
            raise ValueError("what was delivered does not shrink")
        fg_bump(here + _CHUNKS, chunks)
        fg_bump(here + _OUTPUT_BYTES, output_bytes)

    cpdef void reported(self, Py_ssize_t slot, int64_t input_tokens, int64_t output_tokens) except *:
        """What the provider has reported so far, in all."""
        cdef int64_t *here = self.slot_in(slot, _IN_FLIGHT)
        if input_tokens < 0 or output_tokens < 0:
            raise ValueError("a negative number of tokens")
        fg_store_relaxed(here + _INPUT_TOKENS, input_tokens)
        fg_store_relaxed(here + _OUTPUT_TOKENS, output_tokens)

    cpdef int64_t admitted_ns(self, Py_ssize_t slot) except? -1:
        """The moment that decides the period: reserve()'s `now_ns`, or later if a budget's period began later."""
        return fg_load_relaxed(self.slot_in(slot, _IN_FLIGHT) + _ADMITTED)

    cpdef int64_t serial(self, Py_ssize_t slot) except? -1:
        """The hold's number: claim() gives one, and each settle() the next, as an entry has it to its own."""
        return fg_load_relaxed(self.slot_in(slot, _TAKEN) + _SERIAL)

    cpdef int state(self, Py_ssize_t slot) except -1:
        return _state(fg_load(self.slot_in(slot, _ANY)))

    def charged(self, Py_ssize_t slot):
        """The ids of the accounts that reserve() reserved with, unsigned; () when CLAIMED."""
        cdef int64_t *here = self.slot_in(slot, _TAKEN & ~(1 << _RESERVING))
        if _state(here[0]) == _CLAIMED:
            return ()
        return _ids(here + _LINE_IDS, _steps(here + _LINES_DONE, _MAX_LINES).total)

    cpdef void release(self, Py_ssize_t slot) except *:
        """Give a reservation back: CLAIMED again, with the same serial number."""
        self.give_back(self.slot_in(slot, 1 << _RESERVED | 1 << _SENT))

    cpdef void settling(self, Py_ssize_t slot) except *:
        """RESERVED or SENT to SETTLING: to be said before the journal has the entry."""
        _become(self.slot_in(slot, _IN_FLIGHT), _SETTLING)

    cpdef void settle(self, Py_ssize_t slot, int64_t cost) except *:
        """SETTLING to CLAIMED, with a new serial number: `cost` is spent in place of what is held."""
        cdef int64_t *here = self.slot_in(slot, 1 << _SETTLING)
        cdef int64_t *chain[_MAX_LINES]
        cdef Steps steps = self.chain_of(here, chain)
        cdef int64_t amount = fg_load_relaxed(here + _AMOUNT)
        cdef int done
        if cost < 0:
            raise ValueError("a negative cost")
        for done in range(steps.done - 1, -1, -1):
            _note(here + _LINES_DONE, steps.total, done, True)
            if _is_owners(chain[done], here + _LINE_IDS + done):
                spend(chain[done], _tag(here, done), amount, cost)
        _note(here + _LINES_DONE, steps.total, 0, False)
        # The new number last: until it is CLAIMED, the old one tells whether there is an entry.
        _become(here, _CLAIMED)
        self.number(here)

    cpdef void free(self, Py_ssize_t slot) except *:
        """Give back what is still held, leave the gauges: FREE. Uncertain ones are left as they are."""
        cdef int64_t *here = self.slot_in(slot, _TAKEN)
        if _state(here[0]) != _CLAIMED:
            self.give_back(here)
        self.leave(here, 0)
        _become(here, _FREE)
        if self.vacant != NULL:
            self.vacant[self.vacancies] = <int32_t>slot
            self.vacancies += 1

    def slots(self):
        """Those not FREE."""
        cdef Py_ssize_t slot
        return [
            slot for slot in range(self.look()) if _state(fg_load(self.first + slot * _SLOT_WORDS)) != _FREE
        ]

    def read(self, Py_ssize_t slot):
        """ValueError: damaged."""
        cdef int64_t *here = self.slot_at(slot)
        cdef int64_t copy[_SLOT_WORDS]
        cdef int i
        while True:
            for i in range(_OPENING):
                copy[i] = fg_load(here + i)
            if not 0 <= copy[_OPENING_BYTES] <= _MAX_OPENING:
                raise ValueError(f"slot {slot} is damaged")
            fg_get_bytes(here + _OPENING, <char *>(copy + _OPENING), <size_t>copy[_OPENING_BYTES])
            fg_fence_acquire()
            # Else its worker went on with it in the meantime.
            if fg_load_relaxed(here) == copy[0]:
                return _hold(copy)

    def close(self):
        """Unmap the file; holds stay in it. Idempotent."""
        self.first = NULL
        self.known = 0
        PyMem_Free(self.vacant)
        self.vacant = NULL
        self.vacancies = 0
        self.file.close()

    cdef int64_t *slot_in(self, Py_ssize_t slot, int states) except NULL:
        """The slot's words. ValueError: it is in none of these states."""
        cdef int64_t *here = self.slot_at(slot)
        cdef int state = _state(fg_load_relaxed(here))
        if not states >> state & 1:
            raise ValueError(f"slot {slot} is {_STATES[state]}")
        return here

    cdef int64_t *slot_at(self, Py_ssize_t slot) except NULL:
        if not 0 <= slot < self.known and not 0 <= slot < self.look():
            raise IndexError(f"slot {slot} is outside the table")
        return self.first + slot * _SLOT_WORDS

    cdef Py_ssize_t look(self) except -1:
        """How many slots there are now, once the file is known to have them."""
        if self.first == NULL:
            raise ValueError("the table is closed")
        cdef int64_t slots = fg_load(self.file.words + _COUNT)
        if slots > self.known:
            if slots > _MAX_SLOTS:
                raise ValueError(f"{slots} slots: a damaged table of holds")
            self.file.follow(_size(slots))
            self.known = slots
        return self.known

    cdef int grow(self) except -1:
        cdef Py_ssize_t slots = self.known + min(max(self.known, _FIRST_GROWTH), _GROWTH)
        cdef void *vacant = PyMem_Realloc(self.vacant, <size_t>slots * sizeof(int32_t))
        if vacant == NULL:
            raise MemoryError
        self.vacant = <int32_t *>vacant
        self.file.grow(_size(slots))
        fg_store(self.file.words + _COUNT, slots)
        cdef Py_ssize_t slot
        for slot in range(slots - 1, self.known - 1, -1):
            self.vacant[self.vacancies] = <int32_t>slot
            self.vacancies += 1
        self.known = slots
        return 0

    cdef void number(self, int64_t *slot) noexcept:
        cdef int64_t *last = self.file.words + _LAST_SERIAL
        fg_bump(last, 1)
        fg_store_relaxed(slot + _SERIAL, fg_load_relaxed(last))

    cdef int give_back(self, int64_t *slot) except -1:
        """To CLAIMED from any state but FREE."""
        cdef int64_t *chain[_MAX_LINES]
        cdef Steps steps = self.chain_of(slot, chain)
        _become(slot, _RESERVING)
        _release_chain(slot, chain, steps.total, steps.done)
        _become(slot, _CLAIMED)
        return 0

    cdef int leave(self, int64_t *slot, int remaining) except -1:
        cdef int64_t *cells[_MAX_GAUGES]
        cdef Steps steps = _steps(slot + _GAUGES_DONE, _MAX_GAUGES)
        cdef int64_t gauge
        cdef int done
        for done in range(remaining, steps.done):
            gauge = fg_load_relaxed(slot + _GAUGES + done)
            cells[done] = self.accounts.word(gauge & 0xFFFFFFFF, gauge >> 32)
        for done in range(steps.done - 1, remaining - 1, -1):
            _note(slot + _GAUGES_DONE, steps.total, done, True)
            if _is_owners(cells[done] - (fg_load_relaxed(slot + _GAUGES + done) >> 32), slot + _GAUGE_IDS + done):
                _leave(cells[done])
        _note(slot + _GAUGES_DONE, remaining, remaining, False)
        return 0

    cdef Steps chain_of(self, int64_t *slot, int64_t **chain) except *:
        """The lines that are held for sure, checked before any of them is changed."""
        cdef Steps steps = _steps(slot + _LINES_DONE, _MAX_LINES)
        cdef int done
        if not 0 <= fg_load_relaxed(slot + _AMOUNT) <= MAX_AMOUNT and steps.done > 0:
            raise ValueError("a damaged slot")
        for done in range(steps.done):
            chain[done] = self.accounts.line(fg_load_relaxed(slot + _LINES + done) & 0xFFFFFFFF)
        return steps


def room(AccountTable accounts not None, bytes lines, int64_t now_ns):
    """What the tightest of the budgets has left, 0 at least; 2**62 without any. `lines` as for reserve()."""
    cdef const int32_t *numbers = <const int32_t *>_packed(lines, sizeof(int32_t))
    cdef int64_t least = <int64_t>1 << 62
    cdef int64_t *line
    cdef Py_ssize_t i
    for i in range(PyBytes_GET_SIZE(lines) // <Py_ssize_t>sizeof(int32_t)):
        line = accounts.line(numbers[i])
        if _owner(line, KIND_BUDGET) != 0:
            least = min(least, left_at(line, now_ns))
    return least


def charge(AccountTable accounts not None, Py_ssize_t line, int64_t cost, int64_t at_ns):
    """Spend without a hold, if `at_ns` is not before the budget's period, which is rolled over to `at_ns`."""
    cdef int64_t *here = accounts.line(line)
    cdef uint64_t tag
    if cost < 0 or at_ns < 0:
        raise ValueError("a negative cost or time")
    if _owner(here, KIND_BUDGET) == 0:
        return False
    tag = roll_over(here, at_ns)
    return at_ns >= start_of(here, tag) and spend(here, tag, 0, cost)


def roll(AccountTable accounts not None, Py_ssize_t line, int64_t now_ns):
    """Bring an idle budget to the period of `now_ns`. ValueError: a line of limits."""
    cdef int64_t *here = accounts.line(line)
    if _owner(here, KIND_BUDGET) != 0:
        roll_over(here, now_ns)


cdef inline size_t _size(Py_ssize_t slots) noexcept:
    return <size_t>(_PAGE_WORDS + slots * _SLOT_WORDS) * sizeof(int64_t)


cdef inline int _state(int64_t word) noexcept:
    return <int>(word & _STATE_MASK)


cdef inline void _become(int64_t *slot, int state) noexcept:
    # Counted, so that a reader sees that a slot was in another state meanwhile.
    cdef uint64_t word = <uint64_t>fg_load_relaxed(slot) | _STATE_MASK
    fg_store_release(slot, <int64_t>(word + 1 + <uint64_t>state))


cdef inline void _note(int64_t *steps, int total, int done, bint changing) noexcept:
    fg_store_relaxed(steps, <int64_t>total << 16 | done << 1 | changing)


cdef Steps _steps(int64_t *word, int most) except *:
    cdef Steps steps
    cdef int64_t value = fg_load_relaxed(word)
    steps.total = <int>(value >> 16 & 0xFFFF)
    steps.done = <int>(value >> 1 & 0x7FFF)
    steps.changing = value & 1
    if value >> 32 != 0 or steps.total > most or steps.done + steps.changing > steps.total:
        raise ValueError("a damaged slot")
    return steps


cdef inline uint64_t _tag(int64_t *slot, int index) noexcept:
    return <uint64_t>fg_load_relaxed(slot + _LINES + index) >> 32 & 0xFF


cdef inline bint _is_owners(int64_t *line, int64_t *owner) noexcept:
    # Else the account was deleted meanwhile, and its line may be another's.
    return fg_load(line + LINE_ID) == fg_load_relaxed(owner)


cdef int64_t _owner(int64_t *line, int kind) except? 0:
    """The id of the account, 0 for nobody's line. ValueError: a line of another kind."""
    cdef int64_t owner = fg_load(line + LINE_ID)
    if owner != 0 and fg_load(line + LINE_KIND) != kind:
        raise ValueError("a line of limits instead of a budget's, or the other way round")
    return owner


cdef void _release_chain(int64_t *slot, int64_t **chain, int total, int done) noexcept:
    cdef int64_t amount = fg_load_relaxed(slot + _AMOUNT)
    while done > 0:
        done -= 1
        _note(slot + _LINES_DONE, total, done, True)
        if _is_owners(chain[done], slot + _LINE_IDS + done):
            release(chain[done], _tag(slot, done), amount)
    _note(slot + _LINES_DONE, total, 0, False)


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


cdef inline const char *_packed(bytes items, size_t size) except NULL:
    if items is None:
        raise TypeError("packed as bytes")
    if <size_t>PyBytes_GET_SIZE(items) % size != 0:
        raise ValueError(f"{len(items)} bytes: packed are {size} each")
    return PyBytes_AS_STRING(items)


cdef tuple _ids(int64_t *words, int count):
    return tuple([<uint64_t>words[i] for i in range(count)])


cdef object _hold(int64_t *slot):
    cdef int state = _state(slot[0])
    cdef Steps lines = _steps(slot + _LINES_DONE, _MAX_LINES)
    cdef Steps gauges = _steps(slot + _GAUGES_DONE, _MAX_GAUGES)
    cdef int64_t *words = slot + _LINES
    cdef bint reserving = state >= _RESERVING
    if state > _SETTLING:
        raise ValueError("a damaged slot")
    if not reserving:
        # What the words say is of the reservation before.
        lines.total = lines.done = 0
        lines.changing = False
    return Hold(
        slot[_SERIAL],
        state,
        slot[_ADMITTED] if state >= _RESERVED else 0,
        slot[_AMOUNT] if reserving else 0,
        tuple([words[i] & 0xFFFFFFFF for i in range(lines.total)]),
        tuple([words[i] >> 32 & 0xFF for i in range(lines.total)]),
        _ids(slot + _LINE_IDS, lines.total),
        lines.done,
        lines.changing,
        tuple([(slot[_GAUGES + i] & 0xFFFFFFFF, slot[_GAUGES + i] >> 32) for i in range(gauges.total)]),
        gauges.done,
        gauges.changing,
        (<char *>(slot + _OPENING))[:slot[_OPENING_BYTES]] if reserving else b"",
        slot[_CHUNKS] if reserving else 0,
        slot[_OUTPUT_BYTES] if reserving else 0,
        slot[_INPUT_TOKENS] if reserving else 0,
        slot[_OUTPUT_TOKENS] if reserving else 0,
    )
