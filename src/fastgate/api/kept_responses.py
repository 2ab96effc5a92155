"""`/v1/responses/{id}` and what is below it, of a response that the gateway has stored itself."""

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from fastgate.errors import GatewayError
from fastgate.pipeline import headers, stored
from fastgate.pipeline.exchange import Exchange
from fastgate.store.conversations import StoredConversation
from fastgate.wire.openai import JSON
from fastgate.wire.responses.history import listed_item

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100

_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


async def answer_kept(exchange: Exchange, response_id: str, suffix: str) -> None:
    """GatewayError response_not_found, invalid_field."""
    found = stored.find(exchange, response_id)
    if found is None:
        raise GatewayError(
            "response_not_found",
            "No stored response of this id is known for this virtual key.",
            param="response_id",
        )
    if suffix == "input_items":
        body = msgspec.json.encode(_listed(exchange, response_id, found))
    elif suffix == "cancel":
        raise _invalid("response_id", "Only a response that is made in the background can be cancelled.")
    elif exchange.operation.method == b"DELETE":
        await asyncio.to_thread(exchange.services.conversations.forget, response_id)
        body = msgspec.json.encode({"id": response_id, "object": "response", "deleted": True})
    elif exchange.stream:
        raise _invalid("stream", "Only a response that is made in the background can be streamed again.")
    else:
        body = found.response
    exchange.status, exchange.finish = 200, "complete"
    await exchange.downstream.respond(200, [JSON, *headers.own(exchange, None)], body)


def _listed(exchange: Exchange, response_id: str, found: StoredConversation) -> dict[str, Any]:
    """A page of the input items, the newest first unless asked otherwise."""
    asked = {name: values[-1] for name, values in parse_qs(exchange.query).items()}
    order, limit = asked.get("order", "desc"), asked.get("limit", str(DEFAULT_LIMIT))
    if order not in ("asc", "desc"):
        raise _invalid("order", "It is `asc` or `desc`.")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= MAX_LIMIT):
        raise _invalid("limit", f"It is a whole number from 1 to {MAX_LIMIT}.")
    items = [listed_item(item, response_id, index) for index, item in enumerate(_items.decode(found.items))]
    if order == "desc":
        items.reverse()
    after = asked.get("after")
    if after is not None:
        places = [place for place, item in enumerate(items, 1) if item["id"] == after]
        if not places:
            raise _invalid("after", "There is no such item.")
        items = items[places[0] :]
    page = items[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > len(page),
    }


def _invalid(param: str, message: str) -> GatewayError:
    return GatewayError("invalid_field", message, param=param)
