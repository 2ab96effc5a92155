"""The envelope: what is read, what is refused and where, and that all else stays byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.virtual_key import ModelRef
from fastgate.errors import GatewayError
from fastgate.wire.envelope import Envelope

ODD = (
    b'{ "messages" : [ {"role":"user","content":"\\u00e9 {\\"model\\": 1}"} ],\n'
    b' "model":\t"gpt-4o" , "x":1.50e1,"stream":true}'
)


def refused(body: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        Envelope.decode(body)
    return caught.value


def test_a_body_that_needs_no_change_is_forwarded_as_the_same_bytes() -> None:
    envelope = Envelope.decode(ODD)
    assert envelope.model == "gpt-4o"
    assert envelope.stream
    assert envelope.render(None, ask_usage=False) is ODD
    assert envelope.render("gpt-4o", ask_usage=False) is ODD


def test_the_model_is_spliced_in_and_nothing_else_changes() -> None:
    body = Envelope.decode(ODD).render('na"me', ask_usage=False)
    assert body == ODD.replace(b'"gpt-4o"', b'"na\\"me"')


def test_usage_is_asked_for_by_adding_stream_options() -> None:
    body = Envelope.decode(ODD).render(None, ask_usage=True)
    assert body == b'{"stream_options":{"include_usage":true},' + ODD[1:]


def test_other_stream_options_are_kept() -> None:
    body = Envelope.decode(b'{"stream_options":{"include_obfuscation":false,"include_usage":false}}')
    assert json.loads(body.render(None, ask_usage=True)) == {
        "stream_options": {"include_obfuscation": False, "include_usage": True}
    }


def test_null_stream_options_are_replaced() -> None:
    body = Envelope.decode(b'{"model":"a","stream_options":null}').render(None, ask_usage=True)
    assert json.loads(body) == {"model": "a", "stream_options": {"include_usage": True}}


def test_a_client_that_asked_for_usage_itself_gets_its_bytes_forwarded() -> None:
    body = b'{"model":"a","stream_options":{"include_usage":true}}'
    envelope = Envelope.decode(body)
    assert envelope.include_usage
    assert envelope.render(None, ask_usage=True) is body


@pytest.mark.parametrize("body", [b"{}", b"{ \n}", b'{"a":1}'])
def test_a_missing_model_is_inserted(body: bytes) -> None:
    assert json.loads(Envelope.decode(body).render("m", ask_usage=True)) == {
        **json.loads(body),
        "model": "m",
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{"fallbacks":["a/b",{"model":"c","provider":"d"}],"model":"m"}',
        b'{"model":"m","fallbacks":["a/b",{"model":"c","provider":"d"}]}',
        b'{"model":"m" , "fallbacks" : ["a/b",{"model":"c","provider":"d"}] , "x":1}',
    ],
)
def test_fallbacks_are_read_and_cut_out(body: bytes) -> None:
    envelope = Envelope.decode(body)
    assert envelope.fallbacks == (ModelRef(model="a/b"), ModelRef(model="c", provider="d"))
    expected = {k: v for k, v in json.loads(body).items() if k != "fallbacks"}
    assert json.loads(envelope.render(None, ask_usage=False)) == expected


@given(
    st.dictionaries(
        st.text(max_size=8), st.recursive(st.integers() | st.text(max_size=9), st.lists, max_leaves=4)
    ),
    st.text(max_size=8),
    st.booleans(),
)
def test_any_object_survives_any_edit(extra: dict[str, object], model: str, ask: bool) -> None:
    for read in (
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "user",
        "metadata",
        "fallbacks",
        "previous_response_id",
        "store",
    ):
        extra.pop(read, None)
    body = json.dumps({**extra, "model": "before"}, indent=1).encode()
    rendered = json.loads(Envelope.decode(body).render(model, ask_usage=ask))
    options = {"stream_options": {"include_usage": True}} if ask else {}
    assert rendered == {**extra, "model": model, **options}


@pytest.mark.parametrize(
    ("body", "code", "param", "says"),
    [
        (b'{"model":1}', "invalid_field", "model", "byte 9"),
        (b'{"a":0,"stream":"yes"}', "invalid_field", "stream", "byte 16"),
        (b'{"n":1.5}', "invalid_field", "n", "byte 5"),
        (
            b'{"stream_options":{"include_usage":3}}',
            "invalid_field",
            "stream_options.include_usage",
            "byte 18",
        ),
        (b'{"fallbacks":[7]}', "invalid_field", "fallbacks[0]", "byte 13"),
        (b"[1]", "invalid_body", None, "object"),
        (b"", "invalid_json", None, "truncated"),
        (b'{"model":"a"', "invalid_json", None, "byte 12"),
        (b'{"model":"a"}}', "invalid_json", None, "trailing characters"),
        (b'{"x":NaN}', "invalid_json", None, "byte 5"),
        (b'{"x":"\xff"}', "invalid_json", None, "UTF-8 (byte 6)"),
        (b'{"x":' + b"[" * 100_000, "invalid_json", None, "nested"),
        (b'{"model":"a","model":"b"}', "duplicate_key", "model", "byte 13"),
        (b'{"model":"a","mod\\u0065l":"b"}', "duplicate_key", "model", "byte 13"),
        (b'{"x":1,"y":2,"x":3}', "duplicate_key", "x", "byte 13"),
    ],
)
def test_bad_bodies_are_refused_with_the_place(body: bytes, code: str, param: str | None, says: str) -> None:
    error = refused(body)
    assert (error.status, error.code, error.param) == (400, code, param)
    assert says in error.message
