"""One try on one deployment: build, send, wait for the first content, classify a failure."""

import asyncio
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from fastgate import clock
from fastgate.domain.entry import Outcome
from fastgate.domain.failure import FailureKind, Scope, UpstreamError
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.observability.records import AttemptRecord
from fastgate.pipeline.charge import Charge, NoCharge
from fastgate.pipeline.estimate import Delivered
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.operation import BodyKind
from fastgate.pipeline.request import build
from fastgate.pipeline.translation import Translation
from fastgate.providers.common.header_usage import TIER, of_tier, usage_in
from fastgate.providers.interface import Answer, Sees, StreamDecoder
from fastgate.providers.passthrough import Reframed
from fastgate.routing.plan import Choice, Plan
from fastgate.upstream.client import Call
from fastgate.wire.gemini.framing import ARRAY_TYPE, Array, is_array
from fastgate.wire.interface import Splitter
from fastgate.wire.pieces import Body

_EVENT_STREAMS: Final = (
    b"text/event-stream",
    b"application/vnd.amazon.eventstream",
    b"application/x-ndjson",
)
_SSE_TYPE: Final = b"text/event-stream; charset=utf-8"
_JSON: Final = b"application/json"
# A quote inside a JSON string is escaped, so this is never a client's text.
_NULL_USAGE: Final = re.compile(rb',\s*"usage":\s*null|"usage":\s*null\s*,\s*')
# What one provider cannot be told, another may be.
_UNSAID: Final = frozenset({"unsupported_field", "not_supported"})
REFUSAL_BYTES: Final = 1024 * 1024
REFUSAL_WAIT_S: Final = 10.0
# The provider had the request and may have worked on it, whatever became of its answer.
_MAY_BE_BILLED: Final = frozenset(
    {
        FailureKind.HEADERS_TIMEOUT,
        FailureKind.FIRST_CONTENT_TIMEOUT,
        FailureKind.BETWEEN_CHUNKS_TIMEOUT,
        FailureKind.DEADLINE,
        FailureKind.CANCELLED,
        FailureKind.TRUNCATED,
        FailureKind.RESET_MID_BODY,
        FailureKind.RESPONSE_TOO_LARGE,
        FailureKind.PROTOCOL,
    }
)


class Shape(Enum):
    """How the answer comes."""

    WHOLE = "whole"
    EVENTS = "events"
    BYTES = "bytes"


class Attempt:
    """After `run`, either `body` holds the whole answer, or `first` what may go downstream first.

    Every attempt ends in one of `close`, `fail` and `abandon`, which tell the plan and end the charge; later
    ones do nothing.
    """

    __slots__ = (
        "answer",
        "body",
        "call",
        "charge",
        "choice",
        "closed",
        "content_at",
        "content_ns",
        "decoder",
        "delivered",
        "destination",
        "dialect",
        "ended",
        "exchange",
        "first",
        "last_events",
        "plan",
        "record",
        "sent_bytes",
        "shape",
        "splitter",
        "started_ns",
        "translation",
        "unsaid",
    )

    def __init__(self, exchange: Exchange, plan: Plan, choice: Choice, charge: Charge | NoCharge) -> None:
        self.exchange = exchange
        self.plan = plan
        self.choice = choice
        self.charge = charge
        services = exchange.services
        self.destination = exchange.generation.destination(choice, services.metrics)
        self.dialect = self.destination.dialect
        self.destination.attempts.inc()
        credential = choice.credential
        self.record = AttemptRecord(
            deployment=choice.deployment.id,
            credential="" if credential is None else credential.id,
            result="",
        )
        self.shape = Shape.WHOLE
        self.body = b""
        self.answer: Answer | None = None
        self.first = b""
        self.content_at = 0
        self.last_events = b""
        self.ended = False
        self.closed = False
        self.content_ns = 0
        self.sent_bytes = 0
        self.started_ns = clock.monotonic_ns()
        self.delivered: Delivered | None = None
        self.splitter: Splitter | None = None
        self.decoder: StreamDecoder | None = None
        self.translation: Translation | None = None
        self.unsaid: Sequence[str] = ()
        streamed = exchange.stream or exchange.operation.binary
        self.call: Call = services.client.call(self.destination.origin, choice.timeouts, stream=streamed)
        self.call.on_slow = self._on_slow
        self.call.on_sending = charge.sending
        exchange.active.append(self)
        exchange.attempts.append(self.record)

    async def run(self) -> None:
        """UpstreamError if there is nothing to send downstream; the attempt is closed then."""
        try:
            try:
                built = build(self.exchange, self.choice, self.destination, self.charge)
            except GatewayError as refusal:
                self._refuse(refusal)
                raise
            head, body, self.translation, self.unsaid = built
            self.sent_bytes = len(body)
            await self._send(head, body)
            content_type = (self.call.header(b"content-type") or b"").lower()
            if self.call.status >= 300:
                await self._refused()
            elif content_type.startswith(_EVENT_STREAMS):
                await self._until_content()
            elif self.exchange.operation.binary and not content_type.startswith(_JSON):
                await self._until_bytes()
            else:
                await self._whole()
        except UpstreamError as error:
            self.fail(error)
            raise
        except BaseException:
            self.abandon()
            raise

    async def _send(self, head: bytes, body: Body) -> None:
        """Connecting and the provider's time are waits, writing is the gateway's own work."""
        call = self.call
        try:
            await call.send(head, body)
        finally:
            now_ns = clock.monotonic_ns()
            connected_ns = call.connected_ns or now_ns
            sent_ns = call.sent_ns or now_ns
            self.exchange.waited_ns += connected_ns - call.started_ns + now_ns - sent_ns

    async def _read(self) -> bytes:
        began_ns = clock.monotonic_ns()
        try:
            return await self.call.read()
        finally:
            self.exchange.waited_ns += clock.monotonic_ns() - began_ns

    async def _refused(self) -> None:
        """Status and headers tell what follows; a body is waited for only where the client gets to see it."""
        call = self.call
        error = self._classified(b"")
        if error.kind is not FailureKind.CLIENT_ERROR:
            raise await self._explained(error)
        overdue = UpstreamError(FailureKind.HEADERS_TIMEOUT, "the body of a refusal did not come")
        timer = asyncio.get_running_loop().call_later(REFUSAL_WAIT_S, call.abort, overdue)
        try:
            body = await self._rest(REFUSAL_BYTES)
        finally:
            timer.cancel()
        raise self._classified(body)

    async def _explained(self, error: UpstreamError) -> UpstreamError:
        """By a body that is there already: some say in it how long to wait, or what a status means."""
        if not self.call.complete:
            return error
        try:
            return self._classified(await self.call.read_all(REFUSAL_BYTES))
        except UpstreamError:
            return error

    def _classified(self, body: bytes) -> UpstreamError:
        error = self.dialect.classify_error(self.call.status, self.call.headers, body)
        error.translated = self.translation is not None
        return error

    async def _whole(self) -> None:
        body = await self._rest(self.exchange.generation.settings.max_response_bytes)
        operation = self.exchange.operation
        if self.translation is not None:
            answer, body = self.translation.answer(body)
        else:
            stored = operation.body is BodyKind.NONE
            answer = self.dialect.read_answer(operation.endpoint, body, stored=stored)
        if answer.error is not None:
            raise answer.error
        if answer.usage is None:
            answer = answer._replace(usage=usage_in(self.call.headers))
        self.body = body
        self.answer = answer
        self._has_content()

    async def _rest(self, limit: int) -> bytes:
        """The whole body, also where a stream was expected."""
        exchange = self.exchange
        if self.call.body:
            return self.call.body
        exchange.watch_client()
        began_ns = clock.monotonic_ns()
        try:
            return await self.call.read_all(limit)
        finally:
            exchange.waited_ns += clock.monotonic_ns() - began_ns

    async def _until_bytes(self) -> None:
        self.shape = Shape.BYTES
        self.exchange.watch_client()
        self.first = await self._read()
        if not self.first:
            raise UpstreamError(FailureKind.TRUNCATED, "the answer is empty")
        self._has_content()

    async def _until_content(self) -> None:
        """Hold events back until one has content, so that a failure before it is invisible to the client.

        `content_at` is where in `first` the event with the content begins.
        """
        exchange = self.exchange
        if not (exchange.stream or exchange.operation.binary):
            raise UpstreamError(FailureKind.PROTOCOL, "a stream of events that was not asked for")
        self.shape = Shape.EVENTS
        exchange.watch_client()
        limit = exchange.generation.settings.max_event_bytes
        choices = 1 if exchange.envelope is None else exchange.envelope.fields.n or 1
        delivered = self.delivered = Delivered()
        decoder = self.decoder = (
            self.dialect.stream_decoder(exchange.operation.endpoint, choices)
            if self.translation is None
            else self.translation.decoder()
        )
        if self._wants_array and self.translation is None:
            decoder = self.decoder = Reframed(decoder, Array())
        splitter = self.splitter = decoder.splitter(limit)
        held: list[bytes] = []
        held_bytes = 0
        reported: Usage | None = None
        found = False
        while not (found or self.ended):
            data = await self._read()
            try:
                if data:
                    self.feed(data)
                else:
                    self.feed_tail()
            except UpstreamError as error:
                raise UpstreamError(FailureKind.PROTOCOL, error.message) from None
            for received, _ in splitter.events():
                seen = decoder.event(received)
                if decoder.error is not None:
                    raise decoder.error
                delivered.add(decoder.text_in(received))
                if decoder.usage is not reported:
                    reported = decoder.usage
                    delivered.reported()
                event = decoder.sent_for(received)
                if Sees.CONTENT in seen and not found:
                    found = True
                    self.content_at = held_bytes
                if not (Sees.USAGE_ONLY in seen and self.withholds_usage):
                    held.append(event)
                    held_bytes += len(event)
                    if b"data:" in event:
                        self.last_events = event
                if Sees.END in seen:
                    self.ended = True
                    break
            if held_bytes > limit:
                raise UpstreamError(FailureKind.PROTOCOL, "too much before the first content")
            if not data:
                if not decoder.complete():
                    raise UpstreamError(FailureKind.TRUNCATED, "the stream ended before its first content")
                if not self.ended:
                    held.append(decoder.ending())
                self.ended = True
        self.first = self.visible(b"".join(held))
        self._has_content()

    def feed(self, data: bytes) -> int:
        """How many events `data` completed. UpstreamError when one is larger than the limit."""
        splitter = self.splitter
        if splitter is None:
            raise AssertionError("feed() is for streams of events")
        try:
            return splitter.feed(data)
        except BufferError:
            raise UpstreamError(
                FailureKind.RESPONSE_TOO_LARGE, "an event of the stream is larger than the limit"
            ) from None
        except ValueError as error:
            raise UpstreamError(FailureKind.PROTOCOL, f"broken framing: {error}") from None

    def feed_tail(self) -> int:
        """At the end of the stream, a last event without its blank line still counts."""
        assert self.splitter is not None
        tail = self.splitter.take_tail()
        return self.feed(tail.rstrip(b"\r\n") + b"\n\n" if tail.strip() else b"")

    def visible(self, block: bytes) -> bytes:
        """Events as the client is to see them: once usage is asked for, every chunk says `usage: null`."""
        if self.withholds_usage and b'"usage"' in block:
            return _NULL_USAGE.sub(b"", block)
        return block

    @property
    def _wants_array(self) -> bool:
        downstream = self.exchange.downstream
        return is_array(downstream.path, downstream.query.decode("latin-1"))

    @property
    def stream_type(self) -> bytes:
        """Content type of a stream of events, for the client."""
        if self._wants_array:
            return ARRAY_TYPE
        if self.translation is not None:
            return self.translation.stream_type
        received = self.call.header(b"content-type") or b""
        return _SSE_TYPE if received.lower().startswith(b"text/event-stream") else received

    @property
    def withholds_usage(self) -> bool:
        """The client did not ask for usage, so what carries nothing else is not for it."""
        envelope = self.exchange.envelope
        asked = self.exchange.operation.usage_in_stream and self.translation is None
        return asked and envelope is not None and not envelope.include_usage

    def _has_content(self) -> None:
        self.content_ns = clock.monotonic_ns()
        if self.first:
            self.charge.delivered(len(self.first))
        self.record.status = self.call.status
        self.call.content_started()
        self.plan.succeeded(self.choice, self.content_ns - self.started_ns, keep_open=True)

    def _on_slow(self) -> None:
        """Only now is it worth a task to see the client leave, and a timer to see the deadline pass."""
        self.exchange.watch_client()
        self.exchange.keep_deadline(self.choice.timeouts.total_s)

    def abort(self, error: UpstreamError) -> None:
        self.call.abort(error)

    @property
    def usage(self) -> Usage | None:
        """What the provider said that it consumed."""
        told = self.answer if self.decoder is None else self.decoder
        return None if told is None else of_tier(told.usage, self.call.header(TIER))

    def fail(self, error: UpstreamError) -> None:
        """Ended without an answer, or in the middle of one."""
        if not self._end(error.kind.value, error.status):
            return
        cancelled = error.kind is FailureKind.CANCELLED or self.exchange.client_left
        if self.content_ns:
            self._settle(Outcome.CANCELLED if cancelled else Outcome.CUT)
        elif self.usage is not None or (self._may_be_billed and error.kind in _MAY_BE_BILLED):
            self._settle(Outcome.CANCELLED if cancelled else Outcome.FAILED)
        else:
            self.charge.release()
        metrics, provider = self.exchange.services.metrics, self.choice.provider.name
        metrics.attempt_failures.labels(provider, error.kind.value).inc()
        if error.scope is Scope.CREDENTIAL:
            metrics.cooldowns.labels(provider).inc()
        if self.content_ns:
            self.plan.broke_off(self.choice, error)
        else:
            self.plan.failed(self.choice, error)

    def abandon(self) -> None:
        """Nobody wants its answer any more, which says nothing about anybody."""
        self.call.abort(UpstreamError(FailureKind.CANCELLED, "the attempt was cancelled"))
        if self._end(FailureKind.CANCELLED.value, 0):
            metrics, provider = self.exchange.services.metrics, self.choice.provider.name
            metrics.attempt_failures.labels(provider, FailureKind.CANCELLED.value).inc()
            if self._may_be_billed:
                hedged = self.exchange.hedges and not self.exchange.client_left
                self._settle(Outcome.HEDGE_LOST if hedged else Outcome.CANCELLED)
            else:
                self.charge.release()
            self.plan.abandoned(self.choice)

    def _refuse(self, refusal: GatewayError) -> None:
        """Nothing was sent, which says nothing about the provider."""
        if self._end(refusal.code, 0):
            self.charge.release()
            self.plan.abandoned(self.choice)

    def passed_over(self, refusal: GatewayError) -> bool:
        """Whether `run` ended since this provider cannot be told the request: it counts as no try then."""
        if refusal.code not in _UNSAID:
            return False
        self.plan.skipped(self.choice)
        return True

    def close(self) -> None:
        """Ended well."""
        if self._end("ok", self.call.status):
            self.settle()
            self.plan.ended(self.choice)

    def settle(self) -> None:
        """The answer is complete, though its connection may still be in use. Idempotent."""
        self._settle(Outcome.COMPLETE)

    def _settle(self, outcome: Outcome) -> None:
        self.charge.settle(self, outcome)

    @property
    def _may_be_billed(self) -> bool:
        """It was sent, and not refused, whatever became of the body of the refusal."""
        return self.call.sent_ns > 0 and self.call.status < 300

    def _end(self, result: str, status: int) -> bool:
        """False if it had ended before."""
        if self.closed:
            return False
        self.closed = True
        call = self.call
        self.record.result = result
        self.record.status = status or call.status
        self.record.ms = (clock.monotonic_ns() - self.started_ns) / 1e6
        self.record.reused = call.reused
        self._measure(call)
        call.release()
        self.exchange.active.remove(self)
        return True

    def _measure(self, call: Call) -> None:
        if call.headers_ns:
            self.destination.latency.observe(call.headers_ns - call.started_ns)
        if call.sent:
            self.destination.sent_bytes.inc(self.sent_bytes)
        self.destination.received_bytes.inc(call.bytes_in)
