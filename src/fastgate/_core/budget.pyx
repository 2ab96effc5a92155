"""A budget's line in the accounts file, for who looks at it or spends without a hold (budget.pxd)."""

from cpython.bytes cimport PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint64_t

from fastgate._core.accounts cimport AccountTable
from fastgate._core.atomics cimport fg_load


def balance(AccountTable accounts not None, Py_ssize_t line, int64_t at_ns):
    """(limit, spent, reserved, resets_ns) of the period that `at_ns` is in."""
    cdef int64_t *here = accounts.line(line)
    cdef int64_t limit = limit_at(here, at_ns)
    cdef int64_t spent = fg_load(here + BUDGET_SPENT)
    cdef int64_t committed = fg_load(here + BUDGET_COMMITTED)
    cdef uint64_t tag = tag_of(committed)
    cdef int64_t end_ns = end_of(here, tag)
    if at_ns >= end_ns:
        # Nobody has spent in the new period yet.
        return limit, 0, 0, _known(end_of(here, tag + 1))
    spent = amount_of(spent) if tag_of(spent) == tag else 0
    return limit, spent, max(amount_of(committed) - spent, 0), _known(end_ns)


def room(AccountTable accounts not None, bytes lines, int64_t now_ns):
    """What the tightest of the budgets has left, 0 at least; 2**62 without any. `lines` as for reserve()."""
    cdef const int32_t *numbers = <const int32_t *>packed_items(lines, sizeof(int32_t))
    cdef int64_t least = <int64_t>1 << 62
    cdef int64_t *line
    cdef Py_ssize_t i
    for i in range(PyBytes_GET_SIZE(lines) // <Py_ssize_t>sizeof(int32_t)):
        line = accounts.line(numbers[i])
        if owner_of(line, KIND_BUDGET) != 0:
            least = min(least, left_at(line, now_ns))
    return least


def charge(AccountTable accounts not None, Py_ssize_t line, int64_t cost, int64_t at_ns):
    """Spend without a hold, if `at_ns` is not before the budget's period, which is rolled over to `at_ns`."""
    cdef int64_t *here = accounts.line(line)
    cdef uint64_t tag
    if cost < 0 or at_ns < 0:
        raise ValueError("a negative cost or time")
    if owner_of(here, KIND_BUDGET) == 0:
        return False
    tag = roll_over(here, at_ns)
    return at_ns >= start_of(here, tag) and spend(here, tag, 0, cost)


def roll(AccountTable accounts not None, Py_ssize_t line, int64_t now_ns):
    """Bring an idle budget to the period of `now_ns`. ValueError: a line of limits."""
    cdef int64_t *here = accounts.line(line)
    if owner_of(here, KIND_BUDGET) != 0:
        roll_over(here, now_ns)


cdef inline int64_t _known(int64_t end_ns) noexcept:
    return end_ns if end_ns != INT64_MAX else 0
