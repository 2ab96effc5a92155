"""Models of genai-prices by vendor and name, from the installed package or from an update.

Never imported in a worker.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

from genai_prices.data import providers as installed_providers
from genai_prices.types import ModelInfo, Provider

from fastgate.config.catalogue import expression
from fastgate.domain.provider_table import KNOWN


class Found(NamedTuple):
    """`own` is False for a model that the vendor resells: it has no tiers there."""

    vendor: str
    model: ModelInfo
    own: bool


class Catalogue:
    """`label` says for people which data it is."""

    def __init__(self, providers: Sequence[Provider], label: str) -> None:
        self.label = label
        self.providers = list(providers)
        self._by_id = {provider.id: provider for provider in providers}
        self._models = {
            provider.id: {model.id: model for model in reversed(provider.models)} for provider in providers
        }

    def model(self, vendor: str, id_: str) -> Found | None:
        """The model that the catalogue itself calls so."""
        model = self._models.get(vendor, {}).get(id_)
        return None if model is None else Found(vendor, model, own=True)

    def find(self, vendor: str, name: str) -> Found | None:
        """The model that a call by this name is billed as."""
        provider = self._by_id.get(vendor)
        model = None if provider is None else provider.find_model(name, all_providers=self.providers)
        if provider is None or model is None:
            return None
        return Found(vendor, model, own=any(model is each for each in provider.models))

    def find_like(self, reference: str) -> Found | None:
        """Of `provider/model`, where the provider is called as here or as in genai-prices."""
        name, _, model = reference.partition("/")
        known = KNOWN.get(name)
        return self.find((known.catalogue if known is not None else None) or name, model)

    def expressions(self, vendor: str) -> list[tuple[str, Found]]:
        """Regular expressions, searched in a lower-case name, in order; they find the same as `find`, but for
        dates that are written without hyphens."""
        provider = self._by_id.get(vendor)
        if provider is None:
            return []
        resold = [self._by_id[id_] for id_ in provider.fallback_model_providers or () if id_ in self._by_id]
        return [
            (expression(model.match), Found(vendor, model, own=each is provider))
            for each in (provider, *resold)
            for model in each.models
        ]


def installed() -> Catalogue:
    """The data that came with the package."""
    return Catalogue(installed_providers, f"genai-prices {version('genai-prices')}")
