"""The end of every exchange, whatever became of it: limits, metrics and its one log line, exactly once.

What its attempts cost is settled with each of them (`charge`)."""

from typing import Final, Literal

from fastgate import clock
from fastgate.limits.chain import Chain
from fastgate.observability import log
from fastgate.observability.catalogue import NONE
from fastgate.observability.records import ExchangeRecord
from fastgate.pipeline.cells import Cells
from fastgate.pipeline.exchange import MAX_LOGGED_BYTES, NO_SLOT, Exchange

MAX_PATH: Final = 512
MAX_ERROR: Final = 1000
MAX_DROPPED: Final = 64  # names, and characters of each


def settle(exchange: Exchange) -> None:
    now_ns = clock.monotonic_ns()
    duration_ns = now_ns - exchange.started_ns
    if exchange.slot != NO_SLOT:
        exchange.services.accounting.writer.holds.free(exchange.slot)
        exchange.slot = NO_SLOT
    if exchange.taken is not None and exchange.payer is not None:
        _leave_limits(exchange, exchange.payer.limits, exchange.taken, now_ns=now_ns)
    _measure(exchange, duration_ns)
    if exchange.generation.settings.log_requests:
        log.exchange(_record(exchange, duration_ns))


def _leave_limits(exchange: Exchange, limits: Chain, taken: tuple[int, int], *, now_ns: int) -> None:
    """Put what was consumed in the place of what was taken for it."""
    input_tokens, output_tokens = taken
    limits.correct(exchange.input_tokens - input_tokens, exchange.output_tokens - output_tokens, now_ns)
    exchange.services.accounting.queue.released(limits)


def _measure(exchange: Exchange, duration_ns: int) -> None:
    services = exchange.services
    metrics = services.metrics
    endpoint = exchange.operation.label
    provider, model = NONE, exchange.generation.label(exchange.model)
    if exchange.winner is not None:
        provider = exchange.winner.choice.provider.name
        model = exchange.winner.destination.model_label
    key = (endpoint, provider, model, exchange.status)
    cells = services.cells.get(key)
    if cells is None:
        cells = services.cells[key] = Cells(metrics, *key)
    exemplar = exchange.request_id.encode("ascii")
    cells.requests.inc()
    cells.duration.observe(duration_ns, exemplar)
    if exchange.overhead_ns:
        cells.overhead.observe(exchange.overhead_ns)
    cells.received_bytes.inc(exchange.downstream.bytes_in)
    cells.sent_bytes.inc(exchange.downstream.bytes_out)
    if exchange.client_left:
        metrics.client_disconnects.labels(endpoint).inc()
    if exchange.status == 401 and exchange.error_code:
        metrics.auth_failures.labels(exchange.error_code).inc()
    if exchange.first_content_ns:
        ttft_ns = exchange.first_content_ns - exchange.started_ns
        metrics.time_to_first_token.labels(provider, model).observe(ttft_ns, exemplar)
    usage = exchange.usage
    if usage is not None:
        cells.input_tokens.inc(usage.input_tokens)
        cells.output_tokens.inc(usage.output_tokens)
        if usage.cached_input_tokens:
            metrics.cached_input_tokens.labels(provider, model).inc(usage.cached_input_tokens)
        if usage.reasoning_tokens:
            metrics.reasoning_tokens.labels(provider, model).inc(usage.reasoning_tokens)


def _record(exchange: Exchange, duration_ns: int) -> ExchangeRecord:
    downstream = exchange.downstream
    model = exchange.model or ""
    record = ExchangeRecord(
        request_id=exchange.request_id,
        endpoint=exchange.operation.label,
        method=downstream.method,
        path=downstream.path[:MAX_PATH],
        stream=exchange.stream,
        status=exchange.status,
        code=exchange.error_code,
        error=exchange.error[:MAX_ERROR],
        level=_level(exchange),
        model=model[:256],
        route=model if model in exchange.generation.snapshot.routes else "",
        attempts=exchange.attempts,
        retries=exchange.retries,
        fallbacks=exchange.fallbacks,
        hedges=exchange.hedges,
        duration_ms=duration_ns / 1e6,
        overhead_us=exchange.overhead_ns // 1000,
        upstream_ms=exchange.waited_ns / 1e6,
        bytes_in=downstream.bytes_in,
        bytes_out=downstream.bytes_out,
        chunks=exchange.chunks,
        client="disconnected" if exchange.client_left else "",
        finish=exchange.finish,
    )
    record.tags = exchange.tags
    record.cost_nano_usd = exchange.cost
    record.estimated = exchange.estimated
    record.unpriced = exchange.unpriced
    key, winner, usage = exchange.key, exchange.winner, exchange.usage
    if key is not None:
        record.virtual_key = key.id
        record.customer_id = key.customer_id or ""
        record.team_id = key.team_id or ""
        record.metadata = key.metadata
        if key.log_prompts and exchange.envelope is not None:
            record.prompt = exchange.envelope.body[:MAX_LOGGED_BYTES].decode("utf-8", "replace")
            answer = exchange.transcript or (b"" if winner is None else winner.body)
            record.answer = answer[:MAX_LOGGED_BYTES].decode("utf-8", "replace")
    if winner is not None:
        choice = winner.choice
        record.provider = choice.provider.name
        record.deployment = choice.deployment.id
        record.credential = "" if choice.credential is None else choice.credential.id
        record.upstream_model = choice.model
        if winner.translation is not None:
            record.dropped = [name[:MAX_DROPPED] for name in winner.translation.unsaid.names[:MAX_DROPPED]]
        upstream_id = winner.call.header(b"x-request-id")
        record.upstream_request_id = "" if upstream_id is None else upstream_id.decode("latin-1")[:128]
        if exchange.first_content_ns:
            record.ttft_ms = (exchange.first_content_ns - exchange.started_ns) / 1e6
    if usage is not None:
        record.input_tokens = usage.input_tokens
        record.output_tokens = usage.output_tokens
        record.cached_input_tokens = usage.cached_input_tokens
        record.reasoning_tokens = usage.reasoning_tokens
    return record


def _level(exchange: Exchange) -> Literal["info", "warning", "error"]:
    if exchange.error_code == "internal_error":
        return "error"
    return "warning" if exchange.status >= 500 or exchange.finish == "cut" else "info"
