"""What all sections of the settings are made of."""

from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

Usd = Decimal  # exact from the YAML text on; money is never a float
DAY_S: Final = 86_400  # an upper bound that no timer needs, so that nanoseconds of any fit 64 bits
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all settings: immutable, and a typo is an error."""
