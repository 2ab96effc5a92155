"""Reserve what one attempt may cost, at every level at once, before it is made."""

from typing import Final

from fastgate import clock
from fastgate._core.budget import room
from fastgate.domain.account import AMOUNT_MASK, BudgetRef
from fastgate.domain.dialect import DialectName
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.entry import encode_opening
from fastgate.domain.snapshot import Unpriced
from fastgate.errors import GatewayError
from fastgate.limits.chain import Chain
from fastgate.limits.refusal import Refusal
from fastgate.pipeline.charge import NO_CHARGE, Charge, NoCharge
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.payer import COUNTS, Terms, clipped
from fastgate.pipeline.refusals import BudgetRefused, refused_by
from fastgate.pricing.cost import Tariff
from fastgate.pricing.estimate import hold_nano, output_cap_for
from fastgate.routing.plan import Choice, Plan

# What fits a strict budget may have shrunk by the time that it is held.
_TRIES: Final = 3
_OF_BEDROCK: Final = frozenset({Endpoint.CONVERSE, Endpoint.INVOKE})


def held(exchange: Exchange, plan: Plan, choice: Choice) -> Charge | NoCharge | GatewayError:
    """As `hold`; the plan is told where no attempt follows."""
    try:
        charge = hold(exchange, choice)
    except BaseException:
        plan.abandoned(choice)
        raise
    if isinstance(charge, GatewayError):
        plan.skipped(choice)
    return charge


def hold(exchange: Exchange, choice: Choice) -> Charge | NoCharge | GatewayError:
    """The charge for an attempt there, or why none may be made: rate_limit_exceeded, unpriced_model,
    budget_exceeded, ledger_unavailable."""
    if exchange.payer is None or exchange.operation.endpoint in COUNTS:
        return NO_CHARGE
    terms = exchange.payer.terms(choice, exchange.operation.endpoint)
    demand = exchange.demand
    now_ns = clock.time_ns()
    tariffs = terms.tariffs(now_ns, demand.service_tier)
    if not tariffs and terms.needs_price:
        return _unpriced(exchange, choice)
    if not terms.limits.refs:
        return _in_slot(exchange, choice, terms, tariffs, now_ns=now_ns)
    limits, output_tokens = terms.limits, demand.output_for(terms.limits)
    refusal = limits.admit(1, demand.input_tokens, output_tokens, clock.monotonic_ns())
    if refusal is not None:
        return _over_limit(exchange, limits, refusal)
    charge: Charge | GatewayError | None = None
    try:
        charge = _in_slot(exchange, choice, terms, tariffs, now_ns=now_ns)
    finally:
        if not isinstance(charge, Charge):
            limits.give_back(1, demand.input_tokens, output_tokens)
    return charge


def _in_slot(
    exchange: Exchange, choice: Choice, terms: Terms, tariffs: tuple[Tariff, ...], *, now_ns: int
) -> Charge | GatewayError:
    """Reserve, in the slot of the exchange or in one of its own, after entering what counts attempts."""
    gauges = terms.limits.gauges
    try:
        slot = exchange.slot_for_attempt(gauges=bool(gauges))
    except GatewayError as error:
        return error
    charge: Charge | GatewayError | None = None
    try:
        full = exchange.services.accounting.writer.holds.enter(slot, gauges) if gauges else -1
        if full >= 0:
            charge = _over_limit(exchange, terms.limits, terms.limits.full(full))
        else:
            charge = _reserve(exchange, choice, terms, tariffs, slot=slot, now_ns=now_ns)
    finally:
        if not isinstance(charge, Charge):
            exchange.leave(slot)
    return charge


def _over_limit(exchange: Exchange, limits: Chain, refusal: Refusal) -> GatewayError:
    exchange.services.metrics.limit_refusals.labels(refusal.ref.owner.level.value).inc()
    return refusal.error(limits.headers(clock.monotonic_ns()))


def _unpriced(exchange: Exchange, choice: Choice) -> GatewayError:
    exchange.services.metrics.unpriced.labels(choice.provider.name, "denied").inc()
    denied = exchange.generation.settings.money.unpriced is Unpriced.DENY
    because = "`unpriced: deny` refuses it" if denied else "a budget cannot hold it"
    return GatewayError(
        "unpriced_model",
        f"There is no price for {choice.provider.name}/{choice.model}, and {because}: add one under "
        "`prices` in the configuration, or set `unpriced` otherwise.",
        param="model",
    )


def _reserve(
    exchange: Exchange, choice: Choice, terms: Terms, tariffs: tuple[Tariff, ...], *, slot: int, now_ns: int
) -> Charge | GatewayError:
    demand = exchange.demand
    accounting = exchange.services.accounting
    holds = accounting.writer.holds
    cap = demand.output_cap
    adds_cap = terms.strict and bool(tariffs) and not demand.capped
    price = tariffs[0].price.id if tariffs else ""
    request_id, attempt = exchange.request_id, len(exchange.attempts) + 1
    requested = clipped(exchange.model or "")
    tries = _TRIES if adds_cap else 1
    while True:
        tries -= 1
        if adds_cap:
            fitting = output_cap_for(tariffs, demand.size, room(accounting.accounts, terms.lines, now_ns))
            cap = max(min(demand.output_cap, fitting), 1)
        # No budget has room for more than a word does.
        amount = min(hold_nano(tariffs, demand.size, cap + demand.made, strict=terms.strict), AMOUNT_MASK)
        call = (request_id, attempt, exchange.stream, requested, price, amount, demand.input_tokens)
        opening = encode_opening(terms.parties, call)
        refused = holds.reserve(slot, terms.lines, amount, now_ns, opening)
        if refused < 0:
            says_cap = adds_cap or (terms.strict and _may_not_know_cap(exchange, choice))
            field = (_cap_field(exchange, choice), cap) if says_cap else None
            return Charge(exchange, terms, slot=slot, held=amount, opening=opening, cap=field)
        if not tries or cap == 1:
            return _over_budget(exchange, terms.budgets[refused], amount)


def _over_budget(exchange: Exchange, budget: BudgetRef, amount: int) -> BudgetRefused:
    exchange.services.metrics.budget_refusals.labels(budget.owner.level.value).inc()
    return refused_by(budget, amount, exchange.services.accounting.accounts)


def _may_not_know_cap(exchange: Exchange, choice: Choice) -> bool:
    """The client has set a cap by the newer name alone, which is nothing to a provider of the older one; or
    by one that only a model behind Bedrock has."""
    if exchange.operation.endpoint in _OF_BEDROCK:
        return choice.provider.dialect != DialectName.BEDROCK
    if exchange.operation.endpoint is not Endpoint.CHAT or exchange.envelope is None:
        return False
    fields = exchange.envelope.fields
    newer_only = fields.max_completion_tokens is not None and fields.max_tokens is None
    return newer_only and choice.provider.output_cap == "max_tokens"


def _cap_field(exchange: Exchange, choice: Choice) -> str:
    match exchange.operation.endpoint:
        case Endpoint.RESPONSES:
            return "max_output_tokens"
        case Endpoint.CHAT:
            return choice.provider.output_cap
        case _:
            return "max_tokens"
