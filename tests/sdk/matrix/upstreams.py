"""The upstreams of the matrix: one scripted server that is every vendor, and a gateway in front of it."""

from dataclasses import dataclass
from typing import Any, Final

from tests.support.gateway_process import gateway_config
from tests.support.scripted_upstreams import KEY, VENDORS


@dataclass(frozen=True)
class Upstream:
    """A model at a vendor. `says_sequence`: it tells that a stop sequence ended its text; `signs`: it signs
    its thoughts, and `thinks` where it tells them; `caches`, `reasons`: it counts such tokens."""

    name: str
    vendor: str
    model: str
    says_sequence: bool = True
    thinks: bool = True
    signs: bool = True
    caches: bool = True
    reasons: bool = True
    urls: bool = True
    """It takes images by their URLs."""


UPSTREAMS: Final = {
    each.name: each
    for each in (
        Upstream("openai", "openai", "gpt-5", says_sequence=False, thinks=False, signs=False),
        Upstream("anthropic", "anthropic", "claude-sonnet-4-6"),
        Upstream(
            "bedrock-nova", "bedrock", "amazon.nova-2-lite-v1:0", signs=False, reasons=False, urls=False
        ),
        Upstream("bedrock-claude", "bedrock", "anthropic.claude-sonnet-4-6-v1:0", reasons=False, urls=False),
        Upstream("gemini", "gemini", "gemini-2.5-flash", says_sequence=False),
        Upstream("vertex-gemini", "vertex", "gemini-2.5-pro", says_sequence=False),
        Upstream("vertex-claude", "vertex", "claude-sonnet-4-5@20250929"),
        Upstream("cohere", "cohere", "command-a-03-2025", signs=False, reasons=False),
        Upstream(
            "ollama",
            "ollama",
            "llama3.2",
            says_sequence=False,
            signs=False,
            caches=False,
            reasons=False,
            urls=False,
        ),
    )
}

EMBEDDERS: Final = {
    "openai": "text-embedding-3-small",
    "gemini": "gemini-embedding-001",
    "vertex": "text-embedding-005",
    "cohere": "embed-v4.0",
    "bedrock": "amazon.titan-embed-text-v2:0",
    "ollama": "nomic-embed-text",
}
RERANKERS: Final = {"cohere": "rerank-v3.5", "openai": "bge-reranker-v2-m3"}

_PATHS: Final = {"openai": "/v1", "gemini": "/v1beta", "vertex": "/v1/projects/p/locations/l"}
# Each failure is meant, and must not keep the next call away.
_UNTIRING: Final = {
    "retries": {"max": 0},
    "breaker": {"min_requests": 1_000_000, "cooldown_429_s": 1e-6},
}


def config(url: str) -> dict[str, Any]:
    """A gateway with all of them as providers."""
    providers = {}
    for vendor in VENDORS:
        models = [each.model for each in UPSTREAMS.values() if each.vendor == vendor]
        models += [EMBEDDERS[vendor]] if vendor in EMBEDDERS else []
        models += [RERANKERS[vendor]] if vendor in RERANKERS else []
        # Its own Responses API has tests of its own; here they are translated like all else.
        endpoints = {"endpoints": ["chat", "embeddings", "rerank"]} if vendor == "openai" else {}
        providers[vendor] = {
            "dialect": vendor,
            "base_url": f"{url}/{vendor}{_PATHS.get(vendor, '')}",
            "credentials": [{"id": "main", "secret": KEY}],
            "models": models,
            **endpoints,
            **_UNTIRING,
        }
    return gateway_config(providers, unpriced="allow")
