"""Items that stand in for others, and items as they are given out again."""

from typing import Any

import msgspec
import pytest
from openai.types.responses import ResponseItemList

from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.envelope import Envelope
from fastgate.wire.interface import raw
from fastgate.wire.responses import history
from fastgate.wire.responses.ids import item_id, new_response_id, response_of


def body(**members: Any) -> bytes:
    return msgspec.json.encode({"model": "m", **members})


def test_ids() -> None:
    response_id = new_response_id()
    assert response_of(response_id) == response_id
    assert response_of(item_id(response_id, "msg", 12)) == response_id
    for other in ("resp_1", "msg_0123456789abcdef0123456789abcdef", response_id + "x", ""):
        assert response_of(other) is None


def test_input_items() -> None:
    assert history.input_items(body()) == history.input_items(body(input=None)) == []
    assert history.input_items(body(input="hi")) == [
        raw({"type": "message", "role": "user", "content": "hi"})
    ]
    assert history.input_items(body(input=[{"a": 1}])) == [raw({"a": 1})]
    with pytest.raises(GatewayError) as caught:
        history.input_items(body(input=3))
    assert (caught.value.code, caught.value.param) == ("invalid_field", "input")


def test_references_are_put_in_as_far_as_they_are_known() -> None:
    known = {"msg_1": raw({"id": "msg_1", "found": True})}
    items = [
        raw({"type": "item_reference", "id": "msg_1"}),
        raw({"id": "msg_1"}),
        raw({"id": "msg_1", "role": "user", "content": "x"}),
        raw({"type": "item_reference", "id": "msg_2"}),
        raw({"type": "item_reference"}),
    ]
    found = history.resolved(items, known.get)
    assert found == [known["msg_1"], known["msg_1"], *items[2:]]
    with pytest.raises(GatewayError) as caught:
        history.resolved([raw(3)], known.get)
    assert caught.value.param == "input[0]"


def test_a_request_with_another_input_keeps_the_rest() -> None:
    envelope = Envelope.decode(
        body(input="hi", previous_response_id="resp_1", fallbacks=["other"], top_p=0.5), Format.RESPONSES
    )
    expanded = history.with_input(envelope, [raw({"a": 1})])
    assert msgspec.json.decode(expanded.body) == {"model": "m", "input": [{"a": 1}], "top_p": 0.5}
    assert expanded.fallbacks == envelope.fallbacks
    assert expanded.fallbacks


RESPONSE = msgspec.json.encode({"id": "resp_1", "output": [{"id": "msg_1"}], "text": "\ndata: x"})


@pytest.mark.parametrize(
    "sent",
    [
        RESPONSE,
        b"event: a\ndata: {}\n\nevent: response.completed\ndata: "
        b'{"type":"response.completed","response":%b}\n\n' % RESPONSE,
    ],
)
def test_the_response_in_what_is_sent(sent: bytes) -> None:
    found = history.response_in(sent)
    assert (found.id, found.output, found.body) == ("resp_1", [raw({"id": "msg_1"})], RESPONSE)
    assert history.by_id([*found.output, raw({"type": "x"})]) == {"msg_1": found.output[0]}


def test_listed_items_have_what_the_sdk_wants() -> None:
    items = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t"}]},
        {"type": "function_call_output", "call_id": "c", "output": "o", "status": "completed"},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
        },
    ]
    listed = [history.listed_item(raw(item), "resp_fg0", index) for index, item in enumerate(items)]
    page = {"object": "list", "data": listed, "first_id": "a", "last_id": "b", "has_more": False}
    read = ResponseItemList.model_validate(msgspec.json.decode(msgspec.json.encode(page)), strict=True)
    assert [item.type for item in read.data] == [
        "message",
        "message",
        "message",
        "function_call_output",
        "function_call",
    ]
    assert [item["id"] for item in listed] == ["in_fg00", "in_fg01", "in_fg02", "in_fg03", "fc_1"]
