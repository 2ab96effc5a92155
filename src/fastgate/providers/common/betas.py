"""The names in a client's `anthropic-beta` header, as they are named to it where nobody upstream is told."""

from collections.abc import Sequence
from typing import Final

from fastgate.providers.interface import Header
from fastgate.wire.messages.hosted import beta_names

_HEADER: Final = "anthropic-beta"
_NAME: Final = _HEADER.encode("ascii")


def said_betas(headers: Sequence[Header]) -> list[str]:
    return [beta for name, value in headers if name.lower() == _NAME for beta in beta_names(value)]


def unsaid_beta(beta: str) -> str:
    return f"{_HEADER}: {beta}"


def unsaid_betas(headers: Sequence[Header]) -> list[str]:
    """All of them."""
    return [unsaid_beta(beta) for beta in said_betas(headers)] if headers else []
