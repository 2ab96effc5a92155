"""One provider of the settings, compiled: its deployments and the names that they are found by."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.settings import CredentialSettings, DeploymentSettings, ProviderSettings, Section
from fastgate.domain.provider_table import KNOWN, KnownProvider
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
from fastgate.routing import catalogue

_AZURE_V1: Final = "/openai/v1"
_AZURE_DEPLOYMENTS: Final = "/openai"
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_CUSTOM: Final = KnownProvider(None, needs_secret=False)

S = TypeVar("S", bound=msgspec.Struct)


def merged(base: S, settings: Section) -> S:
    """`base` with what `settings` gives in place of its own."""
    given = {name: value for name, value in msgspec.structs.asdict(settings).items() if value is not None}
    return msgspec.structs.replace(base, **given)


def suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean `{close[0]}`?" if close else ""


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

    def find(self, model: str) -> list[Deployment]:
        """The deployments that serve the model by name."""
        name = model.lower()
        if ids := self._by_name.get(name):
            return [self.deployments[each] for each in ids]
        for pattern, id_ in self.served.patterns:
            if re.search(pattern, name):
                return [self.deployments[id_]]
        return []

    def add_for_route(self, model: str) -> list[Deployment]:
        """A deployment of its own for a model that the wildcard takes: the configuration names it, so it
        may be a label. Empty where the provider takes listed models only."""
        if self.served.wildcard is None or self._base_url is None:
            return []
        id_ = f"{self.provider.name}/{model}"
        if id_ not in self.deployments:
            self.deployments[id_] = _deployment(self.provider, id_, model, model, self._base_url)
        return [self.deployments[id_]]


def compile_provider(
    name: str, settings: ProviderSettings, environ: Mapping[str, str], problems: list[str]
) -> ProviderParts:
    """What is wrong goes to `problems`, and something usable stands in for it."""
    return _Compiler(name, settings, environ, problems).compile()


class _Compiler:
    def __init__(
        self, name: str, settings: ProviderSettings, environ: Mapping[str, str], problems: list[str]
    ) -> None:
        self._name = name
        self._settings = settings
        self._environ = environ
        self._problems = problems
        self._known = KNOWN.get(name, _CUSTOM)

    def compile(self) -> ProviderParts:
        self._check_known()
        provider = self._provider()
        template = self._template(provider.azure_deployments)
        if template is None and self._name in KNOWN and not self._every_deployment_has_url():
            self._problem(".base_url", "is required")
        deployments: dict[str, Deployment] = {}
        names: dict[str, tuple[str, ...]] = {}
        self._add_configured(provider, template, deployments, names)
        base_url = self._provider_url(template, deployments)
        patterns: list[tuple[str, str]] = []
        wildcard = None
        if base_url is not None:
            self._add_models(provider, base_url, deployments, names)
            self._add_catalogue(provider, base_url, deployments, names, patterns)
            if self._takes_any():
                wildcard = f"{self._name}/*"
                deployments[wildcard] = _deployment(provider, wildcard, "*", None, base_url)
        self._check_spelling(names)
        served = Served(names=names, patterns=tuple(patterns), wildcard=wildcard)
        return ProviderParts(provider, deployments, served, base_url)

    def _problem(self, path: str, message: str) -> None:
        self._problems.append(f"providers.{self._name}{path}: {message}")

    def _check_known(self) -> None:
        if self._name in KNOWN:
            return
        missing = [key for key in ("dialect", "base_url") if getattr(self._settings, key) is None]
        if missing and not (missing == ["base_url"] and self._every_deployment_has_url()):
            words = " and ".join(f"`{key}`" for key in missing)
            hint = suggestion(self._name, KNOWN)
            self._problem("", f"is not a known provider, so it has to say {words}{hint}")

    def _every_deployment_has_url(self) -> bool:
        deployments = self._settings.deployments
        return bool(deployments) and all(each.base_url for each in deployments)

    # --- the provider itself ---------------------------------------------------------------------

    def _provider(self) -> Provider:
        settings, known = self._settings, self._known
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
            azure_deployments=self._azure_deployments(),
            stream_usage=known.stream_usage if settings.stream_usage is None else settings.stream_usage,
            endpoints=self._known.endpoints if settings.endpoints is None else tuple(settings.endpoints),
            credentials=self._credentials(),
            timeouts=merged(Timeouts(), settings.timeouts),
            retries=merged(Retries(), settings.retries),
            breaker=merged(Breaker(), settings.breaker),
            network=merged(Network(), settings.network),
        )

    def _azure_deployments(self) -> bool:
        style = self._settings.url_style
        if style is None:
            return self._known.account_names and self._settings.api_version is not None
        if style == "deployments" and self._settings.api_version is None:
            self._problem(".api_version", "is required with `url_style: deployments`")
        return style == "deployments"

    def _credentials(self) -> tuple[Credential, ...]:
        given = self._settings.credentials
        if not given and self._known.needs_secret:
            variable = f", or set {self._known.env[0]}" if self._known.env else ""
            self._problem(".credentials", f"there is none: add one{variable}")
        credentials: list[Credential] = []
        for index, settings in enumerate(given):
            credential = self._credential(settings, index)
            if any(each.id == credential.id for each in credentials):
                self._problem(f".credentials.{index}.id", f"`{credential.id}` is there twice")
            credentials.append(credential)
        return tuple(credentials)

    def _credential(self, settings: CredentialSettings, index: int) -> Credential:
        ref = secret_ref(settings.secret)
        fingerprint = ""
        if ref is not None:
            try:
                resolve_secret(ref, self._environ)
                fingerprint = _fingerprint(ref)
            except ConfigError as error:
                self._problem(f".credentials.{index}.secret", str(error))
        return Credential(
            id=settings.id or f"credential-{index + 1}",
            secret=ref,
            fingerprint=fingerprint,
            weight=settings.weight,
            models=None if settings.models is None else tuple(settings.models),
        )

    # --- URLs --------------------------------------------------------------------------------------

    def _template(self, azure_deployments: bool) -> str | None:
        """The provider's URL, with its placeholders."""
        given = self._settings.base_url
        if not self._known.account_names and self._settings.url_style is None:
            return given or self._known.base_url
        url = given or self._known.base_url
        return None if url is None else _azure_url(url, azure_deployments)

    def _url(self, template: str | None, path: str, region: str | None) -> str:
        values = {"resource": self._settings.resource, "host": self._settings.host, "region": region}
        url = (template or "").rstrip("/")
        for field in dict.fromkeys(_PLACEHOLDER.findall(url)):
            value = values.get(field)
            if value is None:
                self._problem(path, f"its URL {url} needs `{field}`, or a `base_url` of its own")
                return "http://missing.invalid"
            url = url.replace(f"{{{field}}}", value.removeprefix("https://").rstrip("/"))
        if url:
            self._check_url(url, path)
        return url

    def _check_url(self, url: str, path: str) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            self._problem(path, f"`{url}` is not a URL")
            return
        if not usable:
            self._problem(path, f"`{url}` is not an http:// or https:// URL")
        elif parts.query or parts.fragment or "@" in parts.netloc:
            self._problem(path, "the URL must have no user, query or fragment")

    def _provider_url(self, template: str | None, deployments: dict[str, Deployment]) -> str | None:
        """None where only the deployments have URLs: by their region, or of their own."""
        if template is None:
            return None
        if deployments and "{region}" in template:
            return None
        if deployments and "{resource}" in template and self._settings.resource is None:
            return None
        return self._url(template, ".base_url", None)

    # --- what it serves ------------------------------------------------------------------------------

    def _add_configured(
        self,
        provider: Provider,
        template: str | None,
        deployments: dict[str, Deployment],
        names: dict[str, tuple[str, ...]],
    ) -> None:
        for index, settings in enumerate(self._settings.deployments):
            path = f".deployments.{index}"
            id_ = "/".join(filter(None, (self._name, settings.region, settings.model)))
            if id_ in deployments:
                self._problem(path, f"`{id_}` is there twice: give each a `region`")
                continue
            deployments[id_] = _deployment(
                provider,
                id_,
                settings.model,
                settings.upstream_model or settings.model,
                self._deployment_url(provider, template, settings, path),
                region=settings.region,
                credentials=self._deployment_credentials(provider, settings, path),
            )
            names[settings.model] = (*names.get(settings.model, ()), id_)

    def _deployment_url(
        self, provider: Provider, template: str | None, settings: DeploymentSettings, path: str
    ) -> str:
        own = settings.base_url
        if own is not None and (self._known.account_names or self._settings.url_style is not None):
            own = _azure_url(own, provider.azure_deployments)
        if own is None and template is None:
            self._problem(path, "needs a `base_url`, here or at the provider")
        return self._url(own or template, f"{path}.base_url", settings.region)

    def _deployment_credentials(
        self, provider: Provider, settings: DeploymentSettings, path: str
    ) -> tuple[str, ...] | None:
        if settings.credentials is None:
            return None
        known = [credential.id for credential in provider.credentials]
        for id_ in settings.credentials:
            if id_ not in known:
                self._problem(
                    f"{path}.credentials", f"there is no credential `{id_}`{suggestion(id_, known)}"
                )
        return tuple(settings.credentials)

    def _add_models(
        self,
        provider: Provider,
        base_url: str,
        deployments: dict[str, Deployment],
        names: dict[str, tuple[str, ...]],
    ) -> None:
        for index, model in enumerate(self._settings.models or ()):
            if "*" in model:
                self._problem(f".models.{index}", f"`{model}` is no model's name; see `any_model`")
            elif model in names:
                self._problem(f".models.{index}", f"`{model}` is there twice")
            else:
                id_ = f"{self._name}/{model}"
                deployments[id_] = _deployment(provider, id_, model, model, base_url)
                names[model] = (id_,)

    def _add_catalogue(
        self,
        provider: Provider,
        base_url: str,
        deployments: dict[str, Deployment],
        names: dict[str, tuple[str, ...]],
        patterns: list[tuple[str, str]],
    ) -> None:
        """What the catalogue lists, but for models that `deployments:` says where to find."""
        known = self._known
        if self._settings.models is not None or known.catalogue is None or known.account_names:
            return
        configured = {name.lower() for name in names}
        for model in catalogue.models(known.catalogue, known.unlisted):
            if model.id.lower() in configured:
                continue
            id_ = f"{self._name}/{model.id}"
            deployments[id_] = _deployment(provider, id_, model.id, None, base_url)
            names.update((name, (id_,)) for name in model.names if name.lower() not in configured)
            if model.pattern is not None:
                patterns.append((model.pattern, id_))

    def _takes_any(self) -> bool:
        """Names that no list has are taken as `provider/name`, unless the configuration lists them all."""
        given = self._settings.any_model
        return self._settings.models is None if given is None else given

    def _check_spelling(self, names: dict[str, tuple[str, ...]]) -> None:
        listed = [each.model for each in self._settings.deployments] + (self._settings.models or [])
        spelt: dict[str, str] = {}
        for name in (each for each in listed if each in names):
            if spelt.setdefault(name.lower(), name) != name:
                self._problem("", f"`{name}` and `{spelt[name.lower()]}` differ only in case")


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


def _fingerprint(ref: SecretRef) -> str:
    """Of where the secret stands, and of when the file that has it changed."""
    changed = ""
    if ref.template.startswith("file:"):
        try:
            status = os.stat(ref.template.removeprefix("file:"))
        except OSError as error:
            raise ConfigError(f"the secret at {ref.template} cannot be read: {error.strerror}") from error
        changed = f"{status.st_mtime_ns}/{status.st_size}/{status.st_ino}"
    return hashlib.sha256(f"{ref.template}#{ref.part}@{changed}".encode()).hexdigest()[:16]


def _azure_url(url: str, deployments_style: bool) -> str:
    """The resource's URL with the path of its style, whatever of that path it was given with."""
    root = url.rstrip("/").removesuffix(_AZURE_V1).removesuffix(_AZURE_DEPLOYMENTS)
    return root + (_AZURE_DEPLOYMENTS if deployments_style else _AZURE_V1)
