"""What usage costs at a price: integers, rounded once, half up, to the nano-USD."""

from collections.abc import Callable, Sequence
from math import lcm
from operator import attrgetter
from typing import Final, cast

from fastgate.domain.price import Price, Rate
from fastgate.domain.usage import COUNTS, Usage
from fastgate.pricing.ceiling import ceilings

PICO_PER_NANO: Final = 1_000
REQUESTS: Final = "requests"

_FIELDS: Final = frozenset(COUNTS)


class Tariff:
    """A price, made ready for reckoning: make it once, it is immutable.

    It reckons in 1/`scale` nano-USD, of which every rate is a whole number. `bands` are (more than so many
    input tokens, what a unit of each of the price's rates costs then), ascending from (-1, …).
    """

    __slots__ = ("_counts", "_minimums", "_nested", "_rates", "bands", "ceilings", "price", "scale")

    def __init__(self, price: Price) -> None:
        self.price = price
        rates = price.rates
        self.scale = lcm(*(rate.per for rate in rates)) * PICO_PER_NANO
        index = {rate.unit: position for position, rate in enumerate(rates)}
        starts = {start for rate in rates for start, _pico_usd in rate.tiers}
        self.bands = tuple((start, self._scaled(start)) for start in (-1, *sorted(starts)))
        self.ceilings = ceilings(price, self.bands)
        self._rates = None if starts else self.bands[0][1]
        self._nested = tuple(
            (index[rate.unit], tuple(index[part] for part in rate.parts)) for rate in rates if rate.parts
        )
        self._minimums = tuple((index[rate.unit], rate.minimum) for rate in rates if rate.minimum)
        self._counts = _reader([rate.unit for rate in rates])

    def cost_nano(self, usage: Usage) -> int:
        """A part that is larger than its whole is billed as it is, and the rest of the whole is nothing."""
        read = self._counts(usage)
        input_tokens, counts = read[0], list(read[1:])
        for index, minimum in self._minimums:
            if 0 < counts[index] < minimum:
                counts[index] = minimum
        for index, parts in self._nested:
            rest = counts[index]
            for part in parts:
                rest -= counts[part]
            counts[index] = rest if rest > 0 else 0
        rates = self._rates
        if rates is None:
            rates = next(rates for start, rates in reversed(self.bands) if input_tokens > start)
        cost = 0
        for index, count in enumerate(counts):
            if count:
                cost += count * rates[index]
        return (cost + (self.scale >> 1)) // self.scale

    def _scaled(self, start: int) -> tuple[int, ...]:
        """Rates for just more than `start` input tokens."""
        pico = self.scale // PICO_PER_NANO
        return tuple(_pico_usd(rate, start) * pico // rate.per for rate in self.price.rates)


def cost_nano(price: Price, usage: Usage) -> int:
    """For who reckons once with a price; nano-USD."""
    return Tariff(price).cost_nano(usage)


def _pico_usd(rate: Rate, start: int) -> int:
    pico_usd = rate.pico_usd
    for tier_start, dearer in rate.tiers:
        if tier_start <= start:
            pico_usd = dearer
    return pico_usd


def _reader(units: list[str]) -> Callable[[Usage], Sequence[int]]:
    """Reads the input tokens, which decide the tier, and then the count of each unit."""
    if units and _FIELDS.issuperset(units):
        return cast(Callable[[Usage], Sequence[int]], attrgetter("input_tokens", *units))

    def read(usage: Usage) -> Sequence[int]:
        return (usage.input_tokens, *(_count(usage, unit) for unit in units))

    return read


def _count(usage: Usage, unit: str) -> int:
    if unit == REQUESTS:
        return 1
    if unit in _FIELDS:
        return cast(int, getattr(usage, unit))
    return 0 if usage.other is None else usage.other.get(unit, 0)
