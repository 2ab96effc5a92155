"""Rate limits and concurrency of whoever calls, before any attempt is made; what one attempt costs is held
with it (`hold`)."""

from functools import partial

from fastgate import clock
from fastgate.domain.snapshot import WhenFull
from fastgate.errors import ClientDisconnected, GatewayError
from fastgate.ledger.writer import unrecordable
from fastgate.limits.chain import Chain
from fastgate.limits.queue import Waiter
from fastgate.limits.refusal import Refusal
from fastgate.pipeline.demand import demand_of
from fastgate.pipeline.exchange import Exchange


def admit(exchange: Exchange) -> Waiter | None:
    """None: admitted. Else whoever calls has to wait its turn (`waited`).

    GatewayError rate_limit_exceeded, with what to wait for; ledger_unavailable.
    """
    accounting = exchange.services.accounting
    if not accounting.writer.has_room() and accounting.writer.settings.when_full is WhenFull.DENY:
        raise unrecordable()
    exchange.demand = demand_of(exchange)
    return enter(exchange)


def enter(exchange: Exchange) -> Waiter | None:
    """As `admit`, for what is in the exchange's demand."""
    accounting = exchange.services.accounting
    payer = exchange.payer = exchange.generation.payers.payer(exchange.key, exchange.tags)
    chain = payer.limits
    if not chain.refs:
        return None
    if chain.gauges:
        exchange.slot = accounting.writer.claim()
    queue = accounting.queue
    # The queue would say the same, and needs more for it.
    if not queue.waiting and _take(exchange, chain, clock.monotonic_ns()) is None:
        return None
    key = "" if exchange.key is None else exchange.key.id
    outcome = queue.enter(key, chain, partial(_take, exchange, chain))
    if isinstance(outcome, Refusal):
        raise _refused(exchange, outcome)
    return outcome


async def waited(exchange: Exchange, waiter: Waiter) -> None:
    """Return when it is admitted. GatewayError rate_limit_exceeded; ClientDisconnected."""
    exchange.watch_client()
    began_ns = clock.monotonic_ns()
    exchange.waiter = waiter
    try:
        refusal = await waiter.outcome()
    finally:
        exchange.waiter = None
        waited_ns = clock.monotonic_ns() - began_ns
        exchange.waited_ns += waited_ns
        level = waiter.refusal.ref.owner.level.value
        exchange.services.metrics.limit_wait.labels(level).observe(waited_ns)
    if exchange.client_left:
        raise ClientDisconnected
    if refusal is not None:
        raise _refused(exchange, refusal)


def _refused(exchange: Exchange, refusal: Refusal) -> GatewayError:
    exchange.services.metrics.limit_refusals.labels(refusal.ref.owner.level.value).inc()
    payer = exchange.payer
    return refusal.error([] if payer is None else payer.limits.headers(clock.monotonic_ns()))


def _take(exchange: Exchange, chain: Chain, now_ns: int) -> Refusal | None:
    """Take the request from every limit, or from none."""
    demand = exchange.demand
    input_tokens, output_tokens = demand.input_tokens, demand.output_for(chain)
    refusal = chain.admit(1, input_tokens, output_tokens, now_ns)
    if refusal is not None:
        return refusal
    holds = exchange.services.accounting.writer.holds
    full = holds.enter(exchange.slot, chain.gauges) if chain.gauges else -1
    if full < 0:
        exchange.taken = (input_tokens, output_tokens)
        return None
    chain.give_back(1, input_tokens, output_tokens)
    return chain.full(full)
