"""An accounts file and owners with limits in it, as the control process would place them."""

from pathlib import Path
from typing import Final

from fastgate._core.accounts import AccountTable
from fastgate.domain.account import KIND_LIMITS, BudgetWord, Level, Limit, LimitRef, Measure, Owner
from fastgate.limits.limiter import Limiter

S: Final = 1_000_000_000
MINUTE: Final = 60 * S

_FIRST_CELL: Final = 2


def per(
    amount: int, period_ns: int = MINUTE, measure: Measure = Measure.REQUESTS, burst: int | None = None
) -> tuple[Measure, int, int, int]:
    """A rate; the burst is the whole amount unless it is given."""
    return measure, amount, period_ns, amount if burst is None else burst


def at_once(amount: int) -> tuple[Measure, int, int, int]:
    """A cap on what is concurrent."""
    return Measure.CONCURRENT, amount, 0, 0


class LimitRig:
    """One accounts file; each `owner` gets the next line of it."""

    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "accounts")
        self.accounts = AccountTable(self.path, True, 64)
        self.limiter = Limiter(self.accounts)
        self._next = 0

    def owner(self, name: str, *limits: tuple[Measure, int, int, int]) -> LimitRef:
        line, self._next = self._next, self._next + 1
        self.accounts.store(line, BudgetWord.ID, line + 1)
        self.accounts.store(line, BudgetWord.KIND, KIND_LIMITS)
        return LimitRef(
            line,
            Owner(Level.VIRTUAL_KEY, name),
            tuple(
                Limit(_FIRST_CELL + i, measure, amount, period_ns, burst)
                for i, (measure, amount, period_ns, burst) in enumerate(limits)
            ),
        )

    def close(self) -> None:
        self.accounts.close()
