"""The money of one attempt, from the hold to the ledger entry. It ends once, by `settle` or `release`."""

from typing import TYPE_CHECKING

from fastgate import clock
from fastgate.domain.entry import Closing, Outcome, encode_closing
from fastgate.domain.usage import Usage
from fastgate.observability import log
from fastgate.pipeline import estimate
from fastgate.pipeline.payer import Terms

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt
    from fastgate.pipeline.exchange import Exchange


class Charge:
    """`cap` is the field that bounds the output, and its value, where a strict budget asks for it. `usage` is
    what was billed, estimated where the provider did not say; None until it is settled."""

    __slots__ = ("_exchange", "_held", "_open", "_opening", "_slot", "_terms", "_writer", "cap", "usage")

    def __init__(
        self,
        exchange: "Exchange",
        terms: Terms,
        *,
        slot: int,
        held: int,
        opening: bytes,
        cap: tuple[str, int] | None,
    ) -> None:
        self._exchange = exchange
        self._writer = exchange.services.accounting.writer
        self._terms = terms
        self._slot = slot
        self._held = held
        self._opening = opening
        self._open = True
        self.cap = cap
        self.usage: Usage | None = None

    def sending(self) -> None:
        """From here on the provider may bill it."""
        self._writer.holds.sent(self._slot)

    def delivered(self, output_bytes: int) -> None:
        """One more chunk has come: what the call of a lost worker is settled at."""
        self._writer.holds.progress(self._slot, 1, output_bytes)

    def reported(self, usage: Usage) -> None:
        """What the provider says that it has consumed so far, for the same purpose."""
        self._writer.holds.reported(self._slot, usage.input_tokens, usage.output_tokens)

    def release(self) -> None:
        """Nothing was consumed. Idempotent, as `settle` is: the first of them counts."""
        if not self._open:
            return
        self._open = False
        exchange, limits = self._exchange, self._terms.limits
        if limits.refs:
            limits.give_back(1, exchange.demand.input_tokens, exchange.demand.output_for(limits))
        self._writer.holds.release(self._slot)
        exchange.leave(self._slot)

    def settle(self, attempt: "Attempt", outcome: Outcome) -> None:
        """Journal what it cost, then put the cost in the place of the hold."""
        if not self._open:
            return
        self._open = False
        exchange, writer, terms, slot = self._exchange, self._writer, self._terms, self._slot
        holds, limits = writer.holds, terms.limits
        told = attempt.usage
        usage = _settled(attempt, told, whole=outcome is Outcome.COMPLETE)
        estimated = usage is not told
        self.usage = usage
        admitted_ns = holds.admitted_ns(slot)
        tariff = None if terms.prices is None else terms.prices.at(admitted_ns, usage.service_tier)
        cost = 0 if tariff is None else tariff.cost_nano(usage)
        unpriced = tariff is None and terms.billed
        now_ns = clock.monotonic_ns()
        started_ns, content_ns = attempt.started_ns, attempt.content_ns
        closing = Closing(
            id=writer.entry_id(slot),
            admitted_ns=admitted_ns,
            settled_ns=clock.time_ns(),
            outcome=outcome,
            status=attempt.call.status,
            usage=usage,
            price="" if tariff is None else tariff.price.id,
            estimated=estimated,
            unpriced=unpriced,
            cost=cost,
            charged=holds.charged(slot),
            duration_ms=(now_ns - started_ns) // 1_000_000,
            ttft_ms=(content_ns - started_ns) // 1_000_000 if content_ns else 0,
        )
        writer.settle(slot, self._opening, encode_closing(closing), cost)
        if limits.refs:
            demand = exchange.demand
            limits.correct(
                usage.input_tokens - demand.input_tokens,
                usage.output_tokens - demand.output_for(limits),
                now_ns,
            )
        exchange.billed(usage, cost, estimated=estimated, unpriced=unpriced)
        _measure(attempt, cost, cost - self._held, estimated=estimated, unpriced=unpriced)
        exchange.leave(slot)


def _settled(attempt: "Attempt", told: Usage | None, *, whole: bool) -> Usage:
    """What the provider has told, or what is estimated in its place."""
    if told is not None and whole:
        return told
    try:
        return estimate.usage_of(attempt) if told is None else estimate.completed(attempt, told)
    except Exception as error:
        # Whatever a client or a provider has found to break it: it must not be free of charge.
        exchange = attempt.exchange
        log.event(
            "error",
            "tokens could not be counted; the prompt is billed as it was held",
            request_id=exchange.request_id,
            error=f"{type(error).__name__}: {error}",
        )
        return told or Usage(input_tokens=exchange.demand.input_tokens)


def _measure(attempt: "Attempt", cost: int, overshoot: int, *, estimated: bool, unpriced: bool) -> None:
    metrics = attempt.exchange.services.metrics
    provider = attempt.choice.provider.name
    attempt.destination.cost.inc(cost)
    attempt.destination.overshoot.observe(max(overshoot, 0))
    if estimated:
        metrics.estimated.labels(provider).inc()
    if unpriced:
        metrics.unpriced.labels(provider, "allowed").inc()


class NoCharge:
    """Of a call that no provider bills, such as fetching a stored response."""

    __slots__ = ()

    cap: tuple[str, int] | None = None
    usage: Usage | None = None

    def sending(self) -> None:
        """Nothing follows from it."""

    def delivered(self, output_bytes: int) -> None:
        """Nothing follows from it."""

    def reported(self, usage: Usage) -> None:
        """Nothing follows from it."""

    def release(self) -> None:
        """Nothing was held."""

    def settle(self, attempt: "Attempt", outcome: Outcome) -> None:
        """Nothing is due."""


NO_CHARGE = NoCharge()
