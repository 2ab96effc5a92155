"""Thousands of costs, reckoned by genai-prices and by us: equal to the nano-USD after one rounding."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import genai_prices
import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint
from genai_prices.types import Usage as TheirUsage
from genai_prices.units import UnitRegistry
from tests.support.configs import settings_of

from fastgate.domain.usage import COUNTS, Usage
from fastgate.pricing.book import PriceList, Prices
from fastgate.pricing.catalogue import Found, installed
from fastgate.pricing.compile import compile_prices
from fastgate.pricing.listing import Target, nanoseconds, prices_of
from fastgate.routing.compile import compile_snapshot

CASES: Final = 2_000
NANO: Final = Decimal("1e-9")
OURS: Final = {
    "cache_read_tokens": "cached_input_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "cache_audio_read_tokens": "cached_audio_tokens",
    "cache_image_read_tokens": "cached_image_tokens",
    "input_document_pages": "pages",
    "audio_seconds": "audio_ms",
    "input_audio_seconds": "input_audio_ms",
    "output_audio_seconds": "output_audio_ms",
}
UNITS: Final = UnitRegistry(unit_data).units
CATALOGUE: Final = installed()
MAGNITUDES: Final = (0, 0, 1, 7, 100, 10_000, 300_000, 2_000_000)


def contexts(model: ModelInfo) -> list[Mapping[str, str]]:
    return [{}, {}, *(variant.when for variant in model.price_variants or ())]


def moments(chance: random.Random, model: ModelInfo) -> list[datetime]:
    """Around every day at which something changes, and at any time of the day."""
    conditional = [] if isinstance(model.prices, ModelPrice) else model.prices
    starts = [
        datetime.combine(each.constraint.start_date, datetime.min.time(), UTC)
        for each in (*conditional, *(model.price_variants or ()))
        if isinstance(each.constraint, StartDateConstraint)
    ]
    days = [datetime(2020, 2, 29, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC), *starts]
    edges = [start - timedelta(microseconds=1) for start in starts]
    return [*edges, *starts, *(day + timedelta(seconds=chance.randrange(86_400)) for day in days)]


def counts(chance: random.Random, priced: list[str]) -> dict[str, int]:
    """By unit of theirs: consistent, with parts that have no price of their own among them."""
    families = {UNITS[key].dimensions["family"] for key in priced}
    others = [key for key, unit in UNITS.items() if unit.dimensions["family"] in families]
    chosen = {*priced, *chance.sample(others, min(3, len(others)))} - {"requests"}
    leaves = {
        key: chance.randint(0, chance.choice(MAGNITUDES)) for key in sorted(chosen, key=list(UNITS).index)
    }
    return {
        key: sum(n for leaf, n in leaves.items() if unit.dimensions.items() <= UNITS[leaf].dimensions.items())
        for key, unit in UNITS.items()
        if key != "requests"
    }


def theirs(found: Mapping[str, int]) -> TheirUsage:
    return TheirUsage(
        **{key: Decimal(n) / 1_000 if key.endswith("seconds") else n for key, n in found.items()}
    )


def ours(found: Mapping[str, int]) -> Usage:
    named = {OURS.get(key, key): n for key, n in found.items()}
    return msgspec.convert(
        {
            **{key: n for key, n in named.items() if key in COUNTS},
            "other": {key: n for key, n in named.items() if key not in COUNTS},
        },
        Usage,
    )


def expected_nano(total: Decimal) -> int:
    return int(total.quantize(NANO, ROUND_HALF_UP).scaleb(9))


def tier_of(context: Mapping[str, str]) -> str:
    ((key, value),) = context.items() if context else (("", ""),)
    return value if key in ("", "service_tier", "processing", "speed") else f"{key}={value}"


def check(chance: random.Random, provider: Provider, model: ModelInfo) -> bool:
    """Whether the case had a price."""
    context, moment = chance.choice(contexts(model)), chance.choice(moments(chance, model))
    priced = model.get_prices(moment, context)
    keys = [key for key, unit in UNITS.items() if priced.__dict__.get(unit.price_key) is not None]
    found = counts(chance, keys)
    calculation = model.calc_price(
        theirs(found), provider, genai_request_timestamp=moment, price_context=context
    )
    base = Found(provider.id, model, own=True)
    prices = PriceList(prices_of(Target(provider.id, model.id, None, (), base), (), CATALOGUE))
    tariff = prices.at(nanoseconds(moment), tier_of(context))
    if tariff is None:
        assert not keys, "a price was lost"
        return False
    assert tariff.cost_nano(ours(found)) == expected_nano(calculation.total_price), (
        provider.id,
        model.id,
        context,
        moment,
        {key: n for key, n in found.items() if n},
    )
    return True


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_provider_costs_what_genai_prices_says(provider: Provider) -> None:
    chance = random.Random(f"prices of {provider.id}")
    share = -(-CASES * len(provider.models) // sum(len(each.models) for each in providers))
    cases = [model for _ in range(max(share, 10)) for model in chance.sample(provider.models, 1)]
    assert sum([check(chance, provider, model) for model in cases]) > 0


@pytest.mark.parametrize("kind", ["conditional", "variant", "tiered"])
def test_every_model_whose_price_depends_on_something(kind: str) -> None:
    """The rare kinds are too rare to be found by chance alone."""
    chance = random.Random(kind)
    checked = 0
    for provider in providers:
        for model in provider.models:
            if kind in kinds(model):
                checked += check(chance, provider, model) + check(chance, provider, model)
    assert checked > 100


def kinds(model: ModelInfo) -> set[str]:
    found = set()
    plain = isinstance(model.prices, ModelPrice)
    if not plain:
        found.add("conditional")
    if model.price_variants:
        found.add("variant")
    if "TieredPrices" in repr(model.prices):
        found.add("tiered")
    return found


def test_names_lead_to_the_price_that_genai_prices_finds() -> None:
    """From a configuration, by the names that clients use."""
    settings = settings_of(
        "providers:\n"
        "  openai: {credentials: [{secret: x}]}\n"
        "  mistral: {credentials: [{secret: x}]}\n"
        "  gemini: {credentials: [{secret: x}]}\n"
        "  azure: {resource: r, credentials: [{secret: x}], any_model: true, deployments: ["
        "{model: gpt-4o, upstream_model: prod}, {model: claude-opus-4-8}]}\n"
    )
    snapshot = compile_snapshot(settings, 1, {})
    prices = Prices(compile_prices(settings, snapshot.deployments, CATALOGUE))
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    usage = {"input_tokens": 12_345, "output_tokens": 678, "cache_read_tokens": 2_000}
    cases = [
        ("openai/gpt-4o", "openai", "openai", "gpt-4o-2024-08-06"),
        ("openai/gpt-5.1", "openai", "openai", "gpt-5.1"),
        ("openai/*", "openai", "openai", "gpt-4o-mini-2024-07-18"),
        ("mistral/*", "mistral", "mistral", "mistral-large-latest"),
        ("gemini/gemini-2.5-pro", "gemini", "google", "gemini-2.5-pro"),
        ("azure/gpt-4o", "azure", "azure", "gpt-4o"),
        ("azure/claude-opus-4-8", "azure", "azure", "claude-opus-4-8"),
        ("azure/*", "azure", "azure", "gpt-4.1"),
        ("azure/*", "azure", "azure", "deepseek-chat"),
    ]
    for deployment, provider, vendor, name in cases:
        assert deployment in snapshot.deployments
        calculation = genai_prices.calc_price(
            theirs(usage), name, provider_id=vendor, genai_request_timestamp=moment
        )
        found = prices.of(deployment, provider, name)
        assert found is not None, (deployment, name)
        tariff = found.at(nanoseconds(moment))
        assert tariff is not None
        assert tariff.cost_nano(ours(usage)) == expected_nano(calculation.total_price), (deployment, name)
