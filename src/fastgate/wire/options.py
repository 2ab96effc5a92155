"""`provider_options`: fields for one provider's body, beside what the client or a request writer wrote."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.wire.lenient import UNREADABLE

_CAPS: Final = frozenset(
    {
        "maxtokens",
        "maxcompletiontokens",
        "maxoutputtokens",
        "maxtokenstosample",
        "maxnewtokens",
        "maxgenlen",
        "maxtokencount",
        "numpredict",
        "n",
        "bestof",
        "numgenerations",
        "candidatecount",
    }
)
_OF_THE_REQUEST: Final = frozenset(
    {"model", "modelid", "models", "fallbacks", "stream", "streamoptions", "servicetier", "speed"}
)
_DEPTH: Final = 3
"""How deep in a body providers have caps: `additionalModelRequestFields.inferenceConfig.maxTokens`."""


Options = Mapping[str, Mapping[str, msgspec.Raw]]
"""By the name of a format, a dialect or a provider."""


def add(members: dict[str, Any], options: Options, *names: str) -> None:
    """Merge those of these names in, the last one's over the others'. GatewayError, as `merge`."""
    for name in dict.fromkeys(names):
        merge(members, options.get(name, {}))


def merge(members: dict[str, Any], options: Mapping[str, msgspec.Raw]) -> None:
    """An option wins over what was written; an object is merged into an object of that name. GatewayError
    `invalid_field` for what the request itself has to say."""
    for name, value in options.items():
        if decides(name):
            raise _refusal(name)
        _refuse_caps(name, value, _DEPTH)
        inner, written = _object(value), members.get(name)
        if isinstance(written, msgspec.Raw):
            written = _object(written)
        if inner is None or not isinstance(written, dict):
            members[name] = value
        else:
            members[name] = {**written, **inner}


def decides(name: str) -> bool:
    """Whether a call is routed, held or priced by a field of this name, in any format's spelling: said beside
    the request, it would go around what a key may do and spend."""
    plain = _plain(name)
    return plain in _OF_THE_REQUEST or plain in _CAPS


def _refuse_caps(name: str, value: msgspec.Raw, depth: int) -> None:
    if _plain(name) in _CAPS:
        raise _refusal(name)
    if depth > 1:
        for field, inner in (_object(value) or {}).items():
            _refuse_caps(field, inner, depth - 1)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _object(raw: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return None


def _refusal(name: str) -> GatewayError:
    return GatewayError(
        "invalid_field",
        f"A call is routed and billed by {name}: say it in the request, not in provider_options.",
        param="provider_options",
    )
