"""Anthropic's advisor tool: with it a model asks another one, in the middle of its answer.

The request names that model, and its tokens are billed beside the answer's. A virtual key may be kept from
it, and nothing here tells its price, so there is no such tool behind the gateway.

Source: anthropic-python 2.13, `types/beta/beta_advisor_tool_20260301_param.py` and `beta_usage.py`.
"""

from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError
from fastgate.wire.lenient import UNREADABLE

_TYPE: Final = "advisor_"
# Where neither stands, no string of the body can begin so.
_HINTS: Final = (b"advisor_", b"\\u00")


class _Body(msgspec.Struct):
    """Where tools stand."""

    tools: Any = None
    provider_options: Any = None


_bodies: Final = msgspec.json.Decoder(_Body)


def refuse_advisor(body: bytes) -> None:
    """Of a request that may reach Anthropic. GatewayError `invalid_field`."""
    if any(hint in body for hint in _HINTS) and _has_advisor(body):
        raise GatewayError(
            "invalid_field",
            "The advisor tool asks another model, which the gateway can neither allow nor bill.",
            param="tools",
        )


def _has_advisor(body: bytes) -> bool:
    try:
        said = _bodies.decode(body)
    except UNREADABLE:
        return False  # so nobody else reads it either
    left = [said.tools, said.provider_options]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if str(value.get("type", "")).startswith(_TYPE):
                return True
            left += value.values()
        elif isinstance(value, list):
            left += value
    return False
