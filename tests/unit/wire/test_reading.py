"""Refusals of what a client sent: they say where, and never what."""

from typing import Any, Literal

import msgspec
import pytest

from fastgate.errors import GatewayError
from fastgate.wire.reading import MAX_REASON, decoded, json_object, read_fields


class Inner(msgspec.Struct):
    kind: Literal["a", "b"]
    number: int = 0


class Outer(msgspec.Struct):
    items: list[Inner]
    rest: Any = None


_outer = msgspec.json.Decoder(Outer)


def refusal(body: bytes, path: str = "") -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        decoded(_outer, body, path)
    return caught.value


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b'{"items":[{"kind":"a"},{"kind":"a","number":"x"}]}', "invalid_field", "items[1].number"),
        (b'{"items":[{}]}', "missing_field", "items[0].kind"),
        (b"{}", "missing_field", "items"),
        (b"[]", "invalid_field", ""),
        (b'{"items":[],"rest":"\\ud800"}', "invalid_field", ""),
    ],
)
def test_where(body: bytes, code: str, param: str) -> None:
    assert (refusal(body).code, refusal(body).param) == (code, param)
    below = f"below.{param}".rstrip(".") if code == "missing_field" or param else "below"
    assert refusal(body, "below").param == below


@pytest.mark.parametrize("value", [b"secret", b"s - at `$.x`", b"s' - at `$`"])
def test_a_value_is_not_repeated(value: bytes) -> None:
    error = refusal(b'{"items":[{"kind":"%b"}]}' % value)
    assert error.message == "Invalid enum value, in the field 'items[0].kind'."


def test_a_long_reason_is_cut() -> None:
    class Closed(msgspec.Struct, forbid_unknown_fields=True):
        pass

    with pytest.raises(GatewayError) as caught:
        decoded(msgspec.json.Decoder(Closed), b'{"%b":1}' % (b"k" * 9_999))
    assert len(caught.value.message) < MAX_REASON + 100


def test_too_deep() -> None:
    assert refusal(b'{"items":[],"rest":' + b"[" * 5_000 + b"]" * 5_000 + b"}").code == "invalid_body"


def test_fields_and_the_rest() -> None:
    fields, rest = read_fields(b'{"items":[],"new":{"a" : 1}}', _outer)
    assert fields == Outer([])
    assert rest == {"new": msgspec.Raw(b'{"a" : 1}')}


@pytest.mark.parametrize("value", [b"", b"null"])
def test_no_object(value: bytes) -> None:
    assert json_object(msgspec.Raw(value), "x") is None


@pytest.mark.parametrize("value", [b"3", b'"{}"', b"[]", b"true", b'{"a":1e400}'])
def test_what_is_no_object_or_cannot_be_read_is_refused(value: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        json_object(msgspec.Raw(value), "tools[0].parameters")
    assert caught.value.param is not None
    assert caught.value.param.startswith("tools[0].parameters")
