"""JSON into typed values, with refusals that say where in the request it does not fit."""

from typing import Final, Never, TypeVar

import msgspec

from fastgate.errors import GatewayError

T = TypeVar("T")

_MISSING: Final = "Object missing required field `"


def decoded(decoder: msgspec.json.Decoder[T], value: bytes | msgspec.Raw, where: str = "") -> T:
    """GatewayError `missing_field`, `invalid_field`, with a path that begins with `where`."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        path = (where + path.rstrip("`")).removeprefix(".")
        if what.startswith(_MISSING):
            name = what.removeprefix(_MISSING).rstrip("`")
            raise _missing(f"{path}.{name}" if path else name) from None
        raise invalid(path, what) from None


def missing(param: str) -> Never:
    raise _missing(param)


def invalid(param: str, what: str) -> GatewayError:
    """`what` is a sentence without its end."""
    return GatewayError("invalid_field", f"{what}: the field {param!r}.", param=param)


def _missing(param: str) -> GatewayError:
    return GatewayError("missing_field", f"The field {param!r} is missing.", param=param)
