"""`x-fastgate-dry-run: 1`: which deployments would be tried, in order, and why others are out."""

import msgspec

from fastgate.pipeline import headers
from fastgate.pipeline.exchange import Exchange
from fastgate.routing.plan import Plan
from fastgate.wire.openai import JSON


def is_dry_run(exchange: Exchange) -> bool:
    return exchange.downstream.header(b"x-fastgate-dry-run") in {b"1", b"true"}


async def answer_dry_run(exchange: Exchange, plan: Plan) -> None:
    """Calls no provider and changes no health."""
    body = msgspec.json.encode(
        {"object": "fastgate.dry_run", "model": exchange.model, "candidates": plan.explain()}
    )
    exchange.status = 200
    exchange.finish = "complete"
    await exchange.downstream.respond(200, [JSON, *headers.own(exchange, None)], body)
