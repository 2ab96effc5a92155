"""What a type cannot say of budgets, limits, tags and the ledger's settings, each on its own."""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from fastgate.config.diagnostics import Report, SettingPath
from fastgate.config.moments import RFC3339_EXAMPLE, is_moment, zone_problem
from fastgate.config.money_settings import BudgetSettings, RateLimitSettings, RateSettings
from fastgate.config.money_view import (
    Cap,
    MoneyView,
    Owned,
    is_rolling,
    period_name,
    rolling_s,
    zone_of,
)
from fastgate.config.settings import Settings
from fastgate.config.tree import Node

NANO_PER_USD: Final = 10**9
MAX_LIMIT_USD: Final = 70_000_000  # what 56 bits of nano-dollars hold, with room for an overshoot
MAX_TAGS: Final = 512
MAX_METADATA: Final = 1_024
MAX_TAG_VALUE: Final = 64

_MIN_ROLLING_S: Final = 60  # the control process keeps the boundaries ahead of the clock
_MAX_ROLLING_S: Final = 10 * 366 * 86_400
_MAX_BURST: Final = 10_000  # times the amount, so that what a bucket owes fits 64 bits
_THOUSANDTH: Final = Decimal("0.001")
_MAX_SOFT: Final = 8
_TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_TAG_VALUE: Final = re.compile(rf"[^\x00-\x1f\x7f,]{{1,{MAX_TAG_VALUE}}}")
_BURSTS: Final = tuple(field.name for field in msgspec.structs.fields(RateSettings))

_encode: Final = msgspec.msgpack.Encoder().encode


def check(settings: Settings, view: MoneyView, tree: Node, report: Report) -> None:
    """Report every value that has the right type and makes no sense. `view` is of the same settings."""
    _Check(settings, view, tree, report).run()


class _Check:
    def __init__(self, settings: Settings, view: MoneyView, tree: Node, report: Report) -> None:
        self._settings = settings
        self._tree = tree
        self._report = report
        self._view = view

    def run(self) -> None:
        for owned in self._view.samples():
            seen: dict[str, SettingPath] = {}
            for path, budget in owned.budgets:
                self._budget(path, budget, self._view.caps(budget))
                self._duplicates(path, budget, owned, seen)
            for path, _, limits in owned.limits:
                self._rates(path, limits)
        self._tags()
        self._metadata()

    def _error(self, path: SettingPath, message: str, suggestion: str | None = None) -> None:
        if not self._report.failed(path):  # a stand-in is not to blame
            self._report.error(self._tree.locate(path), path, message, suggestion)

    # --- budgets ---------------------------------------------------------------------------------

    def _budget(self, path: SettingPath, budget: BudgetSettings, found: list[Cap]) -> None:
        if budget.timezone is not None and (problem := zone_problem(budget.timezone)):
            self._error((*path, "timezone"), *problem)
        self._period(path, budget, found)
        for cap in found:
            self._cap(path, budget, cap)
        if budget.increases and len(found) > 1:
            self._error(
                (*path, "increases"),
                "it is not clear which cap they are for",
                "write a list of budgets, and give them to one that has a single cap",
            )
        if len(budget.soft_limit) > _MAX_SOFT:
            self._error((*path, "soft_limit"), f"at most {_MAX_SOFT} fractions")
        for index, fraction in enumerate(budget.soft_limit):
            if not 0 < fraction < 1 or fraction % _THOUSANDTH:
                self._error(
                    (*path, "soft_limit", index), "expected a fraction between 0 and 1, such as 0.8 or 0.955"
                )

    def _duplicates(
        self, path: SettingPath, budget: BudgetSettings, owned: Owned, seen: dict[str, SettingPath]
    ) -> None:
        if self._report.failed(path):
            return
        for cap in self._view.caps(budget):
            name = period_name(cap.period, budget, zone_of(budget, owned))
            where = (*path, cap.setting)
            if (first := seen.setdefault(name, where)) != where:
                line = self._tree.locate(first).line
                self._error(where, f"there is another cap for the same period: see line {line}")

    def _period(self, path: SettingPath, budget: BudgetSettings, found: list[Cap]) -> None:
        if budget.max_usd is not None and budget.reset_duration is None:
            self._error((*path, "max_usd"), "needs `reset_duration`, which says for how long the cap holds")
        elif not found and budget != BudgetSettings():
            self._error(path, "has no cap", "such as `max_per_month_usd`")
        duration = budget.reset_duration
        if duration is not None and is_rolling(duration):
            if not _MIN_ROLLING_S <= rolling_s(duration) <= _MAX_ROLLING_S:
                self._error((*path, "reset_duration"), "expected a time from one minute to ten years")
        elif budget.anchor is not None:
            self._error((*path, "anchor"), "only periods such as `30d` have one; others go by the calendar")
        if budget.anchor is not None and not is_moment(budget.anchor):
            self._error((*path, "anchor"), "expected an RFC 3339 time with a zone", RFC3339_EXAMPLE)
        if duration is not None and budget.max_usd is None and found:
            others = [cap for cap in found if cap.period != duration]
            if others:
                self._error(
                    (*path, "reset_duration"),
                    f"`{duration}` contradicts `{others[0].setting}`, which is {others[0].period}",
                    "give `max_usd` for it, or leave it out",
                )

    def _cap(self, path: SettingPath, budget: BudgetSettings, cap: Cap) -> None:
        self._amount((*path, cap.setting), cap.usd)
        total = cap.usd
        for index, increase in enumerate(budget.increases):
            where = (*path, "increases", index)
            self._amount((*where, "usd"), increase.usd)
            total += increase.usd
            if not is_moment(increase.until):
                self._error((*where, "until"), "expected an RFC 3339 time with a zone", RFC3339_EXAMPLE)
        if total > MAX_LIMIT_USD:
            self._error((*path, cap.setting), f"at most {MAX_LIMIT_USD} US dollars, increases included")

    def _amount(self, path: SettingPath, usd: Decimal) -> None:
        if usd * NANO_PER_USD % 1:
            self._error(path, "has more than nine digits after the point")

    # --- rates -----------------------------------------------------------------------------------

    def _rates(self, path: SettingPath, limits: RateLimitSettings) -> None:
        burst = limits.burst
        if burst is None:
            return
        for name in _BURSTS:
            most: int | None = getattr(burst, name)
            if most is None:
                continue
            amount: int | None = getattr(limits, name)
            if amount is None:
                self._error((*path, "burst", name), f"there is no limit `{name}` beside it")
            elif most > amount * _MAX_BURST:
                self._error((*path, "burst", name), f"at most {_MAX_BURST} times the limit")

    # --- tags and metadata -----------------------------------------------------------------------

    def _tags(self) -> None:
        for index, name in enumerate(self._settings.tags.allowed):
            self._tag_name(("tags", "allowed", index), name)
        for index, tagged in enumerate(self._settings.tag_budgets):
            path: SettingPath = ("tag_budgets", index, "tags")
            if not tagged.tags:
                self._error(path, "must not be empty")
            self._tags_of(path, tagged.tags)
        for index, key in enumerate(self._settings.virtual_keys):
            if key.tags:
                self._tags_of(("virtual_keys", index, "tags"), key.tags)

    def _tags_of(self, path: SettingPath, tags: dict[str, str]) -> None:
        for name, value in tags.items():
            self._tag_name((*path, name), name)
            if not _TAG_VALUE.fullmatch(value):
                self._error(
                    (*path, name),
                    f"the value of a tag has 1 to {MAX_TAG_VALUE} characters, without commas and line ends",
                )
        if len(_encode(tags)) > MAX_TAGS:
            self._error(path, f"too much: tags may take {MAX_TAGS} bytes")

    def _tag_name(self, path: SettingPath, name: str) -> None:
        if not _TAG_NAME.fullmatch(name):
            self._error(
                path,
                "the name of a tag is a letter, and up to 63 more letters, digits, `_`, `.` or `-`",
            )

    def _metadata(self) -> None:
        """Of a key with what it inherits: all of it goes onto every record."""
        settings = self._settings
        customers = {customer.id: customer.metadata for customer in settings.customers if customer.metadata}
        teams = {team.id: team.metadata for team in settings.teams if team.metadata}
        for index, key in enumerate(settings.virtual_keys):
            if not (key.metadata or customers or teams):
                continue
            merged: dict[str, Any] = dict(customers.get(self._view.customer_of(key) or "", {}))
            for team in reversed(self._view.path(key.team_id)):
                merged.update(teams.get(team, {}))
            merged.update(key.metadata)
            if len(_encode(merged)) > MAX_METADATA:
                self._error(
                    ("virtual_keys", index, "metadata"),
                    f"too much: with that of its customer and teams it may take {MAX_METADATA} bytes",
                )
