"""One provider of the settings, compiled: its deployments and the names that they are found by."""

import hashlib
import os
import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.provider_settings import CredentialSettings, ProviderSettings
from fastgate.config.provider_view import ProviderView
from fastgate.config.section import Section
from fastgate.domain.snapshot import (
    Breaker,
    Credential,
    Deployment,
    Network,
    Provider,
    Retries,
    SecretRef,
    Served,
    Timeouts,
)
from fastgate.errors import ConfigError

S = TypeVar("S", bound=msgspec.Struct)


def merged(base: S, settings: Section) -> S:
    """`base` with what `settings` gives in place of its own."""
    given = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    return msgspec.structs.replace(base, **given)


class ProviderParts:
    """A provider with what belongs to it. Routes may add deployments for models that no list has."""

    def __init__(
        self, provider: Provider, deployments: dict[str, Deployment], served: Served, base_url: str | None
    ) -> None:
        self.provider = provider
        self.deployments = deployments
        self.served = served
        self._base_url = base_url
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
        assert self._base_url is not None, "`config.references` finds what is not served"
        id_ = f"{self.provider.name}/{model}"
        if id_ not in self.deployments:
            self.deployments[id_] = _deployment(self.provider, id_, model, model, self._base_url)
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
        base_url = self._view.url()
        self._add_configured(provider)
        wildcard = None
        if base_url is not None:
            self._add_models(provider, base_url)
            self._add_catalogue(provider, base_url)
            if self._view.takes_any:
                wildcard = f"{self._name}/*"
                self._deployments[wildcard] = _deployment(provider, wildcard, "*", None, base_url)
        served = Served(names=self._names, patterns=tuple(self._patterns), wildcard=wildcard)
        return ProviderParts(provider, self._deployments, served, base_url)

    def _provider(self) -> Provider:
        settings, known = self._settings, self._view.known
        header = settings.auth_header or known.auth_header
        return Provider(
            name=self._name,
            dialect=settings.dialect or "openai",
            auth_header=header.lower(),
            auth_prefix=known.auth_prefix if settings.auth_prefix is None else settings.auth_prefix,
            headers=tuple((name.lower(), value) for name, value in settings.headers.items()),
            query=""
            if settings.api_version is None
            else f"api-version={quote(settings.api_version, safe='')}",
            azure_deployments=self._view.azure_deployments,
            stream_usage=known.stream_usage if settings.stream_usage is None else settings.stream_usage,
            output_cap=known.output_cap,
            endpoints=known.endpoints if settings.endpoints is None else tuple(settings.endpoints),
            credentials=tuple(
                self._credential(index, each) for index, each in enumerate(settings.credentials)
            ),
            timeouts=merged(Timeouts(), settings.timeouts),
            retries=merged(Retries(), settings.retries),
            breaker=merged(Breaker(), settings.breaker),
            network=merged(Network(), settings.network),
        )

    def _credential(self, index: int, settings: CredentialSettings) -> Credential:
        ref = secret_ref(settings.secret)
        try:
            fingerprint = "" if ref is None else _fingerprint(ref, self._environ)
        except ConfigError as error:
            raise ConfigError(f"providers.{self._name}.credentials[{index}].secret: {error}") from error
        return Credential(
            id=settings.id or f"credential-{index + 1}",
            secret=ref,
            fingerprint=fingerprint,
            weight=settings.weight,
            models=None if settings.models is None else tuple(settings.models),
        )

    # --- what it serves ------------------------------------------------------------------------------

    def _add_configured(self, provider: Provider) -> None:
        for settings in self._settings.deployments:
            id_ = "/".join(filter(None, (self._name, settings.region, settings.model)))
            self._deployments[id_] = _deployment(
                provider,
                id_,
                settings.model,
                settings.upstream_model or settings.model,
                self._view.deployment_url(settings),
                region=settings.region,
                credentials=None if settings.credentials is None else tuple(settings.credentials),
            )
            self._names[settings.model] = (*self._names.get(settings.model, ()), id_)

    def _add_models(self, provider: Provider, base_url: str) -> None:
        for model in self._settings.models or ():
            id_ = f"{self._name}/{model}"
            self._deployments[id_] = _deployment(provider, id_, model, model, base_url)
            self._names[model] = (id_,)

    def _add_catalogue(self, provider: Provider, base_url: str) -> None:
        configured = {name.lower() for name in self._names}
        for model in self._view.catalogue_models():
            id_ = f"{self._name}/{model.id}"
            self._deployments[id_] = _deployment(provider, id_, model.id, None, base_url)
            self._names.update((name, (id_,)) for name in model.names if name.lower() not in configured)
            if model.pattern is not None:
                self._patterns.append((model.pattern, id_))


def _deployment(
    provider: Provider,
    id_: str,
    model: str,
    upstream_model: str | None,
    base_url: str,
    *,
    region: str | None = None,
    credentials: tuple[str, ...] | None = None,
) -> Deployment:
    return Deployment(
        id=id_,
        provider=provider.name,
        model=model,
        upstream_model=upstream_model,
        base_url=base_url,
        region=region,
        credentials=tuple(each.id for each in provider.credentials) if credentials is None else credentials,
    )


def _fingerprint(ref: SecretRef, environ: Mapping[str, str]) -> str:
    """Of where the secret stands, and of when the file that has it changed."""
    resolve_secret(ref, environ)  # a file may have gone since the configuration was checked
    changed = ""
    if ref.template.startswith("file:"):
        try:
            status = os.stat(ref.template.removeprefix("file:"))
        except OSError as error:
            raise ConfigError(f"the secret at {ref.template} cannot be read: {error.strerror}") from error
        changed = f"{status.st_mtime_ns}/{status.st_size}/{status.st_ino}"
    return hashlib.sha256(f"{ref.template}#{ref.part}@{changed}".encode()).hexdigest()[:16]
