"""Members of a request into typed fields; refusals name the field as the client's SDK does."""

from typing import Final, TypeVar

import msgspec

from fastgate.errors import GatewayError

T = TypeVar("T")

Members = dict[str, msgspec.Raw]

_MISSING: Final = "Object missing required field `"


def decoded(decoder: msgspec.json.Decoder[T], value: msgspec.Raw | bytes, path: str) -> T:
    """GatewayError `invalid_field` or `missing_field` with the path of what does not fit."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), path) from None


def too_deep() -> GatewayError:
    """For what the interpreter cannot follow."""
    return GatewayError("invalid_body", "The body is nested too deeply.")


def invalid(path: str, sentence: str) -> GatewayError:
    return GatewayError("invalid_field", sentence, param=path)


def _refusal(reason: str, path: str) -> GatewayError:
    what, _, inner = reason.partition(" - at `$")
    path = (path + inner.rstrip("`")).lstrip(".")
    if what.startswith(_MISSING):
        path = f"{path}.{what.removeprefix(_MISSING).rstrip('`')}".lstrip(".")
        return GatewayError("missing_field", f"The field {path!r} is missing.", param=path)
    return invalid(path, f"{what}, in the field {path!r}.")
