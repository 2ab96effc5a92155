"""`/v1/responses/{id}` and what is below it: relayed to the deployment that stored the response, or answered
of what the gateway has stored."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl, unquote

from fastgate.api.kept_responses import answer_kept
from fastgate.api.operations import STORED_RESPONSE
from fastgate.downstream.interface import Downstream
from fastgate.errors import GatewayError
from fastgate.pipeline import stored
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.fallback import obtain
from fastgate.pipeline.relay import relay
from fastgate.pipeline.route import stored_response
from fastgate.pipeline.run import run
from fastgate.pipeline.services import Services

_ID_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


async def handle(services: Services, downstream: Downstream, rest: str) -> None:
    """`rest` is the path after `/responses/`."""
    response_id, _, suffix = rest.partition("/")
    operation = STORED_RESPONSE.get((downstream.method, suffix))
    if operation is None or not response_id or not _ID_CHARACTERS.issuperset(response_id):
        allowed = [method for method, known in STORED_RESPONSE if known == suffix]
        if operation is None and allowed and response_id:
            raise GatewayError(
                "method_not_allowed",
                f"{downstream.method} is not allowed here; use {', '.join(allowed)}.",
                headers=((b"allow", ", ".join(allowed).encode()),),
            )
        raise GatewayError("unknown_path", "There is no such endpoint below /responses.")
    exchange = Exchange(services, downstream, operation)
    exchange.path = f"{operation.path}/{response_id}" + (f"/{suffix}" if suffix else "")
    exchange.query = _without_version(downstream.query)
    parameters = dict(parse_qsl(downstream.query.decode("latin-1")))
    exchange.stream = parameters.get("stream", "").lower() in {"true", "1"}

    async def answer(exchange: Exchange) -> None:
        authenticate(exchange)
        if stored.is_own(exchange, response_id):
            await answer_kept(exchange, response_id, suffix)
            return
        plan = stored_response(exchange, response_id)
        await relay(exchange, await obtain(exchange, plan))
        if operation.method == b"DELETE" and exchange.status == 200:
            await asyncio.to_thread(services.responses.forget, response_id)

    await run(exchange, answer)


def _without_version(query: bytes) -> str:
    """The client's query less Azure's `api-version`, which belongs to the provider's configuration."""
    parts = query.decode("latin-1").split("&")
    return "&".join(part for part in parts if part and unquote(part.partition("=")[0]) != "api-version")
