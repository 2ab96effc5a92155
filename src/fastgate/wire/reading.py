"""JSON of a client's request into typed values. A refusal says where it does not fit, and never repeats a
value that was sent."""

import re
from typing import Final, Never, TypeVar

import msgspec

from fastgate.errors import GatewayError

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

Members = dict[str, msgspec.Raw]

MAX_REASON: Final = 200

MEMBERS: Final = msgspec.json.Decoder(Members)
_MISSING: Final = "Object missing required field `"
_QUOTED_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) .*", re.DOTALL)


def decoded(decoder: msgspec.json.Decoder[T], value: bytes | msgspec.Raw, path: str = "") -> T:
    """GatewayError `missing_field`, `invalid_field`, with a path that begins with `path`; `invalid_body`
    where it is nested too deeply."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        what, inner = split_reason(error)
        path = (path + inner).removeprefix(".")
        if what.startswith(_MISSING):
            name = what.removeprefix(_MISSING).rstrip("`")
            raise _missing(f"{path}.{name}" if path else name) from None
        raise invalid(path, what) from None
    except ValueError:  # in what nobody has looked into before, such as half of a surrogate pair
        raise invalid(path, "It is not valid JSON") from None
    except RecursionError:
        raise too_deep() from None


def read_fields(body: bytes, decoder: msgspec.json.Decoder[S]) -> tuple[S, Members]:
    """The fields, and the members that no field has the name of. GatewayError as `decoded`."""
    fields = decoded(decoder, body)
    known = fields.__struct_fields__
    return fields, {name: value for name, value in MEMBERS.decode(body).items() if name not in known}


def json_object(value: msgspec.Raw, path: str) -> msgspec.Raw | None:
    """An object of any shape, such as a JSON Schema, that can be decoded; None where it is absent or null.
    GatewayError as `decoded`."""
    if is_absent(value):
        return None
    decoded(_objects, value, path)
    return value


def is_absent(value: msgspec.Raw) -> bool:
    return bytes(value) in (b"", b"null")


def split_reason(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec found wrong, and the path to it (`.source.bytes`, `[2].text`), "" for the value itself."""
    what, at, path = str(error).rpartition(" - at `$")
    what, path = (what, path.removesuffix("`")) if at else (path, "")
    return _QUOTED_VALUE.sub(r"\1", what)[:MAX_REASON], path


def missing(path: str) -> Never:
    raise _missing(path)


def invalid(path: str, what: str) -> GatewayError:
    """`what` is a sentence without its end."""
    return GatewayError("invalid_field", f"{what}, in the field {path!r}.", param=path)


def too_deep() -> GatewayError:
    """For what the interpreter cannot follow."""
    return GatewayError("invalid_body", "The body is nested too deeply.")


def _missing(path: str) -> GatewayError:
    return GatewayError("missing_field", f"The field {path!r} is missing.", param=path)


_objects: Final[msgspec.json.Decoder[dict[str, object]]] = msgspec.json.Decoder(dict[str, object])
