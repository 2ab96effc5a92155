"""Who pays for a request, and on which terms: worked out once for each key, tags and destination."""

import struct
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from fastgate.domain.account import NO_ACCOUNTS, OWN_LEVELS, Accounts, BudgetRef, LimitRef
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.entry import Parties, encode_parties
from fastgate.domain.snapshot import Snapshot, Unpriced
from fastgate.domain.virtual_key import VirtualKey
from fastgate.limits.chain import Chain
from fastgate.limits.limiter import Limiter
from fastgate.pricing.book import PriceList, Prices
from fastgate.pricing.cost import Tariff
from fastgate.routing.plan import Choice

MAX_PAYERS: Final = 8_192
MAX_TERMS: Final = 1_024
_MAX_NAME: Final = 256
FREE: Final = frozenset({Endpoint.MODERATIONS})
"""Providers bill nothing for these, so they need no price."""
COUNTS: Final = frozenset({Endpoint.COUNT_TOKENS, Endpoint.CONTENT_TOKENS})
"""These consume nothing either: they have no ledger entry, and take no tokens from limits."""

TagItems = tuple[tuple[str, str], ...]
"""Name and value, sorted."""


class Terms:
    """Of one attempt: its budgets from the narrowest to the widest, the limits that only it meets, prices.

    `lines` is `budgets` as `_core.holds` takes them; `strict`: one of them is. `billed`: it has a price, or
    should have one; `needs_price`: without one it may not be made. `parties` is what its record begins with.
    """

    __slots__ = ("billed", "budgets", "limits", "lines", "needs_price", "parties", "prices", "strict")

    def __init__(
        self,
        budgets: tuple[BudgetRef, ...],
        limits: Chain,
        prices: PriceList | None,
        *,
        parties: Parties,
        unpriced: Unpriced,
    ) -> None:
        self.budgets = budgets
        self.limits = limits
        self.prices = prices
        self.lines = packed(budgets)
        self.strict = any(budget.strict for budget in budgets)
        self.billed = parties.endpoint not in FREE
        denied = unpriced is Unpriced.DENY or (unpriced is Unpriced.DENY_BUDGETED and bool(budgets))
        self.needs_price = self.billed and denied
        self.parties = encode_parties(parties)

    def tariffs(self, time_ns: int, service_tier: str | None) -> tuple[Tariff, ...]:
        """Those that a call then may be billed at; none where it has no price."""
        return () if self.prices is None else self.prices.possible(time_ns, service_tier)


class Payer:
    """A virtual key with a set of tags. `limits` are those that hold for all of its traffic. `own` are the
    budgets whose sums it may see, `soft` those of them with soft limits."""

    __slots__ = (
        "_limiter",
        "_narrowed",
        "_prices",
        "_snapshot",
        "_terms",
        "all_limits",
        "budgets",
        "key",
        "limits",
        "own",
        "soft",
        "tags",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        prices: Prices,
        limiter: Limiter,
        key: VirtualKey | None,
        tags: dict[str, str],
    ) -> None:
        self.key = key
        self.tags = tags
        self._snapshot = snapshot
        self._prices = prices
        self._limiter = limiter
        accounts = _accounts(snapshot, key, tags)
        self.budgets = accounts.budgets
        self.own = tuple(budget for budget in accounts.budgets if budget.owner.level in OWN_LEVELS)
        self.soft = tuple(budget for budget in self.own if budget.soft)
        self.limits = limiter.chain(tuple(ref for ref in accounts.limits if not ref.owner.narrowed))
        self.all_limits = accounts.limits
        self._narrowed = tuple(ref for ref in accounts.limits if ref.owner.narrowed)
        self._terms: dict[tuple[str, str, str, str], Terms] = {}

    def terms(self, choice: Choice, endpoint: Endpoint) -> Terms:
        """For an attempt there."""
        credential = "" if choice.credential is None else choice.credential.id
        where = (choice.deployment.id, choice.model, credential, endpoint)
        found = self._terms.get(where)
        if found is None:
            if len(self._terms) >= MAX_TERMS:
                self._terms.clear()
            found = self._terms[where] = self._make(choice, credential, endpoint)
        return found

    def _make(self, choice: Choice, credential: str, endpoint: Endpoint) -> Terms:
        snapshot, deployment, model = self._snapshot, choice.deployment, choice.model
        target = snapshot.owners.get(f"deployment/{deployment.id}", NO_ACCOUNTS)
        target += snapshot.owners.get(f"provider/{deployment.provider}", NO_ACCOUNTS)
        public = model if deployment.model == "*" else deployment.model
        for each in snapshot.model_accounts:
            if fnmatchcase(public.lower(), each.model.lower()):
                target += each.accounts
        narrowed = tuple(ref for ref in self._narrowed if _covers(ref, deployment.provider, public))
        key = self.key
        return Terms(
            self.budgets + target.budgets,
            self._limiter.chain(narrowed + target.limits),
            self._prices.of(deployment.id, deployment.provider, model),
            parties=Parties(
                virtual_key="" if key is None else key.id,
                customer="" if key is None or key.customer_id is None else key.customer_id,
                teams=() if key is None else key.teams,
                tags=self.tags,
                metadata={} if key is None else key.metadata,
                endpoint=endpoint,
                provider=choice.provider.name,
                deployment=deployment.id,
                credential=credential,
                model=clipped(model),
                public_model=clipped(public),
            ),
            unpriced=snapshot.worker.money.unpriced,
        )


class Payers:
    """Those of one configuration."""

    def __init__(self, snapshot: Snapshot, limiter: Limiter) -> None:
        self._snapshot = snapshot
        self._limiter = limiter
        self._prices = Prices(snapshot.prices)
        self._payers: dict[tuple[str, TagItems], Payer] = {}

    def payer(self, key: VirtualKey | None, tags: dict[str, str]) -> Payer:
        """As the key is now: what changed in it since makes another one."""
        name = ("" if key is None else key.id, tuple(sorted(tags.items())) if tags else ())
        found = self._payers.get(name)
        if found is None or found.key is not key:
            if len(self._payers) >= MAX_PAYERS:
                self._payers.clear()
            found = Payer(self._snapshot, self._prices, self._limiter, key, tags)
            self._payers[name] = found
        return found


def _accounts(snapshot: Snapshot, key: VirtualKey | None, tags: dict[str, str]) -> Accounts:
    owners = snapshot.owners
    found = NO_ACCOUNTS
    if key is not None:
        found += key.accounts
        for team in key.teams:
            found += owners.get(f"team/{team}", NO_ACCOUNTS)
        if key.customer_id is not None:
            found += owners.get(f"customer/{key.customer_id}", NO_ACCOUNTS)
    for each in snapshot.tag_accounts:
        if each.tags.items() <= tags.items():
            found += each.accounts
    return found + owners.get("gateway/", NO_ACCOUNTS)


def _covers(ref: LimitRef, provider: str, model: str) -> bool:
    what, _, name = ref.owner.narrowed.partition("=")
    if what == "provider":
        return name == provider
    return fnmatchcase(model.lower(), name.lower())


def packed(budgets: Iterable[BudgetRef]) -> bytes:
    lines = [budget.line for budget in budgets]
    return struct.pack(f"={len(lines)}i", *lines)


def clipped(name: str) -> str:
    """A client may have written it, and an opening has a bound."""
    return name if len(name) <= _MAX_NAME // 4 else name.encode()[:_MAX_NAME].decode(errors="ignore")
