"""What refers to what: ids that are unique, names that exist. Needs nothing but the settings."""

from collections.abc import Iterable
from typing import Final

from fastgate.config.diagnostics import Report, SettingPath, did_you_mean
from fastgate.config.settings import GroupSettings, ProviderSettings, RouteSettings, Settings
from fastgate.config.tree import Node
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER

AUTO: Final = "auto"
_GLOB: Final = frozenset("*?[")


def check(settings: Settings, tree: Node, report: Report) -> None:
    """Report duplicates and references to nothing. Empty names stand for errors reported before."""
    _Check(settings, tree, report).run()


class _Check:
    def __init__(self, settings: Settings, tree: Node, report: Report) -> None:
        self._settings = settings
        self._tree = tree
        self._report = report
        self._skipped: dict[str, list[SettingPath]] = {}
        self._known = {
            "customer": {customer.id for customer in settings.customers},
            "team": {team.id for team in settings.teams},
        }
        self._labels: dict[tuple[str, str], SettingPath] = {}

    def run(self) -> None:
        settings = self._settings
        for group in ("customers", "teams", "virtual_keys"):
            self._unique((group,), [item.id for item in getattr(settings, group)])
        for name, provider in settings.providers.items():
            self._provider(("providers", name), name, provider)
        for name, route in settings.routes.items():
            self._route(("routes", name), name, route)
        for index, price in enumerate(settings.prices):
            self._configured(("prices", index, "provider"), price.provider)
        self._owners()
        self._keys()
        self._warn_of_skipped()

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.error(self._tree.locate(path), path, message, suggestion)

    def _warning(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.warning(self._tree.locate(path), path, message, suggestion)

    def _unique(self, path: SettingPath, ids: Iterable[str | None]) -> None:
        first: dict[str, int] = {}
        for index, name in enumerate(ids):
            if name and first.setdefault(name, index) != index:
                before = self._tree.locate((*path, first[name], "id"))
                self._error((*path, index, "id"), f"`{name}` is taken: see {before.source}:{before.line}")

    def _provider(self, path: SettingPath, name: str, provider: ProviderSettings) -> None:
        self._unique((*path, "credentials"), [credential.id for credential in provider.credentials])
        known = KNOWN.get(name)
        has_url = provider.base_url is not None or (
            provider.deployments != [] and all(item.base_url for item in provider.deployments)
        )
        if known is None and name in VENDORS_LATER and not has_url:
            self._error(path, "this version does not speak the dialect of this provider yet")
        elif known is None and (provider.dialect is None or not has_url):
            self._error(
                path,
                "is not a known provider, so it needs `dialect` and `base_url`",
                did_you_mean(name, KNOWN),
            )
        elif known is not None and known.base_url is None and not has_url:
            self._error(path, "needs `base_url`")
        if known is not None and known.needs_secret and not provider.credentials:
            template = f"${{{known.env[0]}}}" if known.env else "${VARIABLE}"
            self._error(
                path,
                "has no credentials",
                f'write `credentials: [{{secret: "{template}"}}]`, or `secret: none`',
            )
        ids = [item.id or f"credential-{index + 1}" for index, item in enumerate(provider.credentials)]
        for index, deployment in enumerate(provider.deployments):
            for place, wanted in enumerate(deployment.credentials or ()):
                if wanted not in ids:
                    self._error(
                        (*path, "deployments", index, "credentials", place),
                        f"the provider has no credential `{wanted}`",
                        did_you_mean(wanted, ids),
                    )

    def _route(self, path: SettingPath, name: str, route: list[GroupSettings] | RouteSettings) -> None:
        if name == AUTO:
            self._error(path, f"`{AUTO}` means the key's own fallbacks, so no route can have this name")
        groups_path = path if isinstance(route, list) else (*path, "groups")
        groups = route if isinstance(route, list) else route.groups
        for index, group in enumerate(groups):
            for place, target in enumerate(group.deployments):
                self._configured((*groups_path, index, "deployments", place, "provider"), target.provider)

    def _owners(self) -> None:
        for index, team in enumerate(self._settings.teams):
            self._declared(("teams", index, "customer_id"), "customer", team.customer_id)
        for index, key in enumerate(self._settings.virtual_keys):
            self._declared(("virtual_keys", index, "customer_id"), "customer", key.customer_id)
            self._declared(("virtual_keys", index, "team_id"), "team", key.team_id)

    def _declared(self, path: SettingPath, kind: str, name: str | None) -> None:
        """Only a configuration that declares customers (or teams) at all is expected to declare each."""
        known = self._known[kind]
        if name and known and name not in known and self._labels.setdefault((kind, name), path) == path:
            self._warning(path, f"there is no {kind} `{name}`; it is only a label", did_you_mean(name, known))

    def _keys(self) -> None:
        customer_of = {team.id: team.customer_id for team in self._settings.teams}
        for index, key in enumerate(self._settings.virtual_keys):
            path: SettingPath = ("virtual_keys", index)
            of_team = customer_of.get(key.team_id or "")
            if key.customer_id and of_team and key.customer_id != of_team:
                self._error((*path, "customer_id"), f"its team `{key.team_id}` belongs to `{of_team}`")
            for place, name in enumerate(key.allowed_providers or ()):
                self._configured((*path, "allowed_providers", place), name)
            for place, fallback in enumerate(key.fallbacks):
                if fallback.provider is not None:
                    self._configured((*path, "fallbacks", place, "provider"), fallback.provider)
                if _GLOB & set(fallback.model):
                    self._error((*path, "fallbacks", place, "model"), "is one model, so no `*`, `?` or `[`")

    def _configured(self, path: SettingPath, name: str) -> None:
        configured = self._settings.providers
        if not name or name in configured:
            return
        if name in KNOWN or name in VENDORS_LATER:
            self._skipped.setdefault(name, []).append(path)
        else:
            suggestion = did_you_mean(name, {*configured, *KNOWN, *VENDORS_LATER})
            self._error(path, f"no provider is called `{name}`", suggestion)

    def _warn_of_skipped(self) -> None:
        """Once for each provider, at its first place."""
        for name, places in self._skipped.items():
            more = f" (and {len(places) - 1} more like it)" if len(places) > 1 else ""
            self._warning(places[0], f"the provider `{name}` is not configured, so it is skipped{more}")
