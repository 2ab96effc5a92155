"""Amounts of money as text. They are integers of nano-USD everywhere else."""

from typing import Final

NANO: Final = 1_000_000_000
"""Nano-USD in a USD."""
_DECIMALS: Final = 9


def usd(nano: int) -> str:
    """All of it, as a plain decimal with at least two decimals: `0.000123`, `12.50`, `-3.00`."""
    digits = str(abs(nano)).rjust(_DECIMALS + 1, "0")
    whole, decimals = digits[:-_DECIMALS], digits[-_DECIMALS:].rstrip("0").ljust(2, "0")
    return f"-{whole}.{decimals}" if nano < 0 else f"{whole}.{decimals}"
