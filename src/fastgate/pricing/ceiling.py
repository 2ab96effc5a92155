"""The dearest rates that a call can meet, for holds: worked out once a price."""

from itertools import accumulate
from typing import Final, NamedTuple

from fastgate.domain.price import Price, Rate

_INPUT: Final = "input_tokens"
_OUTPUT: Final = "output_tokens"


class Ceiling(NamedTuple):
    """No rate is above it in a call of up to the input tokens at which the next ceiling begins.

    Rates in the unit of the tariff: a token of plain text, in and out; a token of whatever kind is dearest,
    in and out; and those of the units that are not tokens.
    """

    more_than: int
    input: int
    output: int
    any_input: int
    any_output: int
    others: tuple[tuple[Rate, int], ...]


def ceilings(price: Price, bands: tuple[tuple[int, tuple[int, ...]], ...]) -> tuple[Ceiling, ...]:
    """Of each band, ascending. A band may be cheaper than one below it, and the tokens of a call are only
    known as an upper bound: so no ceiling is lower than the one before."""
    return tuple(accumulate((_ceiling(price, *band) for band in bands), _raised))


def _ceiling(price: Price, more_than: int, rates: tuple[int, ...]) -> Ceiling:
    scaled = {rate.unit: at for rate, at in zip(price.rates, rates, strict=True)}
    tokens = {rate.unit: (rate.unit, *rate.parts) for rate in price.rates if rate.unit in (_INPUT, _OUTPUT)}
    taken_in, given_out = tokens.get(_INPUT, ()), tokens.get(_OUTPUT, ())
    return Ceiling(
        more_than,
        scaled.get(_INPUT, 0),
        scaled.get(_OUTPUT, 0),
        max((scaled[unit] for unit in taken_in), default=0),
        max((scaled[unit] for unit in given_out), default=0),
        tuple((rate, scaled[rate.unit]) for rate in price.rates if rate.unit not in (*taken_in, *given_out)),
    )


def _raised(before: Ceiling, this: Ceiling) -> Ceiling:
    return Ceiling(
        this.more_than,
        max(before.input, this.input),
        max(before.output, this.output),
        max(before.any_input, this.any_input),
        max(before.any_output, this.any_output),
        tuple(
            (rate, max(low, high))
            for (rate, low), (_rate, high) in zip(before.others, this.others, strict=True)
        ),
    )
