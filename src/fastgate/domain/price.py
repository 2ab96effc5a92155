"""Prices as the data plane uses them: flat tables of integers, compiled by the control process."""

import hashlib
from typing import Final

import msgspec

_ID_BYTES: Final = 8


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """`per` units cost `pico_usd`; `per` is 1 unless a single unit has no price in whole pico-USD.

    `unit` is a field of Usage, a name in its `other`, or `requests`, of which an attempt is one. `tiers` are
    (more than so many input tokens, pico-USD), ascending: the last that applies reprices all units of the
    attempt. `parts` are the units with a rate of their own that are counted in this one too; their rate is
    what they are billed at. Of a unit that is used at all, at least `minimum` are billed.
    """

    unit: str
    pico_usd: int
    per: int = 1
    tiers: tuple[tuple[int, int], ...] = ()
    parts: tuple[str, ...] = ()
    minimum: int = 0


class Price(msgspec.Struct, frozen=True, array_like=True):
    """What (provider, model) costs from one moment to the next. A rate stands after its parts.

    `id` is a hash of all the rest (`identified`), so that a ledger entry that names it names these rates.
    `source` says for people where it comes from. `tier` is the service tier, "" for the standard one.
    `from_ns` 0: since ever; `until_ns` 0: for ever. `daily` is a [from, until) in seconds of the UTC day
    that it is limited to. `context` is the most input tokens that the model takes, 0 if nobody knows.
    """

    id: str
    provider: str
    model: str
    source: str
    rates: tuple[Rate, ...]
    tier: str = ""
    from_ns: int = 0
    until_ns: int = 0
    daily: tuple[int, int] | None = None
    context: int = 0


class PriceBook(msgspec.Struct, frozen=True, array_like=True):
    """All prices of a configuration: `lists` are the prices of one model, the first that applies wins.

    `deployments` is the key in `lists` by id of the deployment. `patterns` is for deployments that take any
    model: by provider, (regular expression, searched in the lower-case name that is sent upstream; key of
    `lists`), in order. `assumed` is the key for a model without a price, "" where there is none.
    """

    lists: dict[str, tuple[Price, ...]] = {}
    deployments: dict[str, str] = {}
    patterns: dict[str, tuple[tuple[str, str], ...]] = {}
    assumed: str = ""


def identified(price: Price) -> Price:
    """The price with the id that belongs to it."""
    bare = msgspec.structs.replace(price, id="")
    digest = hashlib.sha256(msgspec.msgpack.encode(bare)).digest()
    return msgspec.structs.replace(price, id=digest[:_ID_BYTES].hex())
