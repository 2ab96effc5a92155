"""What two sets of prices say differently. Never imported in a worker."""

from collections.abc import Iterator

import msgspec

from fastgate.domain.price import Price
from fastgate.pricing.book import PriceList
from fastgate.pricing.catalogue import Catalogue, Found
from fastgate.pricing.listing import Target, prices_of
from fastgate.pricing.wording import texts


class Change(msgspec.Struct, frozen=True):
    """`before` and `after` are prices in USD in words, "" for none. `unit` is "" where the prices of this
    moment are the same, and those of another are not."""

    provider: str
    model: str
    tier: str
    unit: str
    before: str
    after: str


def changes(before: Catalogue, after: Catalogue, time_ns: int) -> list[Change]:
    """By vendor and model, in the order of the newer data and then of what it has no more."""
    old, new = _models(before), _models(after)
    return [
        change
        for key in dict.fromkeys((*new, *old))
        if old.get(key) != new.get(key)
        for change in _changes(key, old.get(key, ()), new.get(key, ()), time_ns)
    ]


def _models(catalogue: Catalogue) -> dict[tuple[str, str], tuple[Price, ...]]:
    return {
        (vendor.id, model.id): prices_of(
            Target(vendor.id, model.id, None, (), Found(vendor.id, model, own=True)), (), catalogue
        )
        for vendor in catalogue.providers
        for model in vendor.models
    }


def _changes(
    key: tuple[str, str], before: tuple[Price, ...], after: tuple[Price, ...], time_ns: int
) -> Iterator[Change]:
    lists = PriceList(before), PriceList(after)
    tiers = dict.fromkeys(price.tier for price in (*after, *before))
    found = False
    for tier in tiers:
        tariffs = [each.at(time_ns, tier) for each in lists]
        old, new = ({} if tariff is None else texts(tariff.price) for tariff in tariffs)
        for unit in dict.fromkeys((*new, *old)):
            if old.get(unit) != new.get(unit):
                found = True
                yield Change(*key, tier, unit, old.get(unit, ""), new.get(unit, ""))
    if not found:
        yield Change(*key, "", "", "", "")
