"""Requested model → ordered candidates, filtered by what the key allows."""

from fastgate.domain.model_ref import ModelRef
from fastgate.errors import GatewayError
from fastgate.pipeline import stored
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.tags import tags_of
from fastgate.routing.plan import Plan


def route(exchange: Exchange) -> Plan:
    """GatewayError when nothing may or can serve the request."""
    key, envelope = exchange.key, exchange.envelope
    exchange.tags = tags_of(exchange)
    table = exchange.generation.table
    previous = None if envelope is None else envelope.fields.previous_response_id
    if previous is not None and not stored.is_own(exchange, previous):
        return stored_response(exchange, previous)
    stored.begin(exchange)
    envelope = exchange.envelope
    plan = exchange.plan = table.plan(
        model=exchange.model,
        key=key,
        fallbacks=() if envelope is None else envelope.fallbacks,
        endpoint=exchange.operation.endpoint,
        body_bytes=exchange.downstream.bytes_in,
        tags=exchange.tags,
    )
    return plan


def route_to(exchange: Exchange, model: ModelRef) -> Plan:
    """To what a budget names in the place of the model that was asked for. GatewayError, as `route`."""
    plan = exchange.plan = exchange.generation.table.plan(
        model=str(model),
        key=exchange.key,
        fallbacks=(),
        endpoint=exchange.operation.endpoint,
        body_bytes=exchange.downstream.bytes_in,
        tags=exchange.tags,
    )
    return plan


def stored_response(exchange: Exchange, response_id: str) -> Plan:
    """The one deployment and credential that a stored response is at. A stranger's does not exist."""
    owner = exchange.services.responses.find(response_id)
    key_id = None if exchange.key is None else exchange.key.id
    plan = None
    if owner is not None and owner.key_id == key_id:
        plan = exchange.generation.table.pinned(
            deployment=owner.deployment,
            credential=owner.credential,
            model=owner.model,
            asked=exchange.model,
            key=exchange.key,
            endpoint=exchange.operation.endpoint,
            generates=exchange.envelope is not None,
        )
    if plan is None:
        raise GatewayError(
            "response_not_found",
            "No stored response of this id is known for this virtual key.",
            param="previous_response_id" if exchange.envelope is not None else "response_id",
        )
    exchange.plan = plan
    return plan
