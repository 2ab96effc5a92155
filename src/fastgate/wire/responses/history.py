"""Input items that stand in for others, and items as they are given out again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.format import Format
from fastgate.wire.envelope import Envelope
from fastgate.wire.interface import raw
from fastgate.wire.reading import MEMBERS, decoded
from fastgate.wire.responses.ids import item_id
from fastgate.wire.responses.items import text_part

_contents: Final = msgspec.json.Decoder(str | list[msgspec.Raw])
_inputs: Final = msgspec.json.Decoder(str | list[msgspec.Raw] | None)


class _Named(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    role: str | None = None


class _Response(msgspec.Struct):
    id: str
    output: list[msgspec.Raw]


class _Event(msgspec.Struct):
    response: msgspec.Raw


_named: Final = msgspec.json.Decoder(_Named)
_responses: Final = msgspec.json.Decoder(_Response)
_events: Final = msgspec.json.Decoder(_Event)


class Answered(msgspec.Struct, frozen=True):
    """A response object, and what it says of itself."""

    id: str
    output: list[msgspec.Raw]
    body: bytes


def answered(body: bytes) -> Answered:
    said = _responses.decode(body)
    return Answered(said.id, said.output, body)


def response_in(sent: bytes) -> Answered:
    """Of a whole answer, or of the last of a stream's events."""
    if sent.startswith(b"{"):
        return answered(sent)
    _, _, data = sent.rpartition(b"\ndata: ")
    return answered(bytes(_events.decode(data).response))


def input_items(body: bytes) -> list[msgspec.Raw]:
    """Of a request; none where it does not say any. GatewayError `invalid_field`."""
    items = decoded(_inputs, MEMBERS.decode(body).get("input", b"null"), "input")
    if isinstance(items, str):
        return [raw({"type": "message", "role": "user", "content": items})]
    return items or []


def resolved(items: Iterable[msgspec.Raw], find: Callable[[str], msgspec.Raw | None]) -> list[msgspec.Raw]:
    """With the items that others only refer to, as far as `find` has them by their ids."""
    out = []
    for index, item in enumerate(items):
        said = decoded(_named, item, f"input[{index}]")
        refers = said.type == "item_reference" or (said.type is None and said.role is None)
        found = find(said.id) if refers and said.id is not None else None
        out.append(item if found is None else found)
    return out


def by_id(output: Iterable[msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {id_: item for item in output if (id_ := _named.decode(item).id) is not None}


def with_input(envelope: Envelope, items: Sequence[msgspec.Raw]) -> Envelope:
    """The request with this input, and without a response that it is to follow."""
    members = MEMBERS.decode(envelope.body)
    members.pop("previous_response_id", None)
    members["input"] = raw(items)
    expanded = Envelope.decode(msgspec.json.encode(members), Format.RESPONSES)
    expanded.fallbacks = envelope.fallbacks
    return expanded


def listed_item(item: msgspec.Raw, response_id: str, index: int) -> dict[str, Any]:
    """As a list of input items has it: with an id, and a message's text as a part."""
    named = _named.decode(item)
    said: dict[str, Any] = {
        **MEMBERS.decode(item),
        "type": named.type or "message",
        "id": named.id or item_id(response_id, "in", index),
    }
    if said["type"] == "message":
        said.setdefault("status", "completed")
        content = _contents.decode(said["content"])
        if isinstance(content, str):
            said["content"] = [_text(named.role, content)]
    return said


def _text(role: str | None, text: str) -> dict[str, Any]:
    if role == "assistant":
        return text_part(text, [], [])
    return {"type": "input_text", "text": text}
