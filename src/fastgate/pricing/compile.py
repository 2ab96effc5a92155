"""From the catalogue and the configuration to the tables that workers reckon with.

Never imported in a worker.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import translate
from fractions import Fraction
from typing import Final

from fastgate.config.price_settings import AssumeUnpriced
from fastgate.config.provider_view import ProviderView
from fastgate.config.settings import Settings
from fastgate.domain.price import Price, PriceBook, identified
from fastgate.domain.snapshot import Deployment
from fastgate.errors import ConfigError
from fastgate.pricing.catalogue import Catalogue, Found
from fastgate.pricing.listing import Target, prices_of
from fastgate.pricing.overlay import Overlay
from fastgate.pricing.units import UnitPrice, rates

ANY_MODEL: Final = "*"
_MILLION: Final = 1_000_000


def compile_prices(
    settings: Settings, deployments: Mapping[str, Deployment], catalogue: Catalogue
) -> PriceBook:
    """Prices of all deployments, which are by id.

    ConfigError: `like` names nothing, or a price cannot be had in integers.
    """
    return _Compiler(settings, catalogue).compile(deployments.values())


class _Compiler:
    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._overlays = [Overlay(each) for each in settings.prices]
        self._views = {name: ProviderView(name, each) for name, each in settings.providers.items()}
        self._assumed = _assumed(settings)
        self._lists: dict[str, tuple[Price, ...]] = {}

    def compile(self, deployments: Iterable[Deployment]) -> PriceBook:
        by_deployment: dict[str, str] = {}
        patterns: dict[str, tuple[tuple[str, str], ...]] = {}
        for each in deployments:
            if each.model == ANY_MODEL:
                patterns[each.provider] = tuple(self._patterns(each))
            elif key := self._keep(self._prices(self._target(each))):
                by_deployment[each.id] = key
        assumed = self._keep(self._assumed)
        return PriceBook(lists=self._lists, deployments=by_deployment, patterns=patterns, assumed=assumed)

    def _prices(self, target: Target) -> tuple[Price, ...]:
        try:
            prices = prices_of(target, self._overlays, self._catalogue)
        except ValueError as error:
            raise ConfigError(f"prices: {target.provider}/{target.model}: {error}") from error
        # A model may have been without a price for some time.
        return prices + self._assumed if prices else ()

    def _keep(self, prices: tuple[Price, ...]) -> str:
        """The key of the list; "" for none."""
        if not prices:
            return ""
        key = hashlib.sha256("".join(price.id for price in prices).encode()).hexdigest()[:16]
        self._lists[key] = prices
        return key

    # --- what is priced ------------------------------------------------------------------------------

    def _target(self, deployment: Deployment) -> Target:
        base = self._base(deployment)
        names = [deployment.model, deployment.upstream_model, None if base is None else base.model.id]
        return Target(
            deployment.provider,
            deployment.model,
            deployment.region,
            tuple(dict.fromkeys(name for name in names if name)),
            base,
        )

    def _base(self, deployment: Deployment) -> Found | None:
        known = self._views[deployment.provider].known
        vendor, model, upstream = known.catalogue, deployment.model, deployment.upstream_model
        if vendor is None:
            return None
        if upstream is None:
            return self._catalogue.model(vendor, model) or self._catalogue.find(vendor, model)
        # What an account calls its deployments says less than the public name.
        names = (model, upstream) if known.account_names else (upstream, model)
        found = (self._catalogue.find(vendor, name) for name in names)
        return next((each for each in found if each is not None), None)

    def _patterns(self, deployment: Deployment) -> Iterator[tuple[str, str]]:
        """For the names that a client may think of: those that an overlay says outright, what the catalogue
        knows, and then the globs of overlays."""
        provider, region = deployment.provider, deployment.region
        vendor = self._views[provider].known.catalogue
        mine = list(dict.fromkeys(each.model for each in self._overlays if each.provider == provider))
        globs = {each.model for each in self._overlays if each.is_glob}
        for name in mine:
            if name not in globs:
                base = None if vendor is None else self._catalogue.find(vendor, name)
                names = (name,) if base is None else (name, base.model.id)
                if key := self._keep(self._prices(Target(provider, name, region, names, base))):
                    yield _expression(name), key
        for pattern, base in [] if vendor is None else self._catalogue.expressions(vendor):
            target = Target(provider, base.model.id, region, (base.model.id,), base)
            if key := self._keep(self._prices(target)):
                yield pattern, key
        for name in mine:
            if name in globs:
                target = Target(provider, ANY_MODEL, region, (name,), None)
                if key := self._keep(self._prices(target)):
                    yield _expression(name), key


def _expression(glob: str) -> str:
    return rf"\A{translate(glob)}"


def _assumed(settings: Settings) -> tuple[Price, ...]:
    if not isinstance(settings.unpriced, AssumeUnpriced):
        return ()
    assume = settings.unpriced.assume
    amounts = {
        "input_tokens": UnitPrice(Fraction(assume.input_per_mtok_usd) / _MILLION),
        "output_tokens": UnitPrice(Fraction(assume.output_per_mtok_usd) / _MILLION),
    }
    return (identified(Price("", ANY_MODEL, ANY_MODEL, "assumed", rates(amounts, {}))),)
