"""Which schema of the ledger this version reads and writes; the steps that lead there are in `migrations`."""

from typing import Final

HEAD: Final = "r0001"
"""The last of `migrations`."""
OLDER: Final[frozenset[str]] = frozenset()
"""Those before it."""
