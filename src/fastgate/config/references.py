"""What refers to what: ids that are unique, names that exist. Needs nothing but the settings."""

from collections.abc import Iterable
from typing import Final

from fastgate.config import provider_check
from fastgate.config.diagnostics import Report, SettingPath, did_you_mean
from fastgate.config.money_references import GLOB, MoneyReferences
from fastgate.config.money_view import MoneyView
from fastgate.config.provider_view import ProviderView
from fastgate.config.route_settings import GroupSettings, RouteSettings, TargetSettings
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER

AUTO: Final = "auto"


def check(settings: Settings, view: MoneyView, tree: Node, report: Report) -> None:
    """Report duplicates and references to nothing, after all other checks: what they found is not told
    again. Empty names stand for errors reported before."""
    _Check(settings, view, tree, report).run()


class _Check:
    def __init__(self, settings: Settings, view: MoneyView, tree: Node, report: Report) -> None:
        self._settings = settings
        self._tree = tree
        self._report = report
        self._skipped: dict[str, list[SettingPath]] = {}
        self._views = {name: ProviderView(name, provider) for name, provider in settings.providers.items()}
        self._known = {
            "customer": {customer.id for customer in settings.customers},
            "team": {team.id for team in settings.teams},
        }
        self._capped = {
            kind
            for kind, owners in (("customer", settings.customers), ("team", settings.teams))
            if any(
                each.budget or each.rate_limit or each.model_limits or each.provider_limits for each in owners
            )
        }
        self._money = MoneyReferences(settings, view, self._views, tree, report)
        self._view = view
        self._labels: dict[tuple[str, str], SettingPath] = {}

    def run(self) -> None:
        settings = self._settings
        for group in ("customers", "teams", "virtual_keys"):
            self._unique((group,), [item.id for item in getattr(settings, group)])
        for view in self._views.values():
            provider_check.check(view, settings.server, self._tree, self._report)
        for name, route in settings.routes.items():
            self._route(("routes", name), name, route)
        for old, new in settings.redirects.items():
            self._redirect(("redirects", old), old, new)
        for index, price in enumerate(settings.prices):
            self._configured(("prices", index, "provider"), price.provider)
        self._owners()
        self._keys()
        self._money.run()
        for path, name in self._money.providers:
            self._configured(path, name)
        self._warn_of_skipped()

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.error(self._tree.locate(path), path, message, suggestion)

    def _warning(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.warning(self._tree.locate(path), path, message, suggestion)

    def _unique(self, path: SettingPath, ids: list[str]) -> None:
        if len(set(ids)) == len(ids):
            return
        first: dict[str, int] = {}
        for index, name in enumerate(ids):
            if name and first.setdefault(name, index) != index:
                before = self._tree.locate((*path, first[name], "id"))
                self._error((*path, index, "id"), f"`{name}` is taken: see {before.source}:{before.line}")

    def _route(self, path: SettingPath, name: str, route: list[GroupSettings] | RouteSettings) -> None:
        if name == AUTO:
            self._error(path, f"`{AUTO}` means the key's own fallbacks, so no route can have this name")
        groups_path = path if isinstance(route, list) else (*path, "groups")
        groups = route if isinstance(route, list) else route.groups
        for index, group in enumerate(groups):
            for place, target in enumerate(group.deployments):
                self._target((*groups_path, index, "deployments", place), target)
        providers = {target.provider for group in groups for target in group.deployments}
        if providers and providers <= KNOWN.keys() - self._views.keys():
            variables = [KNOWN[each].env[0] for each in sorted(providers) if KNOWN[each].env]
            self._error(
                path,
                f"none of its providers is configured ({', '.join(sorted(providers))})",
                f"set {' or '.join(variables)}" if variables else None,
            )

    def _redirect(self, path: SettingPath, old: str, new: str) -> None:
        retired = {name.lower() for name in self._settings.redirects}
        if old == AUTO or old in self._settings.routes:
            self._error(path, f"`{old}` is no model, so it cannot be retired")
        elif new.lower() in retired:
            self._error(path, f"`{new}` is retired itself: say the name that takes its place in the end")
        elif not self._report.failed(("providers",)) and not self._is_served(new):
            self._warning(path, f"nothing that is configured serves `{new}`")

    def _is_served(self, name: str) -> bool:
        if name in self._settings.routes:
            return True
        provider, slash, model = name.partition("/")
        if slash and provider in self._views:
            return self._views[provider].serves(model)
        return any(view.lists(name) for view in self._views.values())

    def _target(self, path: SettingPath, target: TargetSettings) -> None:
        view = self._views.get(target.provider)
        if view is None:
            self._configured((*path, "provider"), target.provider)
        elif target.model and not self._report.failed(("providers", view.name)):
            self._served(path, view, target)

    def _served(self, path: SettingPath, view: ProviderView, target: TargetSettings) -> None:
        if target.region is None:
            if not view.serves(target.model):
                self._error(
                    (*path, "model"),
                    f"`{view.name}` does not serve `{target.model}`",
                    did_you_mean(target.model, view.names()),
                )
        elif target.region not in (regions := view.regions(target.model)):
            self._error(
                (*path, "region"),
                f"`{view.name}` has no `{target.model}` in the region `{target.region}` "
                f"(it has: {', '.join(regions) or 'none'})",
            )

    def _owners(self) -> None:
        for group in ("teams", "virtual_keys"):
            self._declared(
                (group,), "customer", (each.customer_id for each in getattr(self._settings, group))
            )
        self._declared(("virtual_keys",), "team", (key.team_id for key in self._settings.virtual_keys))

    def _declared(self, path: SettingPath, kind: str, names: Iterable[str | None]) -> None:
        """Only a configuration that declares customers (or teams) at all is expected to declare each."""
        known = self._known[kind]
        if not known or known.issuperset(given := list(names)):
            return
        for index, name in enumerate(given):
            if name and name not in known:
                self._undeclared((*path, index, f"{kind}_id"), kind, name)

    def _undeclared(self, path: SettingPath, kind: str, name: str) -> None:
        """Where one of its kind has caps, a name that is not declared would escape from them."""
        known = self._known[kind]
        if self._labels.setdefault((kind, name), path) != path:
            return
        if kind in self._capped:
            self._error(path, f"there is no {kind} `{name}`", did_you_mean(name, known))
        else:
            self._warning(path, f"there is no {kind} `{name}`; it is only a label", did_you_mean(name, known))

    def _keys(self) -> None:
        view = self._view
        customer_of = {team.id: view.customer_of_team(team.id) for team in self._settings.teams}
        for index, key in enumerate(self._settings.virtual_keys):
            if not (key.team_id or key.allowed_providers or key.fallbacks):
                continue
            path: SettingPath = ("virtual_keys", index)
            of_team = customer_of.get(key.team_id or "")
            if key.customer_id and of_team and key.customer_id != of_team:
                self._error((*path, "customer_id"), f"its team `{key.team_id}` belongs to `{of_team}`")
            for place, name in enumerate(key.allowed_providers or ()):
                self._configured((*path, "allowed_providers", place), name)
            for place, fallback in enumerate(key.fallbacks):
                if fallback.provider is not None:
                    self._configured((*path, "fallbacks", place, "provider"), fallback.provider)
                if GLOB & set(fallback.model):
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
