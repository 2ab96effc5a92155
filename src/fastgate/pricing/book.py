"""Which price holds for a call: by deployment, moment and service tier."""

import re
from typing import Final

from fastgate.domain.price import Price, PriceBook
from fastgate.pricing.cost import Tariff

STANDARD: Final = ""
_DAY_S: Final = 86_400
_SECOND_NS: Final = 1_000_000_000
_MAX_NAMES: Final = 10_000  # clients choose the names, so what is remembered of them is bounded
_AS_ASKED: Final = ("default", "flex", "batch")  # OpenAI bills none of these dearer than the standard tier


class PriceList:
    """The prices of one model, over all time and tiers."""

    __slots__ = ("_always", "_tariffs")

    def __init__(self, prices: tuple[Price, ...]) -> None:
        self._tariffs: dict[str, list[Tariff]] = {}
        for price in prices:
            self._tariffs.setdefault(price.tier, []).append(Tariff(price))
        # Most models have one price, for ever and for all tiers.
        only = prices[0] if len(prices) == 1 else None
        plain = only is not None and not (only.tier or only.from_ns or only.until_ns or only.daily)
        self._always = tuple(self._tariffs[STANDARD]) if plain else ()

    def at(self, time_ns: int, service_tier: str | None = None) -> Tariff | None:
        """Of the tier that the provider named; one that has no price of its own costs what the standard does.

        None: the model had no price then.
        """
        if self._always:
            return self._always[0]
        if service_tier:
            for tariff in self._tariffs.get(service_tier, ()):
                if _holds(tariff.price, time_ns):
                    return tariff
        for tariff in self._tariffs.get(STANDARD, ()):
            if _holds(tariff.price, time_ns):
                return tariff
        return None

    def possible(self, time_ns: int, asked: str | None = None) -> tuple[Tariff, ...]:
        """The tariffs that the call may turn out to be billed at, when its client asked for tier `asked`: the
        one to expect, and then the others.

        A provider names the tier with its answer, and may choose any where none was asked for.
        """
        if self._always:
            return self._always
        others = (STANDARD,) if asked in _AS_ASKED else (STANDARD, *self._tariffs)
        tiers = (asked or STANDARD, *others)
        found = {id(tariff): tariff for tier in tiers if (tariff := self.at(time_ns, tier)) is not None}
        return tuple(found.values())


class Prices:
    """The prices of a configuration. Of a name that a client chose, the answer is remembered."""

    def __init__(self, book: PriceBook) -> None:
        self._lists = {key: PriceList(prices) for key, prices in book.lists.items()}
        self._deployments = book.deployments
        self._patterns = book.patterns
        self._assumed = self._lists.get(book.assumed)
        self._by_name: dict[tuple[str, str], PriceList | None] = {}

    def of(self, deployment: str, provider: str, model: str) -> PriceList | None:
        """`deployment` is an id; `model` the name that is sent upstream, which matters where any is taken.

        None: there is no price, and none is assumed.
        """
        key = self._deployments.get(deployment)
        if key is not None:
            return self._lists[key]
        name = (provider, model)
        if name not in self._by_name:
            if len(self._by_name) >= _MAX_NAMES:
                self._by_name.clear()
            self._by_name[name] = self._search(provider, model.lower())
        return self._by_name[name]

    def _search(self, provider: str, model: str) -> PriceList | None:
        for pattern, key in self._patterns.get(provider, ()):
            if re.search(pattern, model):
                return self._lists[key]
        return self._assumed


def _holds(price: Price, time_ns: int) -> bool:
    if time_ns < price.from_ns or (price.until_ns and time_ns >= price.until_ns):
        return False
    if price.daily is None:
        return True
    start_s, end_s = price.daily
    return start_s <= time_ns // _SECOND_NS % _DAY_S < end_s
