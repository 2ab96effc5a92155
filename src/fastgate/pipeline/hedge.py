"""A second attempt on the next deployment when the first is slow: the first content wins."""

import asyncio

from fastgate import clock, tasks
from fastgate.domain.failure import FailureKind, Scope, UpstreamError
from fastgate.domain.snapshot import Hedge
from fastgate.pipeline.attempt import Attempt
from fastgate.pipeline.exchange import Exchange
from fastgate.routing.plan import Choice, Plan


async def race(exchange: Exchange, plan: Plan, first: Choice, hedge: Hedge) -> Attempt:
    """The attempt that won; UpstreamError of `first` when all failed.

    The caller reports to the plan the winner's success, or `first`'s failure; all other outcomes are
    reported here. Whatever lost is cancelled and awaited before this ends.
    """
    running = dict([_start(exchange, plan, first)])
    hedges_left = hedge.max
    delay_s = (hedge.after_ms * 1_000_000 or plan.p95_ns(first)) / 1e9
    failure: UpstreamError | None = None
    winner: Attempt | None = None
    exchange.watch_client()
    try:
        while running and winner is None:
            timeout = delay_s if hedges_left and delay_s else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                attempt = running[task]
                error = task.result()
                if error is None:
                    winner = winner or attempt
                    if winner is attempt:
                        del running[task]
                    continue
                del running[task]
                if attempt.choice is first:
                    failure = error
                else:
                    plan.failed(attempt.choice, error)
                if error.scope is Scope.REQUEST:
                    raise error
            if not done:
                hedges_left -= 1
                step = plan.next(clock.monotonic_ns())
                if isinstance(step, Choice) and not exchange.client_left:
                    _count(exchange, step)
                    running.update([_start(exchange, plan, step)])
                else:
                    hedges_left = 0
        if winner is None:
            raise failure or UpstreamError(FailureKind.CANCELLED, "no attempt was left")
    finally:
        await _cancel(plan, running, first if winner is None else None)
    if winner.choice is not first:
        exchange.services.metrics.hedges_won.labels(winner.choice.provider.name).inc()
        if failure is not None:
            plan.failed(first, failure)
    return winner


Race = dict[asyncio.Task[UpstreamError | None], Attempt]


def _start(
    exchange: Exchange, plan: Plan, choice: Choice
) -> tuple[asyncio.Task[UpstreamError | None], Attempt]:
    attempt = Attempt(exchange, plan, choice)
    return tasks.spawn(_run(attempt), "hedged attempt"), attempt


async def _run(attempt: Attempt) -> UpstreamError | None:
    try:
        await attempt.run()
    except UpstreamError as error:
        return error
    return None


def _count(exchange: Exchange, step: Choice) -> None:
    exchange.hedges += 1
    metrics = exchange.services.metrics
    metrics.hedges_started.labels(step.provider.name).inc()
    metrics.attempts.labels(step.provider.name, step.deployment.id).inc()


async def _cancel(plan: Plan, running: Race, reported_by_caller: Choice | None) -> None:
    lost = UpstreamError(FailureKind.CANCELLED, "another attempt was faster")
    for attempt in running.values():
        attempt.abort(lost)
    if running:
        await asyncio.wait(running)
    for attempt in running.values():
        attempt.fail(lost)
        if attempt.choice is not reported_by_caller:
            plan.abandoned(attempt.choice)
