"""Amounts of money as text. They are integers of nano-USD everywhere else."""

from typing import Final

NANO: Final = 1_000_000_000
"""Nano-USD in a USD."""


def usd(nano: int) -> str:
    """All of it, as a plain decimal with at least two decimals: `0.000123`, `12.50`, `-3.00`."""
    whole, rest = divmod(abs(nano), NANO)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' * (nano < 0)}{whole}.{decimals}"
