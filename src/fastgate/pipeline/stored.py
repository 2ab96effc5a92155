"""`responses.store_translated`: the Responses API's memory, for providers that have not the API.

A response is kept with all that led to it, so that one that follows it is a request like any other.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from fastgate import clock
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.pipeline.exchange import Exchange
from fastgate.store.conversations import StoredConversation
from fastgate.wire.envelope import Envelope
from fastgate.wire.interface import raw
from fastgate.wire.responses import history
from fastgate.wire.responses.ids import response_of
from fastgate.wire.responses.request_reader import read_request
from fastgate.wire.responses.shapes import ResponsesConversation

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt

_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


def is_own(exchange: Exchange, response_id: str) -> bool:
    """Whether a response of this id is the gateway's to know: no provider has it."""
    return response_of(response_id) == response_id and exchange.services.responses.find(response_id) is None


def begin(exchange: Exchange) -> None:
    """Put in what a request only refers to, and see to it that its answer is kept.

    GatewayError response_not_found, unsupported_field where nothing is kept.
    """
    envelope, limits = exchange.envelope, exchange.generation.settings.responses
    if envelope is None or exchange.operation.format is not Format.RESPONSES:
        return
    previous = envelope.fields.previous_response_id
    if limits.on:
        _expand(exchange, envelope, previous)
    elif previous is not None:
        raise GatewayError(
            "unsupported_field",
            "The provider of that response keeps none, and the gateway does so only with "
            "`responses.store_translated`: send the whole conversation in `input`.",
            param="previous_response_id",
        )


async def remember(exchange: Exchange, attempt: "Attempt", sent: bytes) -> None:
    """Keep an answer that was written anew; `sent` is the whole, or the end of a stream. To be called before
    the client has it, who may go on from it at once."""
    translation = attempt.translation
    if translation is None:
        return
    request = translation.request
    if not isinstance(request, ResponsesConversation) or request.kept is None:
        return
    response = history.response_in(sent)
    conversation = StoredConversation(
        key_id=_key_id(exchange),
        created_s=clock.time_ns() // 1_000_000_000,
        items=request.kept,
        response=response.body,
    )
    limits = exchange.generation.settings.responses
    await asyncio.to_thread(exchange.services.conversations.remember, response.id, conversation, limits)


def find(exchange: Exchange, response_id: str) -> StoredConversation | None:
    """None also for a stranger's."""
    ttl_s = exchange.generation.settings.responses.ttl_s
    return exchange.services.conversations.find(response_id, _key_id(exchange), ttl_s)


def _key_id(exchange: Exchange) -> str | None:
    return None if exchange.key is None else exchange.key.id


def _expand(exchange: Exchange, envelope: Envelope, previous: str | None) -> None:
    earlier = _Earlier(exchange)
    written = history.input_items(envelope.body)
    items = history.resolved(written, earlier.item)
    turns = [] if previous is None else earlier.turns(previous)
    items = [*turns, *items]
    if previous is not None or items != written:
        envelope = exchange.envelope = history.with_input(envelope, items)
    try:
        request = read_request(envelope.body, len(turns))
    except GatewayError:
        return  # a provider that has the API may take it; to translate it for others fails again
    if envelope.fields.store is not False:
        request.kept = msgspec.json.encode(items)
        request.store = None
    if previous is not None:
        request.echo["previous_response_id"] = raw(previous)
    exchange.neutral = request


class _Earlier:
    """What the key's earlier responses said, each looked up once a request, and no more of it than a request
    may be long: GatewayError request_too_large."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._output: dict[str, dict[str, msgspec.Raw]] = {}
        self._room = exchange.generation.settings.max_body_bytes

    def turns(self, response_id: str) -> list[msgspec.Raw]:
        """All that led to a response, and its output. GatewayError response_not_found."""
        found = find(self._exchange, response_id)
        if found is None:
            raise GatewayError(
                "response_not_found",
                "No stored response of this id is known for this virtual key.",
                param="previous_response_id",
            )
        self._take(len(found.items) + len(found.response))
        return [*_items.decode(found.items), *history.answered(found.response).output]

    def item(self, id_: str) -> msgspec.Raw | None:
        """An item of the output of one."""
        response_id = response_of(id_)
        if response_id is None:
            return None
        output = self._output.get(response_id)
        if output is None:
            found = find(self._exchange, response_id)
            items = () if found is None else history.answered(found.response).output
            output = self._output[response_id] = history.by_id(items)
        item = output.get(id_)
        if item is not None:
            self._take(len(bytes(item)))
        return item

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise GatewayError(
                "request_too_large",
                "With what it refers to, the request is larger than `server.max_body_bytes`.",
            )
