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


class Terms(msgspec.Struct, frozen=True, cache_hash=True):
    """How much may be spent in which periods; many owners have the same. `word` is how the configuration
    calls the period."""

    period: Period
    word: str
    limit_nano: int
    strict: bool = False
    soft: tuple[int, ...] = ()
    fallback: ModelRef | None = None
    increases: tuple[Increase, ...] = ()


class AccountSpec(msgspec.Struct, frozen=True, gc=False):
    """A budget. `name` is the account's: another period has another account, another limit has the same.

    What counts in it, of the ledger's entries too, is what `owner` says.
    """

    name: str
    owner: Owner
    terms: Terms

    def ref(self, line: int) -> BudgetRef:
        terms = self.terms
        return BudgetRef(line, self.owner, terms.word, terms.strict, terms.soft, terms.fallback)


def accounts_of(specs: Iterable[AccountSpec], lines: Mapping[str, int]) -> dict[Owner, Accounts]:
    """What each owner brings to the chain of a call, with the lines where its budgets were placed."""
    refs: dict[Owner, list[BudgetRef]] = {}
    for spec in specs:
        refs.setdefault(spec.owner, []).append(spec.ref(lines[spec.name]))
    return {owner: Accounts(budgets=tuple(found)) for owner, found in refs.items()}
