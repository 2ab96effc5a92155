"""What budgets and limits refer to: teams around teams, tags and models that are named once, fallbacks."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from fastgate.config.diagnostics import Report, SettingPath, did_you_mean
from fastgate.config.money_settings import FallbackTo, OnExceeded
from fastgate.config.money_view import MoneyView
from fastgate.config.provider_view import ProviderView
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.domain.account import Level

GLOB: Final = frozenset("*?[")
MAX_CHAIN: Final = 32  # budgets of one call, as many as a hold has room for


class MoneyReferences:
    """Reports duplicates and references to nothing; `providers` it leaves to `config.references`."""

    def __init__(
        self,
        settings: Settings,
        view: MoneyView,
        views: dict[str, ProviderView],
        tree: Node,
        report: Report,
    ) -> None:
        self._settings = settings
        self._views = views
        self._tree = tree
        self._report = report
        self._view = view
        self.providers: list[tuple[SettingPath, str]] = []
        """The providers that are named, and where."""

    def run(self) -> None:
        self._teams()
        settings = self._settings
        self._once("tag_budgets", "tags", (frozenset(each.tags.items()) for each in settings.tag_budgets))
        self._once("model_budgets", "model", (each.model.lower() for each in settings.model_budgets))
        budgets: Counter[tuple[Level, str]] = Counter()
        most = dict.fromkeys(Level, 0)
        for owned in self._view.samples():
            owner, count = owned.owner, 0
            for path, budget in owned.budgets:
                count += len(self._view.caps(budget))
                if isinstance(budget.on_exceeded, OnExceeded):
                    self._fallback((*path, "on_exceeded", "fallback_to"), budget.on_exceeded.fallback_to)
            if count:
                budgets[owner.level, owner.name] = count
                most[owner.level] = max(most[owner.level], count)
            for path, part, _ in owned.limits:
                if part.narrowed:
                    self._narrowed(path, part.narrowed)
        self._chains(budgets, most)
        self._without_effect()

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.error(self._tree.locate(path), path, message, suggestion)

    def _once(self, group: str, setting: str, names: Iterable[object]) -> None:
        first: dict[object, int] = {}
        for index, name in enumerate(names):
            if name and first.setdefault(name, index) != index:
                line = self._tree.locate((group, first[name], setting)).line
                self._error((group, index, setting), f"stands twice: see line {line}")

    def _warning(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        self._report.warning(self._tree.locate(path), path, message, suggestion)

    def _without_effect(self) -> None:
        settings = self._settings
        for group in ("tag_budgets", "model_budgets"):
            for index, each in enumerate(getattr(settings, group)):
                if each.budget is None and each.rate_limit is None:
                    self._warning((group, index), "has no effect: it has neither `budget` nor `rate_limit`")
        if not settings.tag_budgets:
            return
        given = {tag for key in settings.virtual_keys for tag in key.tags.items()}
        names = {*(name for name, _ in given), *settings.tags.allowed}
        for index, each in enumerate(settings.tag_budgets):
            for name, value in each.tags.items():
                if name not in settings.tags.allowed and (name, value) not in given:
                    self._warning(
                        ("tag_budgets", index, "tags", name),
                        f"no virtual key has the tag `{name}={value}`, and `tags.allowed` does not name it",
                        did_you_mean(name, names - {name}),
                    )

    def _teams(self) -> None:
        teams = {team.id: team for team in self._settings.teams}
        told: set[str] = set()
        for index, team in enumerate(self._settings.teams):
            parent = team.parent_team_id
            if parent is None:
                continue
            path: SettingPath = ("teams", index, "parent_team_id")
            if parent not in teams:
                self._error(path, f"there is no team `{parent}`", did_you_mean(parent, teams))
                continue
            around = self._view.path(team.id)
            if teams[around[-1]].parent_team_id == team.id:
                if team.id not in told:
                    circle = " → ".join((*around, team.id))
                    self._error(path, f"a team cannot be a part of itself: {circle}")
                told.update(around)
                continue
            outer = self._view.customer_of_team(parent)
            if team.customer_id is not None and outer is not None and team.customer_id != outer:
                self._error(("teams", index, "customer_id"), f"its parent `{parent}` belongs to `{outer}`")

    def _narrowed(self, path: SettingPath, part: str) -> None:
        what, _, name = part.partition("=")
        if what == "provider":
            self.providers.append((path, name))
        elif what == "model" and not name:
            self._error(path, "an empty text matches no model")

    def _fallback(self, path: SettingPath, to: FallbackTo) -> None:
        if not to.model or self._report.failed(path):
            return
        if GLOB & set(to.model):
            self._error((*path, "model"), "is one model, so no `*`, `?` or `[`")
            return
        if to.provider is not None:
            self.providers.append(((*path, "provider"), to.provider))
            views = [self._views[to.provider]] if to.provider in self._views else []
        else:
            if to.model in self._settings.routes:
                return
            views = list(self._views.values())
        views = [view for view in views if not self._report.failed(("providers", view.name))]
        if views and not any(view.serves(to.model) for view in views):
            names = [*self._settings.routes, *(name for view in views for name in view.names())]
            self._error((*path, "model"), f"nothing serves `{to.model}`", did_you_mean(to.model, names))

    def _chains(self, budgets: Counter[tuple[Level, str]], most: dict[Level, int]) -> None:
        """No call may meet more budgets than a hold has room for. `most` is what no owner of a level has more
        of."""
        shared = budgets[Level.GATEWAY, ""] + self._most_tags(budgets) + self._most_models(budgets)
        shared += max((budgets[Level.PROVIDER, name] for name in self._settings.providers), default=0)
        if shared + self._most_own(most) <= MAX_CHAIN:
            return
        for index, key in enumerate(self._settings.virtual_keys):
            listed = key.budget if isinstance(key.budget, list) else filter(None, [key.budget])
            own = sum(len(self._view.caps(budget)) for budget in listed)
            own += budgets[Level.CUSTOMER, self._view.customer_of(key) or ""]
            own += sum(budgets[Level.TEAM, team] for team in self._view.path(key.team_id))
            if own + shared > MAX_CHAIN:
                self._error(
                    ("virtual_keys", index),
                    f"a call could meet {own + shared} budgets, those around it too; at most {MAX_CHAIN}",
                )
                return

    def _most_own(self, most: dict[Level, int]) -> int:
        """What no key has more of, itself and with its teams and customer."""
        depth = max((len(self._view.path(team.id)) for team in self._settings.teams), default=0)
        return most[Level.VIRTUAL_KEY] + most[Level.CUSTOMER] + depth * most[Level.TEAM]

    def _most_tags(self, budgets: Counter[tuple[Level, str]]) -> int:
        """A call has one value of each tag, so of budgets for the same names it meets one."""
        most: dict[frozenset[str], int] = {}
        for owned in self._view.owners():
            if owned.owner.level is Level.TAG:
                names = frozenset(part.partition("=")[0] for part in owned.owner.name.split(","))
                count = budgets[Level.TAG, owned.owner.name]
                most[names] = max(most.get(names, 0), count)
        return sum(most.values())

    def _most_models(self, budgets: Counter[tuple[Level, str]]) -> int:
        """A call has one model: of those named outright it meets one, of globs any number."""
        counts = [(name, count) for (level, name), count in budgets.items() if level is Level.MODEL]
        named = max((count for name, count in counts if not GLOB & set(name)), default=0)
        return named + sum(count for name, count in counts if GLOB & set(name))
