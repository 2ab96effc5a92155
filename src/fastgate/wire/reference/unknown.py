"""A member that nobody knows, put into each object of a request: it has to arrive, or to be named."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

import msgspec

from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.reference.requests import read, written
from fastgate.wire.reference.samples import JSON

MEMBER: Final = "unheardof"
_VALUE: Final = "nobody knows this"


def lost_in(members: JSON, client: Format, upstream: Format) -> list[str]:
    """Paths of those that are gone, and that nobody named; of a request of the client's format."""
    return [path for path, said in unknowns(members) if not _is_told(said, path, client, upstream)]


def unknowns(members: JSON) -> Iterator[tuple[str, JSON]]:
    """The request with the member in another object each time, and the member's path."""
    for path, place in _objects(members, "", ()):
        said = deepcopy(members)
        inner: Any = said
        for step in place:
            inner = inner[step]
        inner[MEMBER] = _VALUE
        yield f"{path}.{MEMBER}".removeprefix("."), said


def _objects(
    value: Any, path: str, place: tuple[str | int, ...]
) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    if isinstance(value, dict):
        yield path, place
        for name, inner in value.items():
            yield from _objects(inner, f"{path}.{name}".removeprefix("."), (*place, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _objects(inner, f"{path}[{index}]", (*place, index))


def _is_told(members: JSON, path: str, client: Format, upstream: Format) -> bool:
    """It is in the body, or named, or what it stands in is; or the request is refused."""
    try:
        body, losses = written(read(client, members), upstream)
    except GatewayError:
        return True
    if _VALUE in msgspec.json.encode(body).decode():
        return True
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in losses)
