"""What the client is told when money does not suffice."""

from datetime import UTC, datetime

from fastgate import clock
from fastgate._core.accounts import AccountTable
from fastgate.budgets.state import BudgetState
from fastgate.domain.account import OWN_LEVELS, BudgetRef
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.money import usd
from fastgate.errors import GatewayError


class BudgetRefused(GatewayError):
    """`fallback` is the model that the budget's `on_exceeded` names instead."""

    def __init__(self, message: str, fallback: ModelRef | None) -> None:
        super().__init__("budget_exceeded", message, headers=((b"x-should-retry", b"false"),))
        self.fallback = fallback


def refused_by(budget: BudgetRef, amount: int, accounts: AccountTable) -> BudgetRefused:
    """`amount` is the hold that did not fit."""
    state = BudgetState.read(accounts, budget.line, clock.time_ns())
    message = f"The {budget.period} budget of {budget.owner} does not cover this call: "
    if budget.owner.level in OWN_LEVELS:
        message += f"{usd(state.left)} of {usd(state.limit)} USD is left, and "
    message += f"the call may cost {usd(amount)} USD"
    if state.resets_ns:
        message += f"; it resets at {moment(state.resets_ns)}"
    return BudgetRefused(
        f"{message}. Shorten the input, lower the cap on output tokens, or have the budget raised.",
        budget.fallback,
    )


def moment(unix_ns: int) -> str:
    """RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
