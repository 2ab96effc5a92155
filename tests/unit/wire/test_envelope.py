"""The envelope: what is read, what is refused and where, and that all else stays byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.format import Format
from fastgate.domain.model_ref import ModelRef
from fastgate.errors import GatewayError
from fastgate.wire.envelope import Envelope, Fields

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
    extra = {key: value for key, value in extra.items() if key.casefold() not in Fields.__struct_fields__}
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


@pytest.mark.parametrize(
    "key", ["Model", "MODEL", "mod\\u0045l", "\u017ftream", "STREAM", "N", "Max_Tokens", "Store"]
)
def test_a_key_that_only_case_tells_from_a_read_one_is_refused(key: str) -> None:
    with pytest.raises(GatewayError) as caught:
        Envelope.decode(f'{{"model":"allowed","{key}":null}}'.encode(), Format.RESPONSES)
    error = caught.value
    assert (error.code, error.param) == ("invalid_field", json.loads(f'"{key}"'))


def test_more_keys_than_any_request_has_are_refused() -> None:
    error = refused(json.dumps({f"k{n}": n for n in range(4097)}).encode())
    assert error.code == "invalid_body"
    assert "4096" in error.message


def test_other_keys_may_have_any_case() -> None:
    body = b'{"model":"m","Messages":[],"TEMPERATURE":1,"\xe2\x84\xaaey":2,"tools":[{"Model":1,"model":2}]}'
    assert Envelope.decode(body).model == "m"


@pytest.mark.parametrize("field", [b'"store":"x"', b'"previous_response_id":7', b'"Store":1'])
def test_fields_of_responses_are_read_only_there(field: bytes) -> None:
    body = b'{"model":"m",%b}' % field
    assert Envelope.decode(body).render(None, ask_usage=False) is body
    with pytest.raises(GatewayError):
        Envelope.decode(body, Format.RESPONSES)


def test_responses_have_their_fields() -> None:
    fields = Envelope.decode(b'{"store":false,"previous_response_id":"resp_1"}', Format.RESPONSES).fields
    assert (fields.store, fields.previous_response_id) == (False, "resp_1")


def test_a_long_key_is_not_repeated_whole() -> None:
    key = b"k" * 100_000
    error = refused(b'{"%b":1,"%b":2}' % (key, key))
    assert error.param == "k" * 64
    assert len(error.message) < 200
    error = refused(b'{"fallbacks":[{"model":"m","%b":1}]}' % key)
    assert error.param == "fallbacks[0]"
    assert len(error.message) < 400


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"model":"ab\xff"}', 12),
        (b'{"x":"\xc3\xa9","model":"a\xff"}', 20),
        (b'{"model":"m","x":["\xff"]}', 19),
        (b'{"model":"m","k\xff":1}', 15),
    ],
)
def test_bad_utf8_is_placed_in_the_body(body: bytes, place: int) -> None:
    assert f"UTF-8 (byte {place})" in refused(body).message


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"model":"\\ud800"}', 10),
        (b'{"a":"\\\\\\\\ud800","model":"\\\\\\uD9ffx"}', 28),
        (b'{"x":["\\ud83d\\ude00","\\ud83d"]}', 22),
        (b'{"\\ud800":1}', 2),
    ],
)
def test_half_a_surrogate_pair_is_not_called_truncated(body: bytes, place: int) -> None:
    message = refused(body).message
    assert "truncated" not in message
    assert f"surrogate pair (byte {place})" in message


def test_a_rendered_body_is_made_once_for_all_attempts_on_a_model() -> None:
    envelope = Envelope.decode(ODD)
    assert envelope.render("other", ask_usage=True) is envelope.render("other", ask_usage=True)
