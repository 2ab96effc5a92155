"""Rate limits that hold together, on cells of the accounts file: GCRA, which needs one word for a bucket."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t

from fastgate._core.accounts cimport AccountTable
from fastgate._core.atomics cimport fg_compare_exchange, fg_load
from fastgate._core.budget cimport KIND_LIMITS, LINE_CELLS, LINE_ID, LINE_KIND, LINE_WORDS

cdef extern from "gcra.h" nogil:
    const int64_t FG_MAX_NS
    int64_t fg_refill_ns_up(int64_t units, int64_t amount, int64_t period) noexcept
    int64_t fg_refill_ns_down(int64_t units, int64_t amount, int64_t period) noexcept
    int64_t fg_debt_ns(int64_t cell, int64_t now) noexcept
    int64_t fg_units(int64_t debt, int64_t amount, int64_t period, int64_t burst) noexcept

cdef enum:
    _REQUESTS = 0
    _INPUT = 1
    _OUTPUT = 2
    _TOKENS = 3


@cython.final
cdef class LimitSet:
    """Rate limits that hold together, on cells of the accounts file; made once for a chain of owners."""

    def __cinit__(self, AccountTable accounts not None, tuple limits not None):
        self.accounts = accounts
        self.limits = <RateLimit *>PyMem_Calloc(<size_t>len(limits), sizeof(RateLimit))
        if self.limits == NULL:
            raise MemoryError
        cdef RateLimit limit
        for limit.line, limit.word, limit.measure, limit.amount, limit.period_ns, limit.burst in limits:
            limit.owner = _owner(accounts, &limit)
            self.limits[self.count] = limit
            self.count += 1

    def __dealloc__(self):
        PyMem_Free(self.limits)

    cpdef Py_ssize_t take(
        self, int64_t requests, int64_t input_tokens, int64_t output_tokens, int64_t now_ns
    ) except -2:
        """Take from all, or from none. -1, or the index of the refusing limit that has the longest wait."""
        cdef Demand demand = _demand(requests, input_tokens, output_tokens)
        cdef Py_ssize_t i
        cdef Py_ssize_t refusing
        _check(now_ns)
        while True:
            # Looked at before anything is taken: what is given back again could have kept others out.
            refusing = self.refusing(&demand, now_ns)
            if refusing >= 0:
                return refusing
            for i in range(self.count):
                if not _take(self.cell(&self.limits[i]), &self.limits[i], &demand, now_ns):
                    self.give_back_to(&demand, i)
                    break
            else:
                return -1

    cpdef void give_back(self, int64_t requests, int64_t input_tokens, int64_t output_tokens) except *:
        """Undo a take(), at once: later, what has been refilled meanwhile would come on top."""
        cdef Demand demand = _demand(requests, input_tokens, output_tokens)
        self.give_back_to(&demand, self.count)

    cpdef void correct(self, int64_t input_delta, int64_t output_delta, int64_t now_ns) except *:
        """Charge what was used beyond the estimate, never refused; give back what was not (negative)."""
        _check(now_ns)
        _check(_magnitude(input_delta))
        _check(_magnitude(output_delta))
        cdef Py_ssize_t i
        cdef RateLimit *limit
        cdef int64_t *cell
        cdef int64_t units
        for i in range(self.count):
            limit = &self.limits[i]
            cell = self.cell(limit)
            units = 0
            if limit.measure in (_INPUT, _TOKENS):
                units += input_delta
            if limit.measure in (_OUTPUT, _TOKENS):
                units += output_delta
            if cell != NULL and units != 0:
                _correct(cell, limit, units, now_ns)

    cpdef int64_t remaining(self, Py_ssize_t index, int64_t now_ns) except -1:
        """Units left. IndexError."""
        cdef RateLimit *limit = self.limit_at(index)
        cdef int64_t *cell = self.cell(limit)
        _check(now_ns)
        if cell == NULL:
            return limit.burst
        return fg_units(fg_debt_ns(fg_load(cell), now_ns), limit.amount, limit.period_ns, limit.burst)

    cpdef int64_t reset_ns(self, Py_ssize_t index, int64_t now_ns) except -1:
        """How long until the bucket is full. IndexError."""
        cdef int64_t *cell = self.cell(self.limit_at(index))
        _check(now_ns)
        return 0 if cell == NULL else fg_debt_ns(fg_load(cell), now_ns)

    cpdef tuple tightest(self, tuple indexes, int64_t now_ns):
        """(index, remaining, reset_ns) of the one that has the fewest units left."""
        cdef Py_ssize_t index
        cdef Py_ssize_t found = -1
        cdef int64_t remaining
        cdef int64_t least = 0
        for index in indexes:
            remaining = self.remaining(index, now_ns)
            if found < 0 or remaining < least:
                found = index
                least = remaining
        if found < 0:
            raise ValueError("the tightest of none")
        return found, least, self.reset_ns(found, now_ns)

    cdef int64_t *cell(self, RateLimit *limit) except? NULL:
        """NULL: the account is deleted, its line may be another's by now."""
        cdef int64_t *line = self.accounts.line(limit.line)
        return line + limit.word if limit.owner != 0 and fg_load(line + LINE_ID) == limit.owner else NULL

    cdef RateLimit *limit_at(self, Py_ssize_t index) except NULL:
        if not 0 <= index < self.count:
            raise IndexError(f"limit {index} is outside the set")
        return &self.limits[index]

    cdef Py_ssize_t refusing(self, Demand *demand, int64_t now_ns) except -2:
        """-1: all would let it through. Sets wait_ns."""
        cdef Py_ssize_t i
        cdef Py_ssize_t worst = -1
        cdef int64_t longest = 0
        cdef int64_t units, wait
        cdef int64_t *cell
        cdef RateLimit *limit
        for i in range(self.count):
            limit = &self.limits[i]
            units = demand.units[limit.measure]
            cell = self.cell(limit)
            if cell == NULL or units == 0:
                continue
            if units > limit.burst:
                self.wait_ns = -1
                return i
            wait = fg_debt_ns(fg_load(cell), now_ns) - _largest_debt(limit, units)
            if wait > longest:
                longest = wait
                worst = i
        if worst >= 0:
            self.wait_ns = longest
        return worst

    cdef int give_back_to(self, Demand *demand, Py_ssize_t end) except -1:
        cdef Py_ssize_t i
        for i in range(end):
            _give_back(self.cell(&self.limits[i]), &self.limits[i], demand)
        return 0


cdef inline int64_t _largest_debt(RateLimit *limit, int64_t units) noexcept:
    """With which `units`, at most the burst, still fit: debt * amount + units * period <= burst * period."""
    return fg_refill_ns_down(limit.burst - units, limit.amount, limit.period_ns)


cdef bint _take(int64_t *cell, RateLimit *limit, Demand *demand, int64_t now_ns) noexcept:
    cdef int64_t units = demand.units[limit.measure]
    cdef int64_t ns = fg_refill_ns_up(units, limit.amount, limit.period_ns)
    cdef int64_t time, debt
    if cell == NULL or units == 0:
        return True
    while True:
        time = fg_load(cell)
        debt = fg_debt_ns(time, now_ns)
        if debt > _largest_debt(limit, units):
            return False
        if fg_compare_exchange(cell, time, now_ns + debt + ns):
            return True


cdef void _give_back(int64_t *cell, RateLimit *limit, Demand *demand) noexcept:
    cdef int64_t ns = fg_refill_ns_up(demand.units[limit.measure], limit.amount, limit.period_ns)
    cdef int64_t time
    if cell == NULL or ns == 0:
        return
    while True:
        time = fg_load(cell)
        if fg_compare_exchange(cell, time, time - ns if time > ns else 0):
            return


cdef void _correct(int64_t *cell, RateLimit *limit, int64_t units, int64_t now_ns) noexcept:
    cdef int64_t time, debt
    while True:
        time = fg_load(cell)
        debt = fg_debt_ns(time, now_ns)
        if units > 0:
            debt = min(debt + fg_refill_ns_up(units, limit.amount, limit.period_ns), FG_MAX_NS)
        else:
            debt = max(debt - fg_refill_ns_down(-units, limit.amount, limit.period_ns), 0)
        if fg_compare_exchange(cell, time, now_ns + debt):
            return


cdef int64_t _owner(AccountTable accounts, RateLimit *limit) except? 0:
    cdef int64_t *line = accounts.line(limit.line)
    cdef int64_t owner = fg_load(line + LINE_ID)
    if not LINE_CELLS <= limit.word < LINE_WORDS:
        raise IndexError(f"word {limit.word} is no cell of a line")
    if owner != 0 and fg_load(line + LINE_KIND) != KIND_LIMITS:
        raise ValueError(f"line {limit.line} is not one of limits")
    if not _REQUESTS <= limit.measure <= _TOKENS:
        raise ValueError(f"there is no measure {limit.measure}")
    if limit.amount < 1 or limit.period_ns < 1 or limit.burst < 1:
        raise ValueError("an amount, a period or a burst below 1")
    _check(limit.amount)
    _check(limit.period_ns)
    _check(limit.burst)
    if fg_refill_ns_up(limit.burst, limit.amount, limit.period_ns) == FG_MAX_NS:
        raise ValueError("a burst that takes too long to refill")
    return owner


cdef Demand _demand(int64_t requests, int64_t input_tokens, int64_t output_tokens) except *:
    cdef Demand demand
    _check(requests)
    _check(input_tokens)
    _check(output_tokens)
    demand.units[_REQUESTS] = requests
    demand.units[_INPUT] = input_tokens
    demand.units[_OUTPUT] = output_tokens
    demand.units[_TOKENS] = input_tokens + output_tokens
    return demand


cdef inline int64_t _magnitude(int64_t number) noexcept:
    # Negated as -2**63 could not be.
    return number if number >= 0 else ~number


cdef inline int _check(int64_t number) except -1:
    if not 0 <= number < FG_MAX_NS:
        raise ValueError(f"{number} is negative or beyond 2**62")
    return 0
