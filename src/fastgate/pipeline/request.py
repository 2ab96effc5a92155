"""What one attempt sends: as the client wrote it, or written anew in the provider's format."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.pipeline.charge import Charge, NoCharge
from fastgate.pipeline.compat import refuse_strictly
from fastgate.pipeline.destination import Destination
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.passed_body import passed_body
from fastgate.pipeline.translation import Translation
from fastgate.providers.interface import Header, RequestPlan
from fastgate.routing.plan import Choice
from fastgate.wire.pieces import Body

_JSON: Final = b"application/json"

Built = tuple[bytes, Body, Translation | None, Sequence[str]]
"""Head, body, what translates the answer back, and what the provider is not told where nothing does."""


def build(exchange: Exchange, choice: Choice, destination: Destination, charge: Charge | NoCharge) -> Built:
    """GatewayError where this provider cannot be sent it; nothing was sent then."""
    operation = exchange.operation
    wanted = operation.format
    spoken = None if wanted is None else destination.spoken(wanted)
    body: Body = b""
    content_type = b""
    if exchange.envelope is not None:
        content_type = _JSON
    elif exchange.form is not None:
        body = exchange.form.render(choice.model)
        content_type = exchange.form.content_type
    plan = RequestPlan(
        method=operation.method,
        path=exchange.path,
        endpoint=operation.endpoint,
        format=spoken,
        translated=spoken is not wanted or exchange.carries_seals,
        stream=exchange.stream,
        provider=choice.provider,
        deployment=choice.deployment,
        model=choice.model,
        secret=destination.secret(),
        content_type=content_type,
        query=exchange.query,
        headers=_owned(exchange.downstream.select(exchange.generation.forwarded), exchange),
        heads=destination.heads,
    )
    dialect = destination.dialect
    translation: Translation | None = None
    unsaid: Sequence[str] = ()
    try:
        if exchange.envelope is not None:
            adapt = dialect.adapt(plan)
            if not plan.translated:
                unsaid = dialect.unsaid(plan, exchange.envelope.body)
                refuse_strictly(exchange, plan.provider.name, unsaid)
                body = passed_body(exchange.envelope, operation, plan, cap=charge.cap, adapt=adapt)
            else:
                assert wanted is not None
                assert spoken is not None
                translation = Translation(exchange, choice, wanted, spoken)
                cap = charge.cap
                members = translation.members(None if cap is None else cap[1], dialect.unsaid(plan, b""))
                if adapt is not None:
                    adapt(members)
                body = msgspec.json.encode(members)
        return dialect.build_head(plan, body), body, translation, unsaid
    except ValueError as error:
        raise GatewayError("invalid_body", f"The request cannot be forwarded: {error}.") from None


def _owned(headers: Sequence[Header], exchange: Exchange) -> Sequence[Header]:
    """A provider keys idempotency by account, which tenants share: each gets keys of its own."""
    key_id = b"" if exchange.key is None else exchange.key.id.encode()
    return (
        [
            (name, key_id + b":" + value) if name == b"idempotency-key" else (name, value)
            for name, value in headers
        ]
        if headers
        else headers
    )
