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

_HOST: Final[dict[str, Any]] = {"says_sequence": False, "thinks": False, "signs": False}
OPENAI_HOSTS: Final = {
    each.name: each
    for each in (
        Upstream("azure", "azure", "our-gpt", **_HOST),
        Upstream("azure-deployments", "azure-deployments", "our older gpt", **_HOST),
        Upstream("huggingface", "huggingface", "meta-llama/Llama-3.3-70B-Instruct:novita", **_HOST),
        Upstream("vertex-openai", "vertex-openai", "meta/llama-4-scout-17b-16e-instruct-maas", **_HOST),
    )
}
"""Those that speak OpenAI's format and differ in what is around it: they are asked less."""

UNSAMPLED: Final = "claude-opus-4-7"
"""A model of Anthropic's that takes no sampling parameters under any version."""

EMBEDDERS: Final = {
    "openai": "text-embedding-3-small",
    "gemini": "gemini-embedding-001",
    "vertex": "text-embedding-005",
    "cohere": "embed-v4.0",
    "bedrock": "amazon.titan-embed-text-v2:0",
    "ollama": "nomic-embed-text",
}
RERANKERS: Final = {"cohere": "rerank-v3.5", "openai": "bge-reranker-v2-m3"}

_PLACE: Final = "/v1/projects/p/locations/l"
_PATHS: Final = {
    "openai": "/v1",
    "gemini": "/v1beta",
    "vertex": _PLACE,
    "vertex-openai": _PLACE,
    "huggingface": "/v1",
}
_OF_OPENAI: Final = ["chat", "embeddings", "rerank"]
# Its own Responses API has tests of its own; here they are translated like all else.
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "openai": {"dialect": "openai", "endpoints": _OF_OPENAI},
    "azure": {"endpoints": ["chat"]},
    "azure-deployments": {
        "dialect": "openai",
        "endpoints": ["chat"],
        "url_style": "deployments",
        "api_version": "2024-10-21",
        "auth_header": "api-key",
        "auth_prefix": "",
    },
    "huggingface": {},
    "vertex-openai": {"dialect": "vertex"},
}
"""What is not as a provider has it whose name is its dialect's."""

# Each failure is meant, and must not keep the next call away.
_UNTIRING: Final = {
    "retries": {"max": 0},
    "breaker": {"min_requests": 1_000_000, "cooldown_429_s": 1e-6},
}


def config(url: str) -> dict[str, Any]:
    """A gateway with all of them as providers."""
    providers = {}
    for vendor in VENDORS:
        every = [*UPSTREAMS.values(), *OPENAI_HOSTS.values()]
        models = [each.model for each in every if each.vendor == vendor]
        models += [UNSAMPLED] if vendor == "anthropic" else []
        models += [EMBEDDERS[vendor]] if vendor in EMBEDDERS else []
        models += [RERANKERS[vendor]] if vendor in RERANKERS else []
        providers[vendor] = {
            "base_url": f"{url}/{vendor}{_PATHS.get(vendor, '')}",
            "credentials": [{"id": "main", "secret": KEY}],
            "models": models,
            **_SETTINGS.get(vendor, {"dialect": vendor}),
            **_UNTIRING,
        }
    return gateway_config(providers, unpriced="allow")
