"""Retry, next credential, next deployment, or give up: never after content went downstream."""

from typing import Final

from fastgate import clock
from fastgate.domain.failure import FailureKind, Scope, UpstreamError
from fastgate.errors import ClientDisconnected, GatewayError, draining
from fastgate.pipeline import hedge
from fastgate.pipeline.attempt import Attempt
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.hold import held
from fastgate.pipeline.refusals import BudgetRefused
from fastgate.routing.plan import Choice, Plan, Wait

TIMERS: Final = frozenset(
    {
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.HEADERS_TIMEOUT,
        FailureKind.FIRST_CONTENT_TIMEOUT,
        FailureKind.BETWEEN_CHUNKS_TIMEOUT,
        FailureKind.DEADLINE,
    }
)


async def obtain(exchange: Exchange, plan: Plan, previous: Choice | None = None) -> Attempt:
    """The first attempt that has something to send downstream; `previous` is the one that it follows.

    UpstreamError of scope REQUEST where the upstream refused the client's request itself;
    GatewayError when all is exhausted; ClientDisconnected.
    """
    failures: list[UpstreamError] = []
    refusals: list[GatewayError] = []
    while exchange.stopped is None:
        step = plan.next(clock.monotonic_ns())
        if step is None:
            raise exhausted(failures, refusals)
        if isinstance(step, Wait):
            if previous is not None:
                exchange.keep_deadline(previous.timeouts.total_s)
            await exchange.pause(step.seconds)
            continue
        charge = held(exchange, plan, step)
        if isinstance(charge, GatewayError):
            refusals.append(charge)
            continue
        _count(exchange, previous, step)
        previous = step
        if plan.hedge is None:
            attempt = await _alone(Attempt(exchange, plan, step, charge), failures, refusals)
        else:
            first = Attempt(exchange, plan, step, charge)
            attempt = await hedge.race(first, plan.hedge, failures, refusals)
        if attempt is not None:
            return attempt
        if exchange.client_left:
            raise ClientDisconnected
        refused = next((error for error in failures if error.scope is Scope.REQUEST), None)
        if refused is not None:
            raise refused
    if exchange.client_left:
        raise ClientDisconnected
    if exchange.stopped.kind is FailureKind.CANCELLED:
        raise draining()
    raise exhausted([*failures, exchange.stopped], refusals)


async def _alone(
    attempt: Attempt, failures: list[UpstreamError], refusals: list[GatewayError]
) -> Attempt | None:
    try:
        await attempt.run()
    except GatewayError as refusal:
        if not failures or not attempt.passed_over(refusal):
            raise  # of the first one that was asked, it is the answer
        refusals.append(refusal.with_traceback(None))
        return None
    except UpstreamError as error:
        failures.append(error.with_traceback(None))  # a traceback refers to `failures` itself: a cycle
        return None
    return attempt


def _count(exchange: Exchange, previous: Choice | None, step: Choice) -> None:
    if previous is None:
        return
    metrics = exchange.services.metrics
    provider = step.provider.name
    if previous.deployment.id == step.deployment.id:
        exchange.retries += 1
        metrics.retries.labels(provider).inc()
    else:
        exchange.fallbacks += 1
        metrics.fallbacks.labels(previous.provider.name, provider).inc()


def exhausted(failures: list[UpstreamError], refusals: list[GatewayError]) -> GatewayError:
    """The most telling error: a 429 the client can wait for, then a timer, then anything else. Where no
    attempt was made, why the first one was refused."""
    if refusals and not failures:
        return next(
            (each for each in refusals if isinstance(each, BudgetRefused) and each.fallback), refusals[0]
        )
    limited = [error for error in failures if error.kind is FailureKind.RATE_LIMITED]
    if limited:
        waits = [error.retry_after_s for error in limited if error.retry_after_s is not None]
        seconds = max(int(-(-min(waits) // 1)), 1) if waits else 1
        return GatewayError(
            "rate_limit_exceeded",
            f"Every deployment is rate limited by its provider or failed; try again in {seconds} s.",
            headers=((b"retry-after", b"%d" % seconds),),
        )
    timed_out = next((error for error in failures if error.kind in TIMERS), None)
    if timed_out is not None:
        return GatewayError(
            "upstream_timeout", f"No deployment answered in time ({timed_out.kind.value.replace('_', ' ')})."
        )
    kinds = ", ".join(dict.fromkeys(error.kind.value.replace("_", " ") for error in failures))
    return GatewayError("upstream_error", f"Every attempt failed ({kinds or 'no attempt was possible'}).")
