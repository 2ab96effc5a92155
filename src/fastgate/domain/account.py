"""What limits money and rate: accounts in shared memory, and how a worker refers to them."""

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from fastgate.domain.model_ref import ModelRef


class Level(StrEnum):
    """Whose budget or limit it is."""

    __hash__ = str.__hash__  # the one of `Enum` is a Python function, and owners are hashed by the 100,000

    GATEWAY = "gateway"
    CUSTOMER = "customer"
    TEAM = "team"
    VIRTUAL_KEY = "virtual_key"
    TAG = "tag"
    PROVIDER = "provider"
    MODEL = "model"
    DEPLOYMENT = "deployment"


OWN_LEVELS: Final = frozenset({Level.VIRTUAL_KEY, Level.TEAM, Level.CUSTOMER})
"""Whose sums a client may see: those of others say what other tenants spend."""


class Owner(msgspec.Struct, frozen=True, array_like=True, cache_hash=True, gc=False):
    """`name` is the owner's id; of a tag budget `name=value`, several joined by `,`, sorted.

    `narrowed` says for which part of the owner's traffic: `model=GLOB` or `provider=NAME`; "" for all.
    """

    level: Level
    name: str
    narrowed: str = ""

    def __str__(self) -> str:
        text = f"{self.level.value.replace('_', ' ')} {self.name}".rstrip()
        return f"{text} ({self.narrowed})" if self.narrowed else text


class BudgetRef(msgspec.Struct, frozen=True, array_like=True):
    """A budget that a call is held against. `line` is its place in the accounts file.

    `period` is as the configuration says it (`monthly`, `1h`); `soft` are fractions of the limit in
    thousandths, ascending; `fallback` is what `on_exceeded` names instead of a refusal.
    """

    line: int
    owner: Owner
    period: str
    strict: bool = False
    soft: tuple[int, ...] = ()
    fallback: ModelRef | None = None


class Measure(IntEnum):
    """What a limit counts."""

    REQUESTS = 0
    INPUT_TOKENS = 1
    OUTPUT_TOKENS = 2
    TOKENS = 3
    CONCURRENT = 4


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """`amount` in each `period_ns`, in bursts of at most `burst`; both 0 for a cap on what is concurrent.

    `word` is the cell in the owner's line of the accounts file.
    """

    word: int
    measure: Measure
    amount: int
    period_ns: int = 0
    burst: int = 0


class LimitRef(msgspec.Struct, frozen=True, array_like=True):
    """All limits that one owner has, in one line of the accounts file."""

    line: int
    owner: Owner
    limits: tuple[Limit, ...]


class Accounts(msgspec.Struct, frozen=True, array_like=True):
    """What one owner brings to the chain of a call."""

    budgets: tuple[BudgetRef, ...] = ()
    limits: tuple[LimitRef, ...] = ()

    def __add__(self, other: "Accounts") -> "Accounts":
        return Accounts(self.budgets + other.budgets, self.limits + other.limits)


NO_ACCOUNTS = Accounts()


class BudgetWord(IntEnum):
    """The words of a budget's line in the accounts file, as `_core.holds` has them.

    COMMITTED (spent and reserved) and SPENT hold the number of the period in the upper 8 bits and an amount
    in the others. The period with the number `n` ends at BOUNDARY + (n & 3), unix ns; 0: not known.
    """

    ID = 0
    KIND = 1
    LIMIT = 2
    COMMITTED = 3
    SPENT = 4
    BOUNDARY = 5
    EXTRA = 9
    EXTRA_UNTIL = 10
    OPS = 12
    DENIALS = 13


KIND_BUDGET: Final = 1
KIND_LIMITS: Final = 2
AMOUNT_BITS: Final = 56
AMOUNT_MASK: Final = (1 << AMOUNT_BITS) - 1
