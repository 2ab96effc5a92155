"""What an answer says of money and limits, as the configuration has it."""

from typing import TYPE_CHECKING

from fastgate import clock
from fastgate.budgets.state import BudgetState
from fastgate.domain.account import OWN_LEVELS, BudgetRef
from fastgate.domain.money import usd
from fastgate.pipeline.destination import header_value
from fastgate.pipeline.refusals import moment

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange

Header = tuple[bytes, bytes]


def money(exchange: "Exchange") -> list[Header]:
    """What the call cost, where that is known before the body; how much limits and budgets leave."""
    payer = exchange.payer
    if payer is None:
        return []
    settings = exchange.generation.settings.money
    out: list[Header] = payer.limits.headers(clock.monotonic_ns())
    if settings.cost_headers and not (exchange.stream or exchange.unpriced):
        out.append((b"x-fastgate-cost-usd", usd(exchange.cost).encode()))
    if payer.budgets and (settings.budget_headers or payer.has_soft_limits):
        accounts, now_ns = exchange.services.accounting.accounts, clock.time_ns()
        states = [
            (BudgetState.read(accounts, budget.line, now_ns), budget)
            for budget in payer.budgets
            if budget.owner.level in OWN_LEVELS
        ]
        warning = _warning(states)
        out += warning
        if states and (warning or settings.budget_headers):
            out += _tightest([state for state, _ in states])
    return out


def _warning(states: list[tuple[BudgetState, BudgetRef]]) -> list[Header]:
    """Of the highest soft limit that is passed."""
    passed = [
        (thousandths, budget)
        for state, budget in states
        for thousandths in budget.soft
        if (state.spent + state.reserved) * 1_000 >= thousandths * state.limit
    ]
    if not passed:
        return []
    thousandths, budget = max(passed, key=lambda each: each[0])
    percent = f"{thousandths // 10}.{thousandths % 10}"
    return [(b"x-fastgate-budget-warning", header_value(f"{budget.owner} {budget.period}: {percent} %"))]


def _tightest(states: list[BudgetState]) -> list[Header]:
    """Of the budget with the smallest share left."""
    state = min(states, key=lambda each: each.left * 1_000 // max(each.limit, 1))
    out = [
        (b"x-fastgate-budget-limit-usd", usd(state.limit).encode()),
        (b"x-fastgate-budget-spent-usd", usd(state.spent).encode()),
        (b"x-fastgate-budget-left-usd", usd(state.left).encode()),
    ]
    if state.resets_ns:
        out.append((b"x-fastgate-budget-resets", moment(state.resets_ns).encode()))
    return out
