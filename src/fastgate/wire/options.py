"""`provider_options`: fields for one provider's body, beside those that a request writer wrote."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.wire.lenient import UNREADABLE

_CAPS: Final = frozenset(
    {
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens_to_sample",
        "maxtokens",
        "maxoutputtokens",
        "num_predict",
        "n",
        "num_generations",
        "candidatecount",
        "candidate_count",
    }
)
"""What a hold is worked out from: said beside the request, it would go around budgets and limits."""


def merge(members: dict[str, Any], options: Mapping[str, msgspec.Raw]) -> None:
    """An option wins over what was written; an object is merged into an object of that name. GatewayError
    `invalid_field` for what caps the output, which the request itself has to say."""
    for name, value in options.items():
        _refuse_cap(name)
        written = members.get(name)
        try:
            inner = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        except UNREADABLE:
            members[name] = value
            continue
        for field in inner:
            _refuse_cap(field)
        if isinstance(written, msgspec.Raw):
            written = _object(written)
        members[name] = {**written, **inner} if isinstance(written, dict) else value


def _object(raw: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except UNREADABLE:
        return None


def _refuse_cap(name: str) -> None:
    if name.lower() in _CAPS:
        raise GatewayError(
            "invalid_field",
            f"{name} bounds the output, which is billed: say it in the request, not in provider_options.",
            param="provider_options",
        )
