"""What the settings of a provider mean together with the table: its URLs, and which models it serves.

The one place of these rules: `config.provider_check` finds with it what is wrong, and
`routing.compile_provider` makes deployments of it. Never imported in a worker.
"""

import re
from typing import TYPE_CHECKING, Final

from fastgate.config import identity_view
from fastgate.config.provider_settings import CredentialSettings, DeploymentSettings, ProviderSettings
from fastgate.domain.provider_table import known_provider
from fastgate.domain.url import base_url

if TYPE_CHECKING:
    from fastgate.config.catalogue import CatalogueModel

_AZURE_V1: Final = "/openai/v1"
_AZURE_DEPLOYMENTS: Final = "/openai"
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


class ProviderView:
    def __init__(self, name: str, settings: ProviderSettings) -> None:
        self.name = name
        self.settings = settings
        self.known = known_provider(name, settings.dialect, own_url=settings.base_url is not None)
        self._azure = self.known.account_names or settings.url_style is not None
        self._by_name: dict[str, list[str | None]] = {}
        for deployment in settings.deployments:
            self._by_name.setdefault(deployment.model.lower(), []).append(self.region_of(deployment))

    # --- credentials ---------------------------------------------------------------------------------

    @property
    def credentials(self) -> list[CredentialSettings]:
        """A cloud's machines have a login, so that none need be said there."""
        given, kind = self.settings.credentials, self.known.identity
        if given or kind is None or not self.known.ambient:
            return given
        return [identity_view.of_surroundings(kind)]

    @property
    def auth(self) -> tuple[str, str]:
        """The header that carries the secret, in lower case, and what stands before it. A token of Entra is
        not presented as an API key is."""
        settings, known = self.settings, self.known
        header, prefix = known.auth_header, known.auth_prefix
        if any(each.azure is not None for each in settings.credentials):
            header, prefix = "authorization", "Bearer "
        return (
            (settings.auth_header or header).lower(),
            prefix if settings.auth_prefix is None else settings.auth_prefix,
        )

    # --- URLs ----------------------------------------------------------------------------------------

    @property
    def azure_deployments(self) -> bool:
        """Whether the path of a call names the deployment."""
        style = self.settings.url_style
        if style is None:
            return self.known.account_names and self.settings.api_version is not None
        return style == "deployments"

    @property
    def has_url(self) -> bool:
        """Whether there is a URL for everything that it serves."""
        deployments = self.settings.deployments
        given = self.settings.base_url or self.known.base_url
        return given is not None or (bool(deployments) and all(each.base_url for each in deployments))

    def url(self) -> str | None:
        """The provider's own; None where only its deployments have one: by their region, or of their own.

        ValueError, whose message repeats nothing of it.
        """
        template = self._template(self.settings.base_url, self.region)
        if template is None:
            return None
        if self.settings.deployments and (
            ("{region}" in template and self.region is None)
            or ("{resource}" in template and self.settings.resource is None)
        ):
            return None
        return self._filled(template, self.region)

    def deployment_url(self, deployment: DeploymentSettings) -> str:
        """ValueError, whose message repeats nothing of it."""
        region = self.region_of(deployment)
        template = self._template(deployment.base_url or self.settings.base_url, region)
        if template is None:
            raise ValueError("needs a `base_url`, here or at the provider")
        return self._filled(template, region)

    @property
    def region(self) -> str | None:
        """Where its models are, but for deployments that say their own."""
        return self.settings.region or self.known.region

    @property
    def home_region(self) -> str | None:
        """Where its logins are asked: the provider's region, or the first that a deployment says."""
        return next(filter(None, (self.region, *(each.region for each in self.settings.deployments))), None)

    def region_of(self, deployment: DeploymentSettings) -> str | None:
        return deployment.region or self.region

    def _template(self, given: str | None, region: str | None) -> str | None:
        """With its placeholders, and the path of its style, whatever of that path it was given with."""
        url = given or dict(self.known.region_urls).get(region or "", self.known.base_url)
        if url is None or not self._azure:
            return url
        root = url.rstrip("/").removesuffix(_AZURE_V1).removesuffix(_AZURE_DEPLOYMENTS)
        return root + (_AZURE_DEPLOYMENTS if self.azure_deployments else _AZURE_V1)

    def _filled(self, template: str, region: str | None) -> str:
        values = {
            "resource": self.settings.resource,
            "host": self.settings.host,
            "project": self.settings.project,
            "region": region,
        }
        url = template
        for field in dict.fromkeys(_PLACEHOLDER.findall(template)):
            value = values.get(field)
            if value is None:
                raise ValueError(
                    f"`{{{field}}}` in the URL needs a `{field}`; or give a `base_url` without it"
                )
            url = url.replace(f"{{{field}}}", value.removeprefix("https://").rstrip("/"))
        return str(base_url(url))

    # --- models --------------------------------------------------------------------------------------

    @property
    def takes_any(self) -> bool:
        """Names that no list has are taken as `provider/name`, unless the configuration lists them all."""
        given = self.settings.any_model
        return self.settings.models is None if given is None else given

    def catalogue_models(self) -> "tuple[CatalogueModel, ...]":
        """What the catalogue lists, but for models that `deployments:` says where to find.

        Names of the others may still be among those: a deployment's name wins.
        """
        known = self.known
        if self.settings.models is not None or known.catalogue is None or known.account_names:
            return ()
        from fastgate.config import catalogue  # tens of megabytes, for the configurations that need it

        listed = catalogue.models(known.catalogue, known.unlisted, known.names)
        return tuple(model for model in listed if model.id.lower() not in self._by_name)

    def serves(self, model: str) -> bool:
        """Whether a route may name the model here. ValueError as `url`."""
        if self.takes_any and self.url() is not None:
            return True
        return self.lists(model)

    def lists(self, model: str) -> bool:
        """Whether it serves the model by its plain name. ValueError as `url`."""
        name = model.lower()
        if name in self._by_name:
            return True
        if self.url() is None:
            return False
        if name in {each.lower() for each in self.settings.models or ()}:
            return True
        return any(
            name in map(str.lower, each.names) or (each.pattern and re.search(each.pattern, name))
            for each in self.catalogue_models()
        )

    def regions(self, model: str) -> list[str]:
        """Where the model is served."""
        if (name := model.lower()) in self._by_name:
            return sorted({region for region in self._by_name[name] if region})
        return [self.region] if self.region is not None and self.serves(model) else []

    def names(self) -> list[str]:
        """What is served by name, to find out what was meant."""
        listed = [*(each.model for each in self.settings.deployments), *(self.settings.models or ())]
        return [*listed, *(name for each in self.catalogue_models() for name in each.names)]
