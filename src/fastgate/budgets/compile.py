"""From the settings to their budgets, one for each owner and period. Never imported in a worker."""

from decimal import Decimal
from typing import Final

from fastgate.budgets.periods import Period, calendar, rolling
from fastgate.budgets.spec import AccountSpec, Increase, Terms
from fastgate.config.moments import moment_ns
from fastgate.config.money_settings import BudgetSettings, OnExceeded
from fastgate.config.money_view import Cap, MoneyView, Owned, is_rolling, period_name, rolling_s, zone_of
from fastgate.config.section import Usd
from fastgate.domain.model_ref import ModelRef

NANO_PER_USD: Final = 10**9
_THOUSANDTHS: Final = Decimal(1_000)


def compile_budgets(view: MoneyView) -> tuple[AccountSpec, ...]:
    """Of settings that `config.load` has checked; each owner's in the order in which they are written."""
    compiler = _Compiler(view)
    return tuple([spec for owned in view.all() for spec in compiler.of(owned)])


class _Compiler:
    """Many owners have the same budget: it is compiled once for each zone."""

    def __init__(self, view: MoneyView) -> None:
        self._view = view
        self._periods: dict[str, Period] = {}
        self._terms: dict[tuple[int, str], list[tuple[str, Terms]]] = {}

    def of(self, owned: Owned) -> list[AccountSpec]:
        owner = owned.owner
        prefix = f"budget/{owner.level.value}/{owner.name}/"
        return [
            AccountSpec(prefix + period, owner, terms)
            for _, budget in owned.budgets
            for period, terms in self._of(budget, zone_of(budget, owned))
        ]

    def _of(self, budget: BudgetSettings, zone: str) -> list[tuple[str, Terms]]:
        """By the names of their periods."""
        found = self._terms.get((id(budget), zone))
        if found is None:
            found = self._terms[id(budget), zone] = [
                (name, self._compiled(name, cap, budget, zone))
                for cap in self._view.caps(budget)
                for name in (period_name(cap.period, budget, zone),)
            ]
        return found

    def _compiled(self, name: str, cap: Cap, budget: BudgetSettings, zone: str) -> Terms:
        return Terms(
            period=self._period(name, cap.period, budget, zone),
            word=cap.period,
            limit_nano=_nano(cap.usd),
            strict=budget.strict,
            soft=_soft(budget),
            fallback=_fallback(budget),
            increases=_increases(budget),
        )

    def _period(self, name: str, word: str, budget: BudgetSettings, zone: str) -> Period:
        period = self._periods.get(name)
        if period is None:
            if is_rolling(word):
                anchor = None if budget.anchor is None else moment_ns(budget.anchor)
                period = rolling(rolling_s(word), zone, anchor)
            else:
                period = calendar(word, zone, budget.week_starts_on)
            self._periods[name] = period
        return period


def _nano(usd: Usd) -> int:
    return int(usd * NANO_PER_USD)


def _soft(budget: BudgetSettings) -> tuple[int, ...]:
    if not budget.soft_limit:
        return ()
    return tuple(sorted({int(fraction * _THOUSANDTHS) for fraction in budget.soft_limit}))


def _increases(budget: BudgetSettings) -> tuple[Increase, ...]:
    if not budget.increases:
        return ()
    return tuple(Increase(_nano(each.usd), moment_ns(each.until), each.reason) for each in budget.increases)


def _fallback(budget: BudgetSettings) -> ModelRef | None:
    if not isinstance(budget.on_exceeded, OnExceeded):
        return None
    to = budget.on_exceeded.fallback_to
    return ModelRef(to.model, to.provider)
