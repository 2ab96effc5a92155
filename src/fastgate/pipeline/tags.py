"""The tags of a request: the key's own, and those that the client may set."""

from typing import Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.pipeline.exchange import Exchange

HEADER: Final = b"x-fastgate-tags"
MAX_VALUE: Final = 64
MAX_TAGS: Final = 768
"""Bytes of all tags of a call, encoded: they go onto its record, which has a bound."""


def tags_of(exchange: Exchange) -> dict[str, str]:
    """`x-fastgate-tags: env=prod, feature=search`, then the body's `metadata`; only names that
    `tags.allowed` lists. What the key itself says stands: a client cannot leave its own budget.

    GatewayError invalid_field: a tag that is not spelled so, or not allowed; too many of them.
    """
    key = exchange.key
    own = {} if key is None else key.tags
    allowed = exchange.generation.snapshot.allowed_tags
    header = exchange.downstream.header(HEADER)
    metadata = None if exchange.envelope is None else exchange.envelope.fields.metadata
    if header is None and (not metadata or not allowed):
        return own
    tags: dict[str, str] = {}
    if metadata:
        tags.update(
            (name, value)
            for name in allowed
            if isinstance(value := metadata.get(name), str) and len(value) <= MAX_VALUE
        )
    if header is not None:
        tags.update(_of_header(header, allowed))
    tags |= own
    if len(msgspec.msgpack.encode(tags)) > MAX_TAGS:
        raise _refused(f"The tags of a call, its key's among them, may take {MAX_TAGS} bytes.")
    return tags


def _of_header(header: bytes, allowed: tuple[str, ...]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in header.decode("latin-1").split(","):
        name, equals, value = (text.strip() for text in part.partition("="))
        if not (name and equals and value and len(value) <= MAX_VALUE):
            raise _refused(f"Write tags as `name=value, name=value`, at most {MAX_VALUE} characters each.")
        if name in tags:
            raise _refused(f"The tag {name[:MAX_VALUE]!r} stands twice.")
        if name not in allowed:
            names = ", ".join(allowed) or "none"
            raise _refused(f"The tag {name[:MAX_VALUE]!r} may not be set by a request; allowed: {names}.")
        tags[name] = value
    return tags


def _refused(message: str) -> GatewayError:
    return GatewayError("invalid_field", message, param=HEADER.decode())
