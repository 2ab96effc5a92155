"""A budget as the control process places it: what the configuration said, compiled."""

from collections.abc import Iterable, Mapping

import msgspec

from fastgate.budgets.periods import Period
from fastgate.domain.account import Accounts, BudgetRef, Owner
from fastgate.domain.model_ref import ModelRef


class Increase(msgspec.Struct, frozen=True):
    """`nano` more than the limit, before `until_ns`."""

    nano: int
    until_ns: int
    reason: str


class AccountSpec(msgspec.Struct, frozen=True):
    """A budget. `name` is the account's: another period has another account, another limit has the same.

    What counts in it, of the ledger's entries too, is what `owner` says. `word` is how the configuration
    calls the period.
    """

    name: str
    owner: Owner
    period: Period
    word: str
    limit_nano: int
    strict: bool = False
    soft: tuple[int, ...] = ()
    fallback: ModelRef | None = None
    increases: tuple[Increase, ...] = ()

    def ref(self, line: int) -> BudgetRef:
        return BudgetRef(line, self.owner, self.word, self.strict, self.soft, self.fallback)


def accounts_of(specs: Iterable[AccountSpec], lines: Mapping[str, int]) -> dict[Owner, Accounts]:
    """What each owner brings to the chain of a call, with the lines where its budgets were placed."""
    refs: dict[Owner, list[BudgetRef]] = {}
    for spec in specs:
        refs.setdefault(spec.owner, []).append(spec.ref(lines[spec.name]))
    return {owner: Accounts(budgets=tuple(found)) for owner, found in refs.items()}
