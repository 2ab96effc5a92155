"""Units of genai-prices as units of ours, and amounts of money as rates. Never imported in a worker.

Amounts are fractions here, so that nothing is rounded before a cost is.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import lcm
from typing import Final, NamedTuple

from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, TieredPrices
from genai_prices.units import UnitRegistry

from fastgate.domain.price import Rate

_PICO: Final = 10**12
_MOST: Final = 2**63 - 1

_NAMES: Final = {
    "cache_read_tokens": "cached_input_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "cache_audio_read_tokens": "cached_audio_tokens",
    "cache_image_read_tokens": "cached_image_tokens",
    "input_document_pages": "pages",
    "audio_seconds": "audio_ms",
    "input_audio_seconds": "input_audio_ms",
    "output_audio_seconds": "output_audio_ms",
}
_THOUSANDTHS: Final = frozenset(("audio_seconds", "input_audio_seconds", "output_audio_seconds"))


class UnitPrice(NamedTuple):
    """USD for a single unit. `tiers` are (more than so many input tokens, USD), ascending."""

    usd: Fraction
    tiers: tuple[tuple[int, Fraction], ...] = ()

    def times(self, factor: Fraction) -> "UnitPrice":
        return UnitPrice(self.usd * factor, tuple((start, usd * factor) for start, usd in self.tiers))


Amounts = dict[str, UnitPrice]
"""By unit."""


class _Unit(NamedTuple):
    name: str
    per: int
    dimensions: frozenset[tuple[str, str]]


@cache
def _by_price_key() -> Mapping[str, _Unit]:
    return {
        unit.price_key: _Unit(
            _NAMES.get(key, key),
            unit.per * (1_000 if key in _THOUSANDTHS else 1),
            frozenset(unit.dimensions.items()),
        )
        for key, unit in UnitRegistry(unit_data).units.items()
    }


@cache
def _dimensions() -> Mapping[str, frozenset[tuple[str, str]]]:
    """By unit; what genai-prices does not have is contained in nothing."""
    found = {unit.name: unit.dimensions for unit in _by_price_key().values()}
    return {**found, "images": frozenset((("family", "images"),))}


def amounts_of(price: ModelPrice) -> Amounts:
    """ValueError: a unit that this version does not know, or a price that is none."""
    units = _by_price_key()
    found: Amounts = {}
    for key, value in price.__dict__.items():
        if value is None:
            continue
        if key not in units:
            raise ValueError(f"a price for `{key}`, which is no unit")
        tiers = value.tiers if isinstance(value, TieredPrices) else []
        base = value.base if isinstance(value, TieredPrices) else value
        per = units[key].per
        found[units[key].name] = UnitPrice(
            _fraction(key, base) / per,
            tuple((tier.start, _fraction(key, tier.price) / per) for tier in tiers),
        )
    return found


def _fraction(key: str, amount: object) -> Fraction:
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount < 0:
        raise ValueError(f"the price for `{key}` is no amount of money")
    return Fraction(amount)


def rates(amounts: Amounts, minimums: Mapping[str, int]) -> tuple[Rate, ...]:
    """Each after its parts; `minimums` by unit. ValueError: an amount is out of range."""
    dimensions = _dimensions()
    order = sorted(amounts, key=lambda unit: (-len(dimensions[unit]), unit))
    return tuple(
        _rate(
            unit,
            amounts[unit],
            tuple(part for part in order if part != unit and dimensions[unit] < dimensions[part]),
            minimums.get(unit, 0),
        )
        for unit in order
    )


def _rate(unit: str, amount: UnitPrice, parts: tuple[str, ...], minimum: int) -> Rate:
    pico = [usd * _PICO for usd in (amount.usd, *(usd for _start, usd in amount.tiers))]
    per = lcm(*(each.denominator for each in pico))
    base, *tiers = (int(each * per) for each in pico)
    if max(base, per, *tiers) > _MOST:
        raise ValueError(f"the price for `{unit}` is out of range")
    starts = (start for start, _usd in amount.tiers)
    return Rate(unit, base, per, tuple(zip(starts, tiers, strict=True)), parts, minimum)


def with_overlaps(amounts: Amounts) -> Amounts:
    """A token that two prices fit, such as a cached one of sound, costs the dearer, if it has none itself."""
    return {**dict(_overlaps(amounts)), **amounts}


def _overlaps(amounts: Amounts) -> Iterator[tuple[str, UnitPrice]]:
    cached = amounts.get("cached_input_tokens")
    for kind, both in (
        ("input_audio_tokens", "cached_audio_tokens"),
        ("input_image_tokens", "cached_image_tokens"),
    ):
        if cached is not None and kind in amounts:
            yield both, max(cached, amounts[kind])
