"""The journey of a request, phase by phase."""

from collections.abc import Awaitable, Callable

from fastgate.domain.failure import UpstreamError
from fastgate.errors import BrokenOff, ClientDisconnected, GatewayError, draining
from fastgate.pipeline.admit import admit, waited
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.dry_run import answer_dry_run, is_dry_run
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.fallback import obtain
from fastgate.pipeline.receive import receive
from fastgate.pipeline.refusals import BudgetRefused
from fastgate.pipeline.reject import reject, reject_unexpected
from fastgate.pipeline.relay import relay
from fastgate.pipeline.route import route, route_to
from fastgate.pipeline.settle import settle

Answer = Callable[[Exchange], Awaitable[None]]


async def proxy(exchange: Exchange) -> None:
    """The straight path: a request with a model, answered by a provider."""
    authenticate(exchange)
    await receive(exchange)
    plan = route(exchange)
    if is_dry_run(exchange):
        await answer_dry_run(exchange, plan)
        return
    waiter = admit(exchange)
    if waiter is not None:
        await waited(exchange, waiter)
    try:
        attempt = await obtain(exchange, plan)
    except BudgetRefused as refusal:
        if refusal.fallback is None:
            raise
        attempt = await obtain(exchange, route_to(exchange, refusal.fallback))
    await relay(exchange, attempt)


async def run(exchange: Exchange, answer: Answer = proxy) -> None:
    """Answer one request by `answer`, and settle it whatever happens.

    Raises BrokenOff when a started answer must end in a broken connection.
    """
    exchange.services.exchanges.add(exchange)
    in_flight = exchange.services.metrics.requests_in_flight.labels(exchange.operation.label)
    in_flight.inc()
    try:
        await _answer_or_reject(exchange, answer)
    except ClientDisconnected:
        exchange.client_left = True
        exchange.finish = "cancelled"
    finally:
        exchange.close()
        exchange.services.ended(exchange)
        in_flight.dec()
        settle(exchange)
        exchange.winner = None  # the two refer to each other: left so, each request is work for the collector


async def _answer_or_reject(exchange: Exchange, answer: Answer) -> None:
    try:
        if exchange.services.draining:
            raise draining()
        await answer(exchange)
    except (GatewayError, UpstreamError) as error:
        await reject(exchange, error)
    except (ClientDisconnected, BrokenOff):
        raise
    except Exception as error:
        await reject_unexpected(exchange, error)
