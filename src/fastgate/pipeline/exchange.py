"""All state of one client request, grouped by the phase that writes it; phases talk only through it."""

import asyncio
from typing import TYPE_CHECKING, Final

from fastgate import clock
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.domain.virtual_key import OnDisconnect, VirtualKey
from fastgate.downstream.interface import Downstream
from fastgate.errors import draining
from fastgate.limits.queue import Waiter
from fastgate.observability.records import AttemptRecord, Finish
from fastgate.pipeline.demand import NOTHING, Demand
from fastgate.pipeline.operation import Operation
from fastgate.pipeline.payer import Payer
from fastgate.pipeline.services import Generation, Services
from fastgate.routing.plan import Plan
from fastgate.wire.envelope import Envelope
from fastgate.wire.interface import Request
from fastgate.wire.multipart import FormEnvelope
from fastgate.wire.seals import carries_seals

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt

NO_SLOT: Final = -1
MAX_LOGGED_BYTES: Final = 1024 * 1024
"""Of a prompt or an answer, where the key says that they are logged."""


class Exchange:
    """One client request, end to end. Times are `clock.monotonic_ns()`."""

    __slots__ = (
        "_pause",
        "active",
        "attempts",
        "chunks",
        "client_left",
        "cost",
        "deadline",
        "demand",
        "downstream",
        "envelope",
        "error",
        "error_code",
        "estimated",
        "fallbacks",
        "finish",
        "first_content_ns",
        "form",
        "generation",
        "hedges",
        "input_tokens",
        "key",
        "neutral",
        "operation",
        "output_tokens",
        "overhead_ns",
        "path",
        "path_model",
        "payer",
        "plan",
        "query",
        "request_id",
        "retries",
        "services",
        "slot",
        "slot_taken",
        "started_ns",
        "status",
        "stopped",
        "stream",
        "tags",
        "taken",
        "transcript",
        "unpriced",
        "usage",
        "usage_before",
        "waited_ns",
        "waiter",
        "winner",
    )

    def __init__(self, services: Services, downstream: Downstream, operation: Operation) -> None:
        # accepted
        self.services = services
        self.generation: Generation = services.generation
        self.downstream = downstream
        self.operation = operation
        self.path = operation.path
        # Anthropic's SDK says there which of its features are beta.
        passes_query = operation.format is Format.MESSAGES
        self.query = downstream.query.decode("latin-1") if passes_query else ""
        self.path_model: str | None = None
        self.request_id = services.request_ids.choose(downstream.header(b"x-request-id"))
        self.started_ns = clock.monotonic_ns()
        self.waited_ns = 0
        # authenticate
        self.key: VirtualKey | None = None
        # receive
        self.envelope: Envelope | None = None
        self.form: FormEnvelope | None = None
        self.stream = False
        self.neutral: Request | None = None  # made of the envelope at the first need
        # route
        self.tags: dict[str, str] = {}
        self.plan: Plan | None = None
        # admit
        self.payer: Payer | None = None  # None: nothing of this is billed
        self.demand: Demand = NOTHING
        self.slot = NO_SLOT  # of `_core.holds`
        self.slot_taken = False  # by an attempt
        self.taken: tuple[int, int] | None = None  # tokens, from the limits of all of the key's traffic
        self.waiter: Waiter | None = None
        # attempt, fallback
        self.active: list[Attempt] = []
        self.attempts: list[AttemptRecord] = []
        self.retries = 0
        self.fallbacks = 0
        self.hedges = 0
        self.deadline: asyncio.TimerHandle | None = None
        self.stopped: UpstreamError | None = None
        # relay
        self.winner: Attempt | None = None
        self.first_content_ns = 0
        self.chunks = 0
        self.transcript: bytearray | None = None  # of a stream, where the key says that prompts are logged
        # settle
        self.cost = 0  # nano-USD, of all attempts
        self.input_tokens = 0  # of all attempts
        self.output_tokens = 0
        self.estimated = False
        self.unpriced = False
        self.overhead_ns = 0
        self.usage: Usage | None = None
        self.usage_before: Usage | None = None  # of attempts that broke off and were continued
        self.status = 0
        self.error_code = ""
        self.error = ""
        self.finish: Finish = ""
        # the client
        self.client_left = False
        self._pause: asyncio.Future[None] | None = None

    def slot_for_attempt(self, *, gauges: bool) -> int:
        """The slot of a hold; a hedge gets one of its own, and an attempt that enters gauges."""
        if self.slot_taken or gauges:
            return self.services.accounting.writer.claim()
        if self.slot == NO_SLOT:
            self.slot = self.services.accounting.writer.claim()
        self.slot_taken = True
        return self.slot

    def leave(self, slot: int) -> None:
        """The attempt that had it is over."""
        if slot == self.slot:
            self.slot_taken = False
        else:
            self.services.accounting.writer.holds.free(slot)

    def billed(self, usage: Usage, cost: int, *, estimated: bool, unpriced: bool) -> None:
        """By one of the attempts. `unpriced`: `cost` says nothing."""
        self.cost += cost
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.estimated = self.estimated or estimated
        self.unpriced = self.unpriced or unpriced

    @property
    def model(self) -> str | None:
        """The model as the client named it."""
        if self.path_model is not None:
            return self.path_model
        if self.envelope is not None:
            return self.envelope.model
        return None if self.form is None else self.form.model

    @property
    def carries_seals(self) -> bool:
        """What the client speaks has to be written anew, even for a provider that speaks the same."""
        return self.envelope is not None and carries_seals(self.operation.format, self.envelope.body)

    def watch_client(self) -> None:
        self.downstream.watch(self.on_client_left)

    def on_client_left(self) -> None:
        """The client went away: cancel what runs upstream, or let it run on for a while (`drain`)."""
        self.client_left = True
        key = self.key
        if key is not None and key.on_disconnect is OnDisconnect.DRAIN and self.active:
            self._stop_in(key.drain_max_s, f"the client left more than {key.drain_max_s:g} s ago")
        else:
            self.stop(UpstreamError(FailureKind.CANCELLED, "the client left"))

    def stop(self, error: UpstreamError) -> None:
        """Abort every attempt that runs, and let none follow."""
        self.stopped = error
        if self.waiter is not None:
            self.waiter.leave()
        if self._pause is not None:
            _wake(self._pause)
        for attempt in tuple(self.active):
            attempt.abort(error)

    def shut_down(self) -> None:
        """The gateway ends: whatever this exchange waits for, its client is told."""
        self.stop(UpstreamError(FailureKind.CANCELLED, "the gateway is shutting down"))
        self.downstream.interrupt(draining())

    def keep_deadline(self, total_s: float) -> None:
        """Stop when `total_s` have passed since the request came. The first deadline is the one that
        holds; 0 is none, and what is streamed has none."""
        if total_s and self.deadline is None and not (self.stream or self.operation.binary):
            spent_s = (clock.monotonic_ns() - self.started_ns) / 1e9
            self._stop_in(max(total_s - spent_s, 0.0), f"the exchange took longer than {total_s:g} s")

    def _stop_in(self, seconds: float, reason: str) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        error = UpstreamError(FailureKind.DEADLINE, reason)
        self.deadline = asyncio.get_running_loop().call_later(seconds, self.stop, error)

    async def pause(self, seconds: float) -> None:
        """Wait before a retry, and never less: a deployment that is asked early counts as not ready.

        Ends early only when the exchange is stopped.
        """
        self.watch_client()
        loop = asyncio.get_running_loop()
        began_ns = clock.monotonic_ns()
        due_ns = began_ns + int(seconds * 1e9)
        try:
            # The loop's timers count milliseconds and may fire that much early.
            while self.stopped is None and (left_ns := due_ns - clock.monotonic_ns()) > 0:
                self._pause = loop.create_future()
                timer = loop.call_later(left_ns / 1e9, _wake, self._pause)
                try:
                    await self._pause
                finally:
                    timer.cancel()
        finally:
            self._pause = None
            self.waited_ns += clock.monotonic_ns() - began_ns

    def drop_request(self) -> None:
        """No attempt will be made any more; what is logged at the end is kept."""
        self.neutral = None
        self.downstream.drop_headers()
        if self.form is not None:
            self.form.drop_body()
        if self.envelope is not None and not (self.key is not None and self.key.log_prompts):
            self.envelope.drop_body()

    def close(self) -> None:
        """Nothing of this exchange is left running afterwards."""
        cancelled = UpstreamError(FailureKind.CANCELLED, "the exchange ended")
        for attempt in tuple(self.active):
            attempt.fail(cancelled)
        if self.deadline is not None:
            self.deadline.cancel()
        self.downstream.unwatch()


def _wake(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)
