"""`GET /v1/models` and `/v1/models/{id}`: what this virtual key may use."""

from typing import Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.pipeline import headers
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.run import Answer
from fastgate.routing.table import PublicModel
from fastgate.wire.openai import JSON, Model, ModelList

CREATED: Final = 1_700_000_000
"""OpenAI's type demands a creation time; the gateway knows none, so it says the same for all."""


async def answer_list(exchange: Exchange) -> None:
    authenticate(exchange)
    models = exchange.generation.table.public_models(exchange.key)
    await _respond(exchange, ModelList(data=[_shown(model) for model in models]))


def answer_one(model_id: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        authenticate(exchange)
        found = exchange.generation.table.public_model(model_id, exchange.key)
        if found is None:
            raise GatewayError(
                "model_not_found",
                f"The model {model_id[:200]!r} does not exist, or this virtual key may not use it.",
                param="model",
            )
        await _respond(exchange, _shown(found))

    return answer


def _shown(model: PublicModel) -> Model:
    return Model(id=model.id, created=CREATED, owned_by=model.owned_by)


async def _respond(exchange: Exchange, body: Model | ModelList) -> None:
    exchange.status, exchange.finish = 200, "complete"
    out = [JSON, *headers.own(exchange, None)]
    await exchange.downstream.respond(200, out, msgspec.json.encode(body))
