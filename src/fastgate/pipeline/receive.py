"""Read the body and decode the few fields of it that the gateway looks at."""

from typing import Final

from fastgate import clock
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.operation import BodyKind
from fastgate.wire.envelope import Envelope
from fastgate.wire.messages.advisor import refuse_advisor
from fastgate.wire.multipart import FormEnvelope

_CLAUDES: Final = frozenset({Format.MESSAGES, Format.INVOKE})


async def receive(exchange: Exchange) -> None:
    """GatewayError for a body that is too large, too slow, or not what the endpoint takes."""
    kind = exchange.operation.body
    if kind is BodyKind.NONE:
        return
    downstream = exchange.downstream
    if downstream.header(b"content-encoding") not in {None, b"identity"}:
        raise GatewayError("unsupported_media_type", "Send the body without content-encoding.")
    settings = exchange.generation.settings
    began = clock.monotonic_ns()
    try:
        body = await downstream.body(settings.max_body_bytes, settings.body_timeout_s)
    finally:
        exchange.waited_ns += clock.monotonic_ns() - began
    if kind is BodyKind.FORM:
        exchange.form = FormEnvelope.decode(body, downstream.header(b"content-type") or b"")
        exchange.stream = exchange.form.stream
    else:
        operation = exchange.operation
        envelope = exchange.envelope = Envelope.decode(body, operation.format)
        if operation.format in _CLAUDES or envelope.fields.provider_options is not None:
            refuse_advisor(body)
        exchange.stream = exchange.envelope.stream if operation.streams is None else operation.streams
