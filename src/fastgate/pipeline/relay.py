"""Bytes upstream → bytes downstream, unchanged; usage is read on the way."""

import asyncio
from typing import Final

from fastgate import clock
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.money import usd
from fastgate.errors import BrokenOff, ClientDisconnected, draining
from fastgate.pipeline import headers, stored
from fastgate.pipeline.attempt import Attempt, Shape
from fastgate.pipeline.exchange import MAX_LOGGED_BYTES, Exchange
from fastgate.pipeline.fallback import TIMERS
from fastgate.pipeline.money_headers import money
from fastgate.pipeline.resume import Resume
from fastgate.providers.interface import Sees, StreamDecoder
from fastgate.store.responses import ResponseOwner
from fastgate.upstream.client import Call
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Splitter

_SSE: Final = b"text/event-stream"
_JSON: Final = b"application/json"
TAIL_WAIT_S: Final = 1.0


async def relay(exchange: Exchange, attempt: Attempt) -> None:
    """Send the winner's answer. A failure after content ends the stream in the dialect's own error.

    BrokenOff where the dialect has none; ClientDisconnected.
    """
    exchange.winner = attempt
    if attempt.shape is not Shape.WHOLE and exchange.key is not None and exchange.key.log_prompts:
        exchange.transcript = bytearray()
    if not exchange.client_left:
        exchange.status = attempt.call.status
    if attempt.shape is Shape.WHOLE:
        await _whole(exchange, attempt)
    else:
        await _streamed(exchange, attempt)


async def _whole(exchange: Exchange, attempt: Attempt) -> None:
    call, answer = attempt.call, attempt.answer
    if answer is not None:
        await _remember(exchange, attempt, answer.response_id)
    await stored.remember(exchange, attempt, attempt.body)
    attempt.close()
    _account(exchange, attempt)
    out = headers.relayed(call.headers)
    if attempt.translation is not None:
        out = headers.retyped(out, _JSON)
    out += headers.own(exchange, attempt)
    out += money(exchange)
    await exchange.downstream.respond(call.status, out, attempt.body)
    exchange.finish = "complete"


async def _streamed(exchange: Exchange, attempt: Attempt) -> None:
    exchange.first_content_ns = attempt.content_ns
    exchange.watch_client()
    if attempt.decoder is not None:
        await _remember(exchange, attempt, attempt.decoder.response_id)
    metrics = exchange.services.metrics
    streams = metrics.open_streams.labels(attempt.choice.provider.name)
    streams.inc()
    try:
        await _begin(exchange, attempt)
        if attempt.ended:
            await stored.remember(exchange, attempt, attempt.first)
        await _send(exchange, attempt.first)
        resume = Resume.of(exchange)
        if resume is None:
            exchange.drop_request()
        if attempt.shape is Shape.EVENTS:
            await _events(exchange, attempt, resume)
        else:
            await _bytes(exchange, attempt)
    finally:
        streams.dec()


async def _begin(exchange: Exchange, attempt: Attempt) -> None:
    out = headers.relayed(attempt.call.headers)
    if attempt.shape is Shape.EVENTS:
        out = headers.retyped(out, attempt.stream_type)
        out.append((b"cache-control", b"no-cache"))
    out += headers.own(exchange, attempt)
    out += money(exchange)
    attempt.call.drop_headers()
    if not exchange.client_left:
        await exchange.downstream.start(attempt.call.status, out)


async def _send(exchange: Exchange, chunk: bytes) -> None:
    """To the client, or to nobody while the exchange is drained after it left."""
    exchange.chunks += 1
    if exchange.transcript is not None:
        exchange.transcript += chunk[: max(MAX_LOGGED_BYTES - len(exchange.transcript), 0)]
    if exchange.client_left:
        return
    try:
        await exchange.downstream.write(chunk)
    except ClientDisconnected:
        exchange.on_client_left()


async def _bytes(exchange: Exchange, attempt: Attempt) -> None:
    try:
        while data := await attempt.call.read():
            attempt.charge.delivered(len(data))
            await _send(exchange, data)
    except UpstreamError as error:
        _broken(exchange, attempt, error)
        _cut(exchange, error)
        raise BrokenOff from None
    attempt.close()
    await _finish(exchange)


async def _events(exchange: Exchange, attempt: Attempt, resume: Resume | None) -> None:
    while True:
        try:
            await _until_end(exchange, attempt, resume)
            break
        except UpstreamError as error:
            _broken(exchange, attempt, error)
            following = None if resume is None else await resume.next_attempt(exchange, attempt)
            if following is None:
                await _terminal_error(exchange, attempt, error)
                return
            exchange.usage_before = exchange.usage
            attempt = exchange.winner = following
            # Its own role chunk would be a second one.
            await _send(exchange, attempt.first[attempt.content_at :])
    decoder = attempt.decoder
    assert decoder is not None
    attempt.settle()
    _account(exchange, attempt)
    if not attempt.ended and (ending := decoder.ending()):
        await stored.remember(exchange, attempt, ending)
        await _send(exchange, ending)
    if comments := _comments(exchange, attempt):
        await _send(exchange, comments)
    try:
        await _finish(exchange)
    finally:
        try:
            await _tail(attempt.call)
        finally:
            attempt.close()


def _comments(exchange: Exchange, attempt: Attempt) -> bytes:
    """What is told behind a stream of server-sent events."""
    format_ = exchange.operation.format
    takes_comments = format_ is None or CLIENTS[format_].takes_comments
    if not takes_comments or not attempt.stream_type.startswith(_SSE):
        return b""
    comments = b""
    if attempt.translation is not None and (unsaid := attempt.translation.unsaid.names):
        comments += b": fastgate dropped=%s\n\n" % headers.listed(unsaid)
    if exchange.generation.settings.money.stream_cost:
        comments += b": fastgate cost_usd=%s\n\n" % usd(exchange.cost).encode()
    return comments


async def _until_end(exchange: Exchange, attempt: Attempt, resume: Resume | None) -> None:
    """Relay until the stream's regular end. UpstreamError for any other."""
    call, decoder, splitter = attempt.call, attempt.decoder, attempt.splitter
    delivered = attempt.delivered
    assert decoder is not None
    assert splitter is not None
    assert delivered is not None
    gap = exchange.services.metrics.inter_chunk_gap.labels(
        attempt.choice.provider.name, attempt.destination.model_label
    )
    if resume is not None:
        resume.saw(attempt.first)
    attempt.first = b""
    last_ns = attempt.content_ns
    reported = decoder.usage
    ended = attempt.ended
    while not ended:
        try:
            data = await call.read()
        except UpstreamError:
            if decoder.finished():
                return  # the client has all of the answer, whatever became of the rest of the framing
            raise
        broken: UpstreamError | None = None
        try:
            events = attempt.feed(data) if data else attempt.feed_tail()
        except UpstreamError as error:
            broken, events = error, len(splitter.events())  # what came whole before it is the client's
        if not events:
            if broken is not None:
                raise broken
            if data:
                continue
            break
        now_ns = clock.monotonic_ns()
        gap.observe(now_ns - last_ns)
        last_ns = now_ns
        block = splitter.block
        if splitter.mask or decoder.reads_all:
            block = _inspected(attempt, decoder, splitter)
            ended = attempt.ended
            if decoder.usage is not None and decoder.usage is not reported:
                attempt.charge.reported(decoder.usage)
        block = attempt.visible(block)
        if block:
            if resume is not None:
                resume.saw(block)
            if b"data:" in block:
                attempt.last_events = block
            attempt.charge.delivered(len(block))
            if decoder.reads_all:
                pass  # `_inspected` has taken the text of each event
            elif events == 1:
                delivered.add(decoder.text_in(block))
            else:
                for event, _ in splitter.events():
                    delivered.add(decoder.text_in(event))
            if ended:
                await stored.remember(exchange, attempt, block)
            await _send(exchange, block)
        if decoder.usage is not reported:
            reported = decoder.usage
            delivered.reported()
        if decoder.error is not None:
            raise decoder.error
        if broken is not None and not ended:
            raise broken
        if not data:
            break
    if not ended and not decoder.complete():
        raise UpstreamError(FailureKind.TRUNCATED, "the stream ended without its terminal event")


def _inspected(attempt: Attempt, decoder: StreamDecoder, splitter: Splitter) -> bytes:
    """The block as the client gets it, up to its end or its error, without what is withheld from it."""
    kept: list[bytes] = []
    for each, mask in splitter.events():
        event = each
        seen = Sees.NOTHING
        if mask or decoder.reads_all:
            seen = decoder.event(each)
            if Sees.ERROR in seen:
                break
            event = decoder.sent_for(each)
            if decoder.reads_all and attempt.delivered is not None:
                attempt.delivered.add(decoder.text_in(each))
        if not (Sees.USAGE_ONLY in seen and attempt.withholds_usage):
            kept.append(event)
        if Sees.END in seen:
            attempt.ended = True
            break
    return b"".join(kept)


def _broken(exchange: Exchange, attempt: Attempt, error: UpstreamError) -> None:
    """The answer broke off after content: nobody else may answer, unless it can be continued."""
    attempt.fail(error)
    _account(exchange, attempt)
    if exchange.client_left:
        raise ClientDisconnected


def _cut(exchange: Exchange, error: UpstreamError) -> str:
    """Put it into the exchange's record; the sentence for the client."""
    exchange.finish = "cut"
    exchange.error = f"the answer broke off: {error.kind.value}: {error.message}"
    if error is exchange.stopped:
        ending = draining()
        exchange.error_code = ending.code
        return ending.message
    exchange.error_code = "upstream_timeout" if error.kind in TIMERS else "upstream_error"
    return f"The provider's stream broke off ({error.kind.value.replace('_', ' ')})."


async def _terminal_error(exchange: Exchange, attempt: Attempt, error: UpstreamError) -> None:
    assert attempt.decoder is not None
    message = _cut(exchange, error)
    ending = attempt.decoder.failure(message, exchange.error_code, attempt.last_events)
    await _send(exchange, ending)
    if not exchange.client_left:
        await exchange.downstream.finish()


async def _finish(exchange: Exchange) -> None:
    if exchange.client_left:
        raise ClientDisconnected
    await exchange.downstream.finish()
    exchange.finish = "complete"
    exchange.downstream.unwatch()  # whoever closes now has got everything


async def _tail(call: Call) -> None:
    """After its last event a stream still has the end of its framing: with that, the connection serves on."""
    overdue = UpstreamError(FailureKind.BETWEEN_CHUNKS_TIMEOUT, "the end of the framing is overdue")
    timer = asyncio.get_running_loop().call_later(TAIL_WAIT_S, call.abort, overdue)
    try:
        while await call.read():
            pass
    except UpstreamError:
        return  # the answer was complete; only the connection is lost, and `release` closes it
    finally:
        timer.cancel()


def _account(exchange: Exchange, attempt: Attempt) -> None:
    usage, before = attempt.charge.usage or attempt.usage, exchange.usage_before
    exchange.usage = usage + before if usage and before else usage or before


async def _remember(exchange: Exchange, attempt: Attempt, response_id: str | None) -> None:
    """A stored response can be fetched later by the key that made it, from the deployment that has it."""
    envelope = exchange.envelope
    if (
        response_id is None
        or exchange.operation.endpoint is not Endpoint.RESPONSES
        or attempt.translation is not None
        or envelope is None
        or envelope.fields.store is False
    ):
        return
    choice = attempt.choice
    owner = ResponseOwner(
        key_id=None if exchange.key is None else exchange.key.id,
        deployment=choice.deployment.id,
        credential=None if choice.credential is None else choice.credential.id,
        model=choice.model,
        created_s=clock.time_ns() // 1_000_000_000,
    )
    await asyncio.to_thread(exchange.services.responses.remember, response_id, owner)
