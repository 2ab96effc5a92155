"""What the settings of a provider mean together with the table: its URLs, and which models it serves.

The one place of these rules: `config.provider_check` finds with it what is wrong, and
`routing.compile_provider` makes deployments of it. Never imported in a worker.
"""

import re
from typing import TYPE_CHECKING, Final

from fastgate.config.provider_settings import DeploymentSettings, ProviderSettings
from fastgate.domain.provider_table import KNOWN, KnownProvider
from fastgate.domain.url import base_url

if TYPE_CHECKING:
    from fastgate.config.catalogue import CatalogueModel

_CUSTOM: Final = KnownProvider(None, needs_secret=False)
_AZURE_V1: Final = "/openai/v1"
_AZURE_DEPLOYMENTS: Final = "/openai"
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


class ProviderView:
    def __init__(self, name: str, settings: ProviderSettings) -> None:
        self.name = name
        self.settings = settings
        self.known = KNOWN.get(name, _CUSTOM)
        self._azure = self.known.account_names or settings.url_style is not None
        self._by_name: dict[str, list[str | None]] = {}
        for deployment in settings.deployments:
            self._by_name.setdefault(deployment.model.lower(), []).append(deployment.region)

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
        template = self._template(self.settings.base_url or self.known.base_url)
        if template is None:
            return None
        if self.settings.deployments and (
            "{region}" in template or ("{resource}" in template and self.settings.resource is None)
        ):
            return None
        return self._filled(template, None)

    def deployment_url(self, deployment: DeploymentSettings) -> str:
        """ValueError, whose message repeats nothing of it."""
        template = self._template(deployment.base_url or self.settings.base_url or self.known.base_url)
        if template is None:
            raise ValueError("needs a `base_url`, here or at the provider")
        return self._filled(template, deployment.region)

    def _template(self, url: str | None) -> str | None:
        """With its placeholders, and the path of its style, whatever of that path it was given with."""
        if url is None or not self._azure:
            return url
        root = url.rstrip("/").removesuffix(_AZURE_V1).removesuffix(_AZURE_DEPLOYMENTS)
        return root + (_AZURE_DEPLOYMENTS if self.azure_deployments else _AZURE_V1)

    def _filled(self, template: str, region: str | None) -> str:
        values = {"resource": self.settings.resource, "host": self.settings.host, "region": region}
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

        listed = catalogue.models(known.catalogue, known.unlisted)
        return tuple(model for model in listed if model.id.lower() not in self._by_name)

    def serves(self, model: str) -> bool:
        """Whether a route may name the model here. ValueError as `url`."""
        name = model.lower()
        if name in self._by_name:
            return True
        if self.url() is None:
            return False
        if self.takes_any or name in {each.lower() for each in self.settings.models or ()}:
            return True
        return any(
            name in map(str.lower, each.names) or (each.pattern and re.search(each.pattern, name))
            for each in self.catalogue_models()
        )

    def regions(self, model: str) -> list[str]:
        """Where the model has deployments."""
        return sorted({region for region in self._by_name.get(model.lower(), ()) if region})

    def names(self) -> list[str]:
        """What is served by name, to find out what was meant."""
        listed = [*(each.model for each in self.settings.deployments), *(self.settings.models or ())]
        return [*listed, *(name for each in self.catalogue_models() for name in each.names)]
