"""What an answer says of money and limits, as the configuration has it."""

from typing import TYPE_CHECKING

from fastgate import clock
from fastgate._core.accounts import AccountTable
from fastgate._core.budget import balance
from fastgate.budgets.state import BudgetState
from fastgate.domain.account import BudgetRef
from fastgate.domain.money import usd
from fastgate.pipeline.destination import header_value
from fastgate.pipeline.payer import Payer
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
    if settings.budget_headers or payer.soft:
        out += _budgets(exchange.services.accounting.accounts, payer, always=settings.budget_headers)
    return out


def _budgets(accounts: AccountTable, payer: Payer, *, always: bool) -> list[Header]:
    """Of the budgets whose sums the client may see. Not `always`: only where a soft limit is passed."""
    now_ns = clock.time_ns()
    warning = _warning(accounts, payer.soft, now_ns)
    if not payer.own or not (warning or always):
        return warning
    return warning + _tightest([BudgetState.read(accounts, budget.line, now_ns) for budget in payer.own])


def _warning(accounts: AccountTable, budgets: tuple[BudgetRef, ...], now_ns: int) -> list[Header]:
    """Of the highest soft limit that is passed."""
    highest, of_budget = 0, None
    for budget in budgets:
        limit, spent, reserved, _resets_ns = balance(accounts, budget.line, now_ns)
        used = (spent + reserved) * 1_000
        for thousandths in budget.soft:
            if thousandths > highest and used >= thousandths * limit:
                highest, of_budget = thousandths, budget
    if of_budget is None:
        return []
    percent = f"{highest // 10}.{highest % 10}"
    text = f"{of_budget.owner} {of_budget.period}: {percent} %"
    return [(b"x-fastgate-budget-warning", header_value(text))]


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
