"""Budgets and limits as the settings have them, one by one: whose they are, and where they are written."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from fastgate.config.diagnostics import SettingPath
from fastgate.config.moments import moment_ns
from fastgate.config.money_settings import BudgetSettings, RateLimitSettings
from fastgate.config.owner_settings import CustomerSettings, TeamSettings, VirtualKeySettings
from fastgate.config.section import Usd
from fastgate.config.settings import Settings
from fastgate.domain.account import Level, Owner

DEFAULT_ZONE: Final = "UTC"
WEEKLY: Final = "weekly"
CAPS: Final = {
    "max_per_hour_usd": "hourly",
    "max_per_day_usd": "daily",
    "max_per_week_usd": WEEKLY,
    "max_per_month_usd": "monthly",
    "max_per_quarter_usd": "quarterly",
    "max_per_year_usd": "yearly",
}
"""The setting of each calendar period."""

_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Cap(NamedTuple):
    """One cap of a budget: the setting that gives it, its period as it is written there, and how much."""

    setting: str
    period: str
    usd: Usd


class Owned(msgspec.Struct, frozen=True):
    """What one owner has. `zone` is that of its customer, or the default."""

    owner: Owner
    zone: str
    budgets: tuple[tuple[SettingPath, BudgetSettings], ...]
    limits: tuple[tuple[SettingPath, Owner, RateLimitSettings], ...]


class _Team(NamedTuple):
    """The teams around one, itself first, and the customer that all of them belong to."""

    path: tuple[str, ...]
    customer: str | None


def caps(budget: BudgetSettings) -> list[Cap]:
    """`max_usd` counts only with the `reset_duration` that it needs."""
    found = [
        Cap(setting, period, usd)
        for setting, period in CAPS.items()
        if (usd := getattr(budget, setting)) is not None
    ]
    if budget.max_usd is not None and budget.reset_duration is not None:
        found.append(Cap("max_usd", budget.reset_duration, budget.max_usd))
    return found


def is_rolling(period: str) -> bool:
    """`1h`, not `hourly`."""
    return period[:1].isdigit()


def rolling_s(period: str) -> int:
    """Seconds of a rolling period."""
    return int(period[:-1]) * _UNIT_S[period[-1]]


def zone_of(budget: BudgetSettings, owned: Owned) -> str:
    """Of the budget's periods."""
    return owned.zone if budget.timezone is None else budget.timezone


def period_name(period: str, budget: BudgetSettings, zone: str) -> str:
    """The same for budgets of one owner that begin and end at the same times, another for others."""
    if is_rolling(period):
        start = zone if budget.anchor is None else str(moment_ns(budget.anchor))
        return f"{rolling_s(period)}s@{start}"
    first = f"-{budget.week_starts_on}" if period == WEEKLY else ""
    return f"{period}{first}@{zone}"


def tag_name(tags: Mapping[str, str]) -> str:
    """The name of a tag budget's owner."""
    return ",".join(f"{name}={tags[name]}" for name in sorted(tags))


class MoneyView:
    """The owners of a configuration, those without budgets and limits left out. Each is made once.

    Many owners may have the same budget, as one object (see `bulk`)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._customers = {customer.id: customer for customer in settings.customers}
        self._teams = {team.id: team for team in settings.teams}
        self._found: dict[str, _Team] = {}
        self._all: tuple[Owned, ...] | None = None
        self._caps: dict[int, list[Cap]] = {}

    def path(self, team_id: str | None) -> tuple[str, ...]:
        """The team and those that it is a part of, from the inside; up to the first that is not declared, or
        that comes a second time."""
        return () if team_id is None else self._team(team_id).path

    def customer_of_team(self, team_id: str | None) -> str | None:
        """The team's own, or that of the nearest team around it."""
        return None if team_id is None else self._team(team_id).customer

    def customer_of(self, key: VirtualKeySettings) -> str | None:
        return key.customer_id if key.customer_id is not None else self.customer_of_team(key.team_id)

    def _team(self, team_id: str) -> _Team:
        found = self._found.get(team_id)
        if found is None:
            path: dict[str, None] = {}
            customer = None
            each: str | None = team_id
            while each is not None and each not in path:
                path[each] = None
                team = self._teams.get(each)
                customer = customer or (None if team is None else team.customer_id)
                each = None if team is None else team.parent_team_id
            found = self._found[team_id] = _Team(tuple(path), customer)
        return found

    def caps(self, budget: BudgetSettings) -> list[Cap]:
        """Of a budget of these settings."""
        found = self._caps.get(id(budget))
        if found is None:
            found = self._caps[id(budget)] = caps(budget)
        return found

    def all(self) -> tuple[Owned, ...]:
        """From the outside."""
        if self._all is None:
            self._all = (*self.owners(), *self._virtual_keys(samples=False))
        return self._all

    def samples(self) -> Iterator[Owned]:
        """As `all`, without the keys whose budgets and limits are those of an earlier key."""
        return chain(self.owners(), self._virtual_keys(samples=True))

    def owners(self) -> Iterator[Owned]:
        """All but the virtual keys, from the outside."""
        return (owned for owned in self._owners() if owned.budgets or owned.limits)

    def _owners(self) -> Iterator[Owned]:
        settings = self.settings
        gateway = settings.gateway
        yield _owned(Owner(Level.GATEWAY, ""), ("gateway",), gateway.budget, gateway.rate_limit)
        for index, customer in enumerate(settings.customers):
            yield self._of(Owner(Level.CUSTOMER, customer.id), customer.id, ("customers", index), customer)
        for index, team in enumerate(settings.teams):
            customer_id = self.customer_of_team(team.id)
            yield self._of(Owner(Level.TEAM, team.id), customer_id, ("teams", index), team)
        for index, tagged in enumerate(settings.tag_budgets):
            owner = Owner(Level.TAG, tag_name(tagged.tags))
            yield _owned(owner, ("tag_budgets", index), tagged.budget, tagged.rate_limit)
        for index, models in enumerate(settings.model_budgets):
            owner = Owner(Level.MODEL, models.model)
            yield _owned(owner, ("model_budgets", index), models.budget, models.rate_limit)
        for name, provider in settings.providers.items():
            path: SettingPath = ("providers", name)
            yield _owned(Owner(Level.PROVIDER, name), path, provider.budget, provider.limits, "limits")
            for index, deployment in enumerate(provider.deployments):
                id_ = "/".join(filter(None, (name, deployment.region, deployment.model)))
                owner = Owner(Level.DEPLOYMENT, id_)
                yield _owned(owner, (*path, "deployments", index), None, deployment.limits, "limits")

    def _virtual_keys(self, *, samples: bool) -> Iterator[Owned]:
        seen = {(id(None), id(None))}
        level = Level.VIRTUAL_KEY  # once, since looking it up takes as long as a call
        for index, key in enumerate(self.settings.virtual_keys):
            parts = (id(key.budget), id(key.rate_limit))
            if key.model_limits or key.provider_limits or parts not in seen:
                owner = Owner(level, key.id)
                yield self._of(owner, self.customer_of(key), ("virtual_keys", index), key)
                if samples:
                    seen.add(parts)

    def _of(
        self,
        owner: Owner,
        customer_id: str | None,
        path: SettingPath,
        settings: CustomerSettings | TeamSettings | VirtualKeySettings,
    ) -> Owned:
        customer = None if customer_id is None else self._customers.get(customer_id)
        zone = None if customer is None else customer.timezone
        found = _owned(owner, path, settings.budget, settings.rate_limit, zone=zone or DEFAULT_ZONE)
        if not (settings.model_limits or settings.provider_limits):
            return found
        narrowed = [
            ((*path, group, name), Owner(owner.level, owner.name, f"{what}={name}"), limit)
            for group, what in (("model_limits", "model"), ("provider_limits", "provider"))
            for name, limit in getattr(settings, group).items()
        ]
        return msgspec.structs.replace(found, limits=(*found.limits, *narrowed))


def _owned(
    owner: Owner,
    path: SettingPath,
    budget: BudgetSettings | list[BudgetSettings] | None,
    limits: RateLimitSettings | None,
    limits_setting: str = "rate_limit",
    *,
    zone: str = DEFAULT_ZONE,
) -> Owned:
    budgets: tuple[tuple[SettingPath, BudgetSettings], ...] = ()
    if isinstance(budget, BudgetSettings):
        budgets = (((*path, "budget"), budget),)
    elif budget is not None:
        budgets = tuple(((*path, "budget", index), each) for index, each in enumerate(budget))
    limited = () if limits is None else (((*path, limits_setting), owner, limits),)
    return Owned(owner, zone, budgets, limited)
