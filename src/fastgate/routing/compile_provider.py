"""One provider of the settings, compiled: its deployments and the names that they are found by."""

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from fastgate.config.provider_settings import CredentialSettings, ProviderSettings
from fastgate.config.provider_view import ProviderView
from fastgate.config.section import Section
from fastgate.domain.endpoint import reachable
from fastgate.domain.snapshot import (
    Breaker,
    Credential,
    Deployment,
    Network,
    Provider,
    Retries,
    Served,
    Timeouts,
)
from fastgate.errors import ConfigError
from fastgate.routing.compile_credential import compile_credential

S = TypeVar("S", bound=msgspec.Struct)


def merged(base: S, settings: Section) -> S:
    """`base` with what `settings` gives in place of its own."""
    given = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    return msgspec.structs.replace(base, **given)


class ProviderParts:
    """A provider with what belongs to it. Routes may add deployments for models that no list has."""

    def __init__(
        self,
        provider: Provider,
        deployments: dict[str, Deployment],
        served: Served,
        default: Deployment | None,
    ) -> None:
        """`default` is the deployment of models that have none of their own; None where there is no such."""
        self.provider = provider
        self.deployments = deployments
        self.served = served
        self._default = default
        self._by_name = {name.lower(): ids for name, ids in served.names.items()}

    def for_route(self, model: str) -> list[Deployment]:
        """The deployments that serve the model. A name that the wildcard takes gets one of its own: the
        configuration names it, so it may be a label."""
        name = model.lower()
        if ids := self._by_name.get(name):
            return [self.deployments[each] for each in ids]
        for pattern, id_ in self.served.patterns:
            if re.search(pattern, name):
                return [self.deployments[id_]]
        assert self._default is not None, "`config.references` finds what is not served"
        id_ = f"{self.provider.name}/{model}"
        if id_ not in self.deployments:
            self.deployments[id_] = _named(self._default, id_, model, model)
        return [self.deployments[id_]]


def compile_provider(name: str, settings: ProviderSettings, environ: Mapping[str, str]) -> ProviderParts:
    """Of settings that `config.load` has checked. ConfigError: a secret cannot be read any more."""
    return _Compiler(name, settings, environ).compile()


class _Compiler:
    def __init__(self, name: str, settings: ProviderSettings, environ: Mapping[str, str]) -> None:
        self._name = name
        self._settings = settings
        self._environ = environ
        self._view = ProviderView(name, settings)
        self._deployments: dict[str, Deployment] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._patterns: list[tuple[str, str]] = []

    def compile(self) -> ProviderParts:
        provider = self._provider()
        default = self._default(provider)
        self._add_configured(provider)
        wildcard = None
        if default is not None:
            self._add_models(default)
            self._add_catalogue(default)
            if self._view.takes_any:
                wildcard = default.id
                self._deployments[wildcard] = default
        served = Served(names=self._names, patterns=tuple(self._patterns), wildcard=wildcard)
        return ProviderParts(provider, self._deployments, served, default)

    def _provider(self) -> Provider:
        settings, known = self._settings, self._view.known
        header, prefix = self._view.auth
        given = settings.endpoints
        endpoints = known.endpoints if given is None else tuple(given)
        return Provider(
            name=self._name,
            dialect=known.dialect,
            auth_header=header,
            auth_prefix=prefix,
            headers=tuple((name.lower(), value) for name, value in settings.headers.items()),
            query=""
            if settings.api_version is None
            else f"api-version={quote(settings.api_version, safe='')}",
            azure_deployments=self._view.azure_deployments,
            stream_usage=known.stream_usage if settings.stream_usage is None else settings.stream_usage,
            output_cap=known.output_cap,
            endpoints=endpoints,
            serves=reachable(endpoints, known.formats if given is None else ()),
            credentials=tuple(
                self._credential(index, each) for index, each in enumerate(self._view.credentials)
            ),
            timeouts=merged(Timeouts(), settings.timeouts),
            retries=merged(Retries(), settings.retries),
            breaker=merged(Breaker(), settings.breaker),
            network=merged(Network(), settings.network),
        )

    def _credential(self, index: int, settings: CredentialSettings) -> Credential:
        try:
            return compile_credential(index, settings, self._view.home_region, self._environ)
        except ConfigError as error:
            raise ConfigError(f"providers.{self._name}.credentials[{index}].secret: {error}") from error

    # --- what it serves ------------------------------------------------------------------------------

    def _default(self, provider: Provider) -> Deployment | None:
        """The deployment for any name, at the provider's own URL."""
        base_url = self._view.url()
        if base_url is None:
            return None
        return Deployment(
            id=f"{self._name}/*",
            provider=self._name,
            model="*",
            upstream_model=None,
            base_url=base_url,
            region=self._view.region,
            credentials=_ids(provider),
        )

    def _add_configured(self, provider: Provider) -> None:
        for settings in self._settings.deployments:
            id_ = "/".join(filter(None, (self._name, settings.region, settings.model)))
            self._deployments[id_] = Deployment(
                id=id_,
                provider=self._name,
                model=settings.model,
                upstream_model=settings.upstream_model or settings.model,
                base_url=self._view.deployment_url(settings),
                region=self._view.region_of(settings),
                credentials=_ids(provider) if settings.credentials is None else tuple(settings.credentials),
            )
            self._names[settings.model] = (*self._names.get(settings.model, ()), id_)

    def _add_models(self, default: Deployment) -> None:
        for model in self._settings.models or ():
            id_ = f"{self._name}/{model}"
            self._deployments[id_] = _named(default, id_, model, model)
            self._names[model] = (id_,)

    def _add_catalogue(self, default: Deployment) -> None:
        configured = {name.lower() for name in self._names}
        for model in self._view.catalogue_models():
            id_ = f"{self._name}/{model.id}"
            self._deployments[id_] = _named(default, id_, model.id, None, deprecated=model.deprecated)
            self._names.update((name, (id_,)) for name in model.names if name.lower() not in configured)
            if model.pattern is not None:
                self._patterns.append((model.pattern, id_))


def _named(
    default: Deployment, id_: str, model: str, upstream_model: str | None, *, deprecated: bool = False
) -> Deployment:
    return msgspec.structs.replace(
        default, id=id_, model=model, upstream_model=upstream_model, deprecated=deprecated
    )


def _ids(provider: Provider) -> tuple[str, ...]:
    return tuple(each.id for each in provider.credentials)
