"""What clouds that host Claude want in a Messages body: the API's version, which is a header at Anthropic.

Sources: Anthropic's pages on Amazon Bedrock and Vertex AI, and what anthropic-python's clients for them send.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from fastgate.wire.interface import raw
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.messages.thread import refuse_thread

T = TypeVar("T")

FIRST_VERSION: Final = "2023-06-01"
"""The version of Anthropic's own API under which a request may set `temperature`, `top_p` and `top_k`."""


class _Terms(NamedTuple):
    first_version: str
    in_path: tuple[str, ...]


class Host(Enum):
    """A cloud's name for `FIRST_VERSION`, and the members that its path says instead."""

    BEDROCK = _Terms("bedrock-2023-05-31", ("model", "stream"))
    VERTEX = _Terms("vertex-2023-10-16", ("model",))


_versions: Final = msgspec.json.Decoder(str)
_beta_lists: Final = msgspec.json.Decoder(list[str])
_FIRST: Final = frozenset({FIRST_VERSION, *(host.value.first_version for host in Host)})


def hosted(
    members: dict[str, Any], host: Host, version: str | None = None, betas: Iterable[str] = ()
) -> None:
    """Edit the top-level members of a Messages body, builtins or `msgspec.Raw`, into what `host` takes.

    `version` is the one of the client's `anthropic-version` header, None where it sent none, and gives way to
    one in the body. Versions after the first have the same name everywhere. `betas` are the names of the
    client's `anthropic-beta`, which Bedrock wants in the body; for Vertex they stay a header. GatewayError
    `unsupported_field` for a thread.
    """
    refuse_thread(members)
    terms = host.value
    for name in terms.in_path:
        members.pop(name, None)
    said = _read(_versions, members.get("anthropic_version")) or version or FIRST_VERSION
    members["anthropic_version"] = terms.first_version if said in _FIRST else said
    if host is Host.BEDROCK:
        named = _read(_beta_lists, members.get("anthropic_beta")) or []
        every = list(dict.fromkeys([*named, *betas]))
        if every:
            members["anthropic_beta"] = every


def beta_names(value: bytes) -> list[str]:
    """The names in an `anthropic-beta` header."""
    return [name for part in value.decode("latin-1").split(",") if (name := part.strip())]


def _read(decoder: msgspec.json.Decoder[T], value: Any) -> T | None:
    """None: it is absent, or of another type than it should be."""
    if value is None:
        return None
    try:
        return decoder.decode(value if isinstance(value, msgspec.Raw) else raw(value))
    except UNREADABLE:
        return None
