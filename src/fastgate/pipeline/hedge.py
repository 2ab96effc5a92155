"""Further attempts on the next deployments while the first is slow: the first content wins."""

import asyncio

from fastgate import clock, tasks
from fastgate.domain.failure import Scope, UpstreamError
from fastgate.domain.snapshot import Hedge
from fastgate.errors import GatewayError
from fastgate.pipeline.attempt import Attempt
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.hold import held
from fastgate.routing.plan import Choice, Plan

Race = dict[asyncio.Task[Exception | None], Attempt]
"""In the order of their start."""


async def race(
    first: Attempt, hedge: Hedge, failures: list[UpstreamError], refusals: list[GatewayError]
) -> Attempt | None:
    """The attempt that won, or None when all failed or one was told that the request itself is wrong.

    Why an attempt failed is appended to `failures`, or to `refusals` where the provider could not be told the
    request. Those that lost are cancelled, and over when this ends.
    """
    exchange, plan = first.exchange, first.plan
    running: Race = {}
    winner: Attempt | None = None
    hedges_left = hedge.max
    delay_s = (hedge.after_ms * 1_000_000 or plan.p95_ns(first.choice)) / 1e9
    began_ns, waited_ns = clock.monotonic_ns(), exchange.waited_ns
    exchange.watch_client()
    _start(first, running)
    try:
        while running and winner is None:
            timeout = delay_s if hedges_left and delay_s else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            winner = _winner(running, done, failures, refusals)
            if winner is None and any(error.scope is Scope.REQUEST for error in failures):
                break
            if not done:
                hedges_left = hedges_left - 1 if _hedged(exchange, plan, running) else 0
    finally:
        await _abandon(running)
        # Attempts that run at the same time wait at the same time: it counts once.
        exchange.waited_ns = min(exchange.waited_ns, waited_ns + clock.monotonic_ns() - began_ns)
    if winner is not None and winner is not first:
        exchange.services.metrics.hedges_won.labels(winner.choice.provider.name).inc()
    return winner


def _start(attempt: Attempt, running: Race) -> None:
    running[tasks.spawn(_run(attempt), "hedged attempt")] = attempt


async def _run(attempt: Attempt) -> Exception | None:
    """What it failed by is for the race to judge, not for the loop's exception handler."""
    try:
        await attempt.run()
    except Exception as error:
        return error
    return None


def _winner(
    running: Race,
    done: set[asyncio.Task[Exception | None]],
    failures: list[UpstreamError],
    refusals: list[GatewayError],
) -> Attempt | None:
    """The first of `done` that has content. It and the failed ones leave `running`, other winners stay."""
    winner: Attempt | None = None
    for task, attempt in tuple(running.items()):
        if task not in done:
            continue
        error = task.result()
        if error is None:
            if winner is None:
                winner = attempt
                del running[task]
            continue
        del running[task]
        others = winner or running or failures
        if isinstance(error, UpstreamError):
            failures.append(error)
        elif others and isinstance(error, GatewayError) and attempt.passed_over(error):
            refusals.append(error)
        else:
            raise error
    return winner


def _hedged(exchange: Exchange, plan: Plan, running: Race) -> bool:
    """Start one more attempt, if there is one to be had."""
    if exchange.stopped is not None:
        return False
    choice = plan.next(clock.monotonic_ns())
    if not isinstance(choice, Choice):
        return False
    charge = held(exchange, plan, choice)
    if isinstance(charge, GatewayError):
        return False
    exchange.hedges += 1
    exchange.services.metrics.hedges_started.labels(choice.provider.name).inc()
    _start(Attempt(exchange, plan, choice, charge), running)
    return True


async def _abandon(running: Race) -> None:
    """All accounts are closed before the wait, in which the caller may be cancelled itself."""
    for attempt in running.values():
        attempt.abandon()
    if running:
        await asyncio.wait(running)
