"""`GET /v1/models` and `/v1/models/{id}`: what this virtual key may use, in the shape of the client's SDK."""

from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.pipeline import headers
from fastgate.pipeline.authenticate import authenticate
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.run import Answer
from fastgate.wire.model_lists import write_model, write_models
from fastgate.wire.openai import JSON


async def answer_list(exchange: Exchange) -> None:
    authenticate(exchange)
    models = exchange.generation.table.public_models(exchange.key)
    shown = [(model.id, model.owned_by) for model in models]
    await _respond(exchange, write_models(_format_of(exchange), shown))


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
        await _respond(exchange, write_model(_format_of(exchange), found.id, found.owned_by))

    return answer


def _format_of(exchange: Exchange) -> Format:
    """SDKs of several vendors ask the same path: their own headers tell them apart."""
    header, path = exchange.downstream.header, exchange.downstream.path
    if header(b"anthropic-version") is not None:
        return Format.MESSAGES
    if header(b"x-goog-api-key") is not None or path.startswith(("/genai/", "/v1beta", "/v1alpha")):
        return Format.GENERATE_CONTENT
    return Format.CHAT


async def _respond(exchange: Exchange, body: bytes) -> None:
    exchange.status, exchange.finish = 200, "complete"
    out = [JSON, *headers.own(exchange, None)]
    await exchange.downstream.respond(200, out, body)
