"""Prices for people: exact decimals in the quantities that price lists use."""

from decimal import Context, Decimal
from typing import Final

from fastgate.domain.price import Price, Rate

_PICO: Final = 10**12
_EXACT: Final = Context(prec=28)
_MILLION: Final = (1_000_000, "1M")
_HOUR: Final = (3_600_000, "1h")
_ONE: Final = (1, "1")


def texts(price: Price) -> dict[str, str]:
    """By unit: `2.5 per 1M, 5 above 200000 input tokens`, in USD."""
    return {rate.unit: _text(rate) for rate in price.rates}


def _text(rate: Rate) -> str:
    count, label = _quantity(rate.unit)
    words = [f"{_usd(rate.pico_usd, rate.per, count)} per {label}"]
    words += [f"{_usd(dearer, rate.per, count)} above {start} input tokens" for start, dearer in rate.tiers]
    if rate.minimum:
        words.append(f"at least {rate.minimum} ms" if label == "1h" else f"at least {rate.minimum}")
    return ", ".join(words)


def _quantity(unit: str) -> tuple[int, str]:
    if unit.endswith(("_tokens", "_characters")):
        return _MILLION
    return _HOUR if unit.endswith("_ms") else _ONE


def _usd(pico_usd: int, per: int, count: int) -> str:
    amount = _EXACT.divide(Decimal(pico_usd * count), Decimal(per * _PICO))
    return f"{amount.normalize(_EXACT):f}"
