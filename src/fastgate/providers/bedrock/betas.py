"""Names in a client's `anthropic-beta` header that Bedrock knows: it answers 400 to any other.

Sources: Amazon's page on Claude's Messages API, and what gateways have found that Bedrock refuses.
"""

from collections.abc import Sequence
from typing import Final

from fastgate.providers.common.betas import said_betas, unsaid_beta
from fastgate.providers.interface import Header

_KNOWN: Final = frozenset(
    {
        "computer-use-2024-10-22",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "token-efficient-tools-2025-02-19",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "output-128k-2025-02-19",
        "dev-full-thinking-2025-05-14",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "compact-2026-01-12",
        "effort-2025-11-24",
        "tool-search-tool-2025-10-19",
        "tool-examples-2025-10-29",
    }
)
# One name at Anthropic, two at Bedrock.
_AS: Final = {"advanced-tool-use-2025-11-20": ("tool-search-tool-2025-10-19", "tool-examples-2025-10-29")}


def betas_for(headers: Sequence[Header]) -> list[str]:
    """Those to send, as Bedrock calls them."""
    return [known for beta in said_betas(headers) for known in _AS.get(beta, (beta,)) if known in _KNOWN]


def unsaid_betas(headers: Sequence[Header], *, known: bool) -> list[str]:
    """Those that are not sent, as they are named to the client. `known`: those that Bedrock knows are."""
    return [
        unsaid_beta(beta) for beta in said_betas(headers) if not (known and (beta in _KNOWN or beta in _AS))
    ]
