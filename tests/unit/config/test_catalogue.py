"""The compiled catalogue gives the answers of genai-prices itself."""

import re

import pytest
from genai_prices.data import providers
from genai_prices.types import Provider

from fastgate.config import catalogue
from fastgate.domain.provider_table import KNOWN


def _variants(name: str) -> set[str]:
    return {name, name.upper(), f"{name}-x", f"x{name}", name[:-1], f"{name}-2026-01-01", f"{name}-tts"}


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_same_model_as_genai_prices(provider: Provider) -> None:
    models = catalogue.models(provider.id)
    exact = {name.lower(): model.id for model in models for name in model.names}
    patterns = [(re.compile(model.pattern), model.id) for model in models if model.pattern is not None]

    def find(name: str) -> str | None:
        name = name.lower()
        return exact.get(name) or next((id_ for pattern, id_ in patterns if pattern.search(name)), None)

    asked = {variant for model in provider.models for variant in _variants(model.id)}
    asked |= {variant for model in models for name in model.names for variant in _variants(name)}
    wrong = {}
    for name in asked:
        expected = next((model.id for model in provider.models if model.is_match(name)), None)
        if find(name) != expected:
            wrong[name] = (find(name), expected)
    assert not wrong


def test_what_the_url_does_not_serve_is_left_out() -> None:
    models = catalogue.models("google", KNOWN["gemini"].unlisted)
    assert not [name for model in models for name in (model.id, *model.names) if name.startswith("claude")]
    assert "gemini-2.5-flash" in {name for model in models for name in model.names}


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.catalogue])
def test_each_catalogue_exists(name: str) -> None:
    known = KNOWN[name]
    assert catalogue.models(known.catalogue, known.unlisted, known.names)


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("anthropic.claude-sonnet-4-6", True),
        ("eu.anthropic.claude-sonnet-4-6-v1:0", True),
        ("us-gov.anthropic.claude-sonnet-4-6", True),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-6", True),
        ("amazon.nova-lite-v1:0", True),
        ("claude-sonnet-4-6", False),
        ("regional.anthropic.claude-sonnet-4-6-v1:0", False),
        ("gpt-5.5", False),
    ],
)
def test_bedrocks_models_have_a_vendor_in_their_names(name: str, served: bool) -> None:
    known = KNOWN["bedrock"]
    models = catalogue.models("aws", known.unlisted, known.names)
    assert served == any(
        name in each.names or (each.pattern is not None and re.search(each.pattern, name)) for each in models
    )
    assert not any(each.startswith("regional.") for model in models for each in model.names)
