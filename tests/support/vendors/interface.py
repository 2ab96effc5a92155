"""A vendor's API as a function of requests: what it has against them, and what it answers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec


class Asked(NamedTuple):
    """A request. `path` is without the prefix of the vendor, decoded; `headers` by lower-case names."""

    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = msgspec.json.decode(self.body)
        return value


class Reply(NamedTuple):
    """One piece is sent with its length, several as chunks. `cut`: the connection breaks after them."""

    pieces: Sequence[bytes]
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


class RefusedError(Exception):
    """The vendor would not take the request, for this reason."""


class Vendor(Protocol):
    """What a module of this package has."""

    @property
    def key_header(self) -> str:
        """Where a key is presented."""

    def answer(self, asked: Asked) -> Reply:
        """RefusedError; LookupError for a path that the vendor has not."""

    def problem(self, status: int, message: str) -> Reply:
        """The vendor's own error."""


def encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)


def whole(value: Any) -> Reply:
    return Reply([encoded(value)])


def sse(events: Sequence[Any], *, named: bool = False, end: bytes = b"") -> Reply:
    """Server-sent events; with `named`, each with its `type` as its name."""
    pieces = []
    for event in events:
        name = b"event: " + event["type"].encode() + b"\n" if named else b""
        pieces.append(name + b"data: " + encoded(event) + b"\n\n")
    return Reply([*pieces, end] if end else pieces, "text/event-stream")


def checked(check: Callable[[dict[str, Any]], Any], body: dict[str, Any]) -> None:
    """RefusedError with what `check` says against the body by an exception or by a list of faults."""
    try:
        faults = check(body)
    except Exception as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error
    if isinstance(faults, list) and faults:
        raise RefusedError("; ".join(faults))
