"""How many tokens a request has: by the provider where that counts for this client's format, else here."""

from typing import Final

from fastgate.domain.format import Format
from fastgate.domain.snapshot import Provider
from fastgate.pipeline import headers
from fastgate.pipeline.admit import enter, waited
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.fallback import obtain
from fastgate.pipeline.receive import receive
from fastgate.pipeline.relay import relay
from fastgate.pipeline.route import route
from fastgate.providers import token_count
from fastgate.providers.registry import DIALECTS
from fastgate.wire.formats import CLIENTS
from fastgate.wire.gemini import count as gemini_count
from fastgate.wire.messages import count as messages_count
from fastgate.wire.openai import JSON

ESTIMATED: Final = (b"x-fastgate-estimated", b"1")

_WRITERS: Final = {
    Format.MESSAGES: messages_count.answer,
    Format.GENERATE_CONTENT: gemini_count.count_answer,
}


async def answer_count(exchange: Exchange) -> None:
    """Nothing is billed for it, and no budget holds it. It is a request to the key's rate limits: a provider
    limits these too, and one client must not use that up. GatewayError, as `route` and `admit`."""
    authenticate(exchange)
    await receive(exchange)
    plan = route(exchange)
    waiter = enter(exchange)
    if waiter is not None:
        await waited(exchange, waiter)
    wanted = exchange.operation.format
    assert wanted is not None

    def speaks(provider: Provider, model: str) -> bool:
        return DIALECTS[provider.dialect].format_for(wanted, provider, model) is wanted

    if plan.natively(exchange.operation.endpoint, speaks) and not exchange.carries_seals:
        await relay(exchange, await obtain(exchange, plan))
        return
    assert exchange.envelope is not None
    client = CLIENTS[wanted]
    body = exchange.envelope.body
    client.read_request(body, exchange.path_model)
    tokens = token_count.count(client.text(body), exchange.model or "")
    exchange.status, exchange.finish = 200, "complete"
    out = [JSON, ESTIMATED, *headers.own(exchange, None)]
    await exchange.downstream.respond(200, out, _WRITERS[wanted](tokens))
