"""What `fastgate prices show` tells."""

from collections.abc import Iterator, Mapping

import msgspec

from fastgate.config.settings import Settings
from fastgate.domain.model_ref import ModelRef
from fastgate.pricing.book import PriceList, Prices
from fastgate.pricing.catalogue import Catalogue
from fastgate.pricing.compile import compile_prices
from fastgate.pricing.listing import Target, prices_of
from fastgate.pricing.wording import texts
from fastgate.routing.compile import compile_snapshot
from fastgate.routing.resolver import Resolver


class PriceReport(msgspec.Struct, frozen=True):
    """`usd` is by unit, in words; `tier` is "" for the standard one; `price` is the id in ledger entries."""

    deployment: str
    tier: str
    usd: dict[str, str]
    price: str
    source: str


def collect(
    settings: Settings,
    catalogue: Catalogue,
    model: ModelRef,
    *,
    time_ns: int,
    environ: Mapping[str, str],
) -> list[PriceReport]:
    """At each deployment that the name may lead to; for a provider that is not configured, what the catalogue
    says. Empty: no price."""
    if model.provider is not None and model.provider not in settings.providers:
        return list(_of_catalogue(catalogue, model, time_ns))
    snapshot = compile_snapshot(settings, generation=0, environ=environ)
    prices = Prices(compile_prices(settings, snapshot.deployments, catalogue))
    targets = {
        target.deployment: target.model
        for group in Resolver(snapshot).resolve(model)
        for target in group.targets
    }
    found: list[PriceReport] = []
    for id_, name in targets.items():
        price_list = prices.of(id_, snapshot.deployments[id_].provider, name)
        if price_list is not None:
            found += _reports(id_, price_list, time_ns)
    return found


def _of_catalogue(catalogue: Catalogue, model: ModelRef, time_ns: int) -> Iterator[PriceReport]:
    base = catalogue.find_like(str(model))
    if base is not None:
        target = Target(str(model.provider), model.model, None, (), base)
        yield from _reports(str(model), PriceList(prices_of(target, (), catalogue)), time_ns)


def _reports(deployment: str, prices: PriceList, time_ns: int) -> Iterator[PriceReport]:
    for tariff in prices.possible(time_ns):
        price = tariff.price
        yield PriceReport(deployment, price.tier, texts(price), price.id, price.source)
