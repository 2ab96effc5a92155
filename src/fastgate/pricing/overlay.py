"""The configuration's own prices, laid over the catalogue's. Never imported in a worker."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Final

from fastgate.config.price_check import moment
from fastgate.config.price_settings import PriceSettings
from fastgate.pricing.units import Amounts, UnitPrice, with_overlaps

_MILLION: Final = 1_000_000
_UNITS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "input_per_mtok_usd": (("input_tokens",), _MILLION),
    "output_per_mtok_usd": (("output_tokens",), _MILLION),
    "cached_input_per_mtok_usd": (("cached_input_tokens",), _MILLION),
    "cache_write_per_mtok_usd": (("cache_write_tokens",), _MILLION),
    "cache_write_1h_per_mtok_usd": (("cache_write_1h_tokens",), _MILLION),
    "reasoning_per_mtok_usd": (("reasoning_tokens",), _MILLION),
    "input_audio_per_mtok_usd": (("input_audio_tokens",), _MILLION),
    "output_audio_per_mtok_usd": (("output_audio_tokens",), _MILLION),
    "per_image_usd": (("images",), 1),
    "per_request_usd": (("requests",), 1),
    "per_page_usd": (("pages",), 1),
    "per_search_usd": (("web_searches", "rerank_searches"), 1),
}


class Overlay:
    """One entry of `prices`. `start` and `end` None: since ever, for ever."""

    def __init__(self, settings: PriceSettings) -> None:
        self.provider = settings.provider
        self.model = settings.model.lower()
        self.is_glob = any(character in settings.model for character in "*?[")
        self.like = settings.like
        self.tier = settings.tier
        self.start = None if settings.from_ is None else moment(settings.from_)
        self.end = None if settings.until is None else moment(settings.until)
        self._region = settings.region
        self._factor = None if settings.multiplier is None else Fraction(settings.multiplier)
        self._amounts: Amounts = {}
        for name, (units, per) in _UNITS.items():
            amount = getattr(settings, name)
            if amount is not None:
                self._amounts.update((unit, UnitPrice(Fraction(amount) / per)) for unit in units)

    def is_for(self, provider: str, region: str | None, names: Iterable[str]) -> bool:
        return (
            provider == self.provider
            and self._region in (None, region)
            and any(fnmatchcase(name.lower(), self.model) for name in names)
        )

    def holds(self, at: datetime | None) -> bool:
        """From the moment on; None: before every moment that any price names."""
        if at is None:
            return self.start is None
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)

    def factor(self, tier: str) -> Fraction | None:
        return self._factor if self.tier in (None, tier) else None

    def amounts(self, tier: str) -> Amounts:
        return self._amounts if (self.tier or "") == tier else {}


def lay_over(base: Amounts, overlays: Sequence[Overlay], tier: str) -> Amounts:
    """`overlays` are those that hold, in the order of the configuration."""
    factors = [factor for each in overlays if (factor := each.factor(tier)) is not None]
    priced = {unit: amount.times(factors[-1]) for unit, amount in base.items()} if factors else base
    given: Amounts = {}
    for each in overlays:
        given.update(each.amounts(tier))
    return with_overlaps({**priced, **given}) if given else priced
