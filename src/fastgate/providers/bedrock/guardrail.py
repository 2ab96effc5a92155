"""A guardrail that the configuration puts on a provider.

It is configured as InvokeModel takes it, by headers; Converse wants the same in the body.
"""

from typing import Any, Final

from fastgate.domain.snapshot import Provider

_PREFIX: Final = "x-amzn-bedrock-"
_IDENTIFIER: Final = f"{_PREFIX}guardrailidentifier"
_VERSION: Final = f"{_PREFIX}guardrailversion"
_TRACE: Final = f"{_PREFIX}trace"


def guardrail_of(provider: Provider) -> dict[str, Any] | None:
    """`guardrailConfig` of a Converse request; None where there is no guardrail."""
    headers = {name.lower(): value for name, value in provider.headers}
    identifier = headers.get(_IDENTIFIER)
    if identifier is None:
        return None
    config = {"guardrailIdentifier": identifier, "guardrailVersion": headers.get(_VERSION, "DRAFT")}
    if _TRACE in headers:
        config["trace"] = headers[_TRACE].lower()
    return config
