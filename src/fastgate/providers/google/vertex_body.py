"""What Vertex AI wants otherwise than the Gemini API, in bodies that clients wrote for that."""

from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.wire.gemini.count import counted

_ASKED: Final = {
    "serviceTier": frozenset({b"null", b'""', b'"standard"', b'"unspecified"'}),
    "service_tier": frozenset({b"null", b'""', b'"standard"', b'"unspecified"'}),
    "store": frozenset({b"null", b"false"}),
}
"""Members that v1 there has not, and the values of each by which a client asks for no more than the usual."""

_UNKNOWN: Final = ("model", *_ASKED)

_CALLS: Final = ("functionCall", "functionResponse", "function_call", "function_response")

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_contents: Final = msgspec.json.Decoder(list[dict[str, Any]])


def unknown_members(body: bytes) -> list[str]:
    """Those by which the client asks for something that nobody there is told; of a body that is an object."""
    members = _members.decode(body)
    return [
        name
        for name, nothing in _ASKED.items()
        if name in members and bytes(members[name]).lower() not in nothing
    ]


def adapt_contents(members: dict[str, Any]) -> None:
    """Every content has a role, and calls are matched by their order: v1 knows no ids of them. Contents of a
    form that only the Gemini API's own parser takes are left for Vertex to judge."""
    for name in _UNKNOWN:
        members.pop(name, None)
    try:
        contents = _contents.decode(members.get("contents", b"null"))
    except (msgspec.ValidationError, RecursionError):
        return
    changed = False
    for content in contents:
        if not content.get("role"):
            content["role"] = "user"
            changed = True
        parts = content.get("parts")
        for part in parts if isinstance(parts, list) else ():
            changed = _without_ids(part) or changed
    if changed:
        members["contents"] = contents


def adapt_count(members: dict[str, Any]) -> None:
    """The whole request may stand in a member there, and stands in none here."""
    inner = dict(counted(members))
    members.clear()
    members.update(inner)
    adapt_contents(members)


def adapt_embedding(members: dict[str, Any]) -> None:
    """GatewayError: there are no batches."""
    if "requests" in members:
        raise GatewayError(
            "invalid_field", "This model takes one content a request, by embedContent.", param="requests"
        )
    members.pop("model", None)


def _without_ids(part: Any) -> bool:
    """Whether there was one; a part is one call at most."""
    for name in _CALLS:
        call = part.get(name) if isinstance(part, dict) else None
        if isinstance(call, dict) and call.pop("id", None) is not None:
            return True
    return False
