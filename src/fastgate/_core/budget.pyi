from fastgate._core.accounts import AccountTable

def balance(accounts: AccountTable, line: int, at_ns: int) -> tuple[int, int, int, int]:
    """(limit, spent, reserved, resets_ns), in nano-USD, of the period that `at_ns` is in; `resets_ns` is its
    end, unix ns, 0 if that is not known. Not one atomic look. IndexError: no such line."""

def room(accounts: AccountTable, lines: bytes, now_ns: int) -> int:
    """What the tightest of the budgets has left, 0 at least; 2**62 without any. `lines` as for reserve()."""

def charge(accounts: AccountTable, line: int, cost: int, at_ns: int) -> bool:
    """Spend without a hold, if `at_ns` is not before the budget's period, which is rolled over to `at_ns`.

    False: nothing is spent, as that period is past or nobody owns the line. ValueError: negative, or a line
    of limits.
    """

def roll(accounts: AccountTable, line: int, now_ns: int) -> None:
    """Bring an idle budget to the period of `now_ns`. ValueError: a line of limits."""
