"""Bodies into typed fields: refusals name the field, and what no field has the name of is kept as written."""

from typing import Any, Final, TypeVar

import msgspec

from fastgate.errors import GatewayError
from fastgate.wire.interface import Summary

S = TypeVar("S", bound=msgspec.Struct)

Members = dict[str, msgspec.Raw]

NO_ANSWER: Final = Summary(None, None, 502, "The provider's answer cannot be read.")
"""Of a body that is no JSON, or not of an answer."""

_members: Final = msgspec.json.Decoder(Members)
_MISSING: Final = "Object missing required field `"


def read_fields(body: bytes, decoder: msgspec.json.Decoder[S]) -> tuple[S, Members]:
    """The fields, and the members that are none. GatewayError `missing_field` or `invalid_field`."""
    members = _members.decode(body)
    try:
        fields = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    return fields, {name: value for name, value in members.items() if name not in fields.__struct_fields__}


def _refusal(reason: str) -> GatewayError:
    what, _, path = reason.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if what.startswith(_MISSING):
        name = what.removeprefix(_MISSING).rstrip("`")
        param = f"{path}.{name}" if path else name
        return GatewayError("missing_field", f"The field {param!r} is missing.", param=param)
    return GatewayError("invalid_field", f"{what}, in the field {path!r}.", param=path)


def count(value: Any) -> int:
    """What a provider says it counted; 0 where that is no number, or none that can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_COUNT:
        return 0
    return round(value)


MAX_COUNT: Final = 1 << 40
