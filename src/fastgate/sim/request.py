"""A request as the endpoints see it, and what they all check about it."""

from itertools import count
from os import getpid
from typing import Any, TypeVar

import msgspec

from fastgate import clock
from fastgate.sim.behaviour import Behaviour
from fastgate.sim.reply import SimError

T = TypeVar("T")

_numbers = count(1)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`segments` is the path behind the endpoint's name, split at slashes."""

    method: str
    segments: tuple[str, ...]
    content_type: bytes
    body: bytes
    behaviour: Behaviour
    models: tuple[str, ...]

    def check_model(self, model: str) -> None:
        if self.models and model not in self.models:
            raise SimError(
                404, f"The model `{model}` does not exist in this simulation.", code="model_not_found"
            )

    def decode(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The JSON body; raises SimError."""
        try:
            return decoder.decode(self.body)
        except msgspec.ValidationError as error:
            raise SimError(400, f"Invalid request: {error}", code="invalid_type") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SimError(400, f"The body is not valid JSON: {error}") from error


def converted(value: Any, type_: type[T], param: str, *, strict: bool = True) -> T:
    """A part of the body that has a type of its own; raises SimError."""
    try:
        return msgspec.convert(value, type_, strict=strict)
    except msgspec.ValidationError as error:
        raise SimError(400, f"Invalid {param}: {error}", param=param) from error


def new_id(prefix: str) -> str:
    """Unique on this machine while it is up."""
    return f"{prefix}sim{getpid():x}x{next(_numbers):x}"


def now_s() -> int:
    return clock.time_ns() // 1_000_000_000
