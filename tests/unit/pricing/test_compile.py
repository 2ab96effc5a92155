"""From a configuration to the book: deployments, the configuration's own prices, and their times."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.support.configs import settings_of

from fastgate.domain.price import PriceBook
from fastgate.domain.usage import Usage
from fastgate.errors import ConfigError
from fastgate.pricing.book import Prices
from fastgate.pricing.catalogue import installed
from fastgate.pricing.compile import compile_prices
from fastgate.pricing.listing import nanoseconds
from fastgate.routing.compile import compile_snapshot

PROVIDERS = """\
providers:
  openai: {credentials: [{secret: x}]}
  azure: {resource: r, credentials: [{secret: x}], any_model: true, deployments: [
    {model: gpt-4o, upstream_model: prod, region: eu}, {model: gpt-4o, upstream_model: prod, region: us}]}
  local: {dialect: openai, base_url: "http://127.0.0.1:1/v1", credentials: [{secret: none}],
    models: [llama-3, own], any_model: true}
"""
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MILLION = Usage(input_tokens=1_000_000)


def book_of(text: str) -> PriceBook:
    settings = settings_of(PROVIDERS + text)
    return compile_prices(settings, compile_snapshot(settings, 1, {}).deployments, installed())


def micro_usd(
    book: PriceBook,
    deployment: str,
    model: str = "",
    *,
    at: datetime = NOW,
    tier: str = "",
    usage: Usage = MILLION,
) -> int | None:
    """Of a million input tokens, if nothing else is said; None without a price."""
    prices = Prices(book).of(deployment, deployment.partition("/")[0], model)
    tariff = None if prices is None else prices.at(nanoseconds(at), tier)
    return None if tariff is None else tariff.cost_nano(usage) // 1_000


def test_catalogue_prices_of_named_deployments_and_regions() -> None:
    book = book_of("")
    assert micro_usd(book, "openai/gpt-4o") == 2_500_000
    assert micro_usd(book, "azure/eu/gpt-4o") == micro_usd(book, "azure/us/gpt-4o") == 2_500_000
    assert book.deployments["azure/eu/gpt-4o"] == book.deployments["azure/us/gpt-4o"]


def test_what_the_catalogue_does_not_know_has_no_price() -> None:
    book = book_of("")
    assert micro_usd(book, "local/llama-3") is None
    assert micro_usd(book, "local/*", "llama-3") is None
    assert book.assumed == ""


def test_the_price_of_the_design_document() -> None:
    book = book_of(
        "prices: [{provider: local, model: llama-3, input_per_mtok_usd: 0.10, output_per_mtok_usd: 0.40}]"
    )
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000, cached_input_tokens=5)
    assert micro_usd(book, "local/llama-3", usage=usage) == 500_000


def test_an_assumed_price_is_for_everything_else_and_named_as_such() -> None:
    book = book_of("unpriced: {assume: {input_per_mtok_usd: 7, output_per_mtok_usd: 9}}")
    assert micro_usd(book, "local/llama-3") == micro_usd(book, "local/*", "x") == 7_000_000
    assert micro_usd(book, "openai/gpt-4o") == 2_500_000
    assert book.lists[book.assumed][0].source == "assumed"


@pytest.mark.parametrize("policy", ["deny", "allow"])
def test_other_policies_assume_nothing(policy: str) -> None:
    assert book_of(f"unpriced: {policy}").assumed == ""


def test_a_price_of_ones_own_leaves_the_other_units_as_they_are() -> None:
    book = book_of("prices: [{provider: openai, model: gpt-4o, input_per_mtok_usd: 2}]")
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=500_000, output_tokens=100_000)
    assert micro_usd(book, "openai/gpt-4o", usage=usage) == 1_000_000 + 625_000 + 1_000_000


def test_a_multiplier_is_for_all_units_and_tiers() -> None:
    book = book_of('prices: [{provider: openai, model: "gpt-4*", multiplier: 0.85}]')
    assert micro_usd(book, "openai/gpt-4o") == 2_125_000
    assert micro_usd(book, "openai/gpt-4o", tier="priority") == 3_612_500
    assert micro_usd(book, "openai/gpt-5.1") == 1_250_000


def test_a_multiplier_is_not_for_amounts_of_ones_own_and_the_last_entry_wins() -> None:
    book = book_of(
        "prices:\n"
        "  - {provider: openai, model: '*', multiplier: 0.5}\n"
        "  - {provider: openai, model: gpt-4o, multiplier: 0.9, input_per_mtok_usd: 1}\n"
        "  - {provider: openai, model: gpt-4o, input_per_mtok_usd: 3}\n"
    )
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    assert micro_usd(book, "openai/gpt-4o", usage=usage) == 3_000_000 + 9_000_000
    assert micro_usd(book, "openai/gpt-5.1") == 625_000


def test_a_tier_has_its_own_amounts() -> None:
    book = book_of(
        "prices:\n"
        "  - {provider: local, model: own, input_per_mtok_usd: 4}\n"
        "  - {provider: local, model: own, tier: batch, input_per_mtok_usd: 1}\n"
        "  - {provider: openai, model: gpt-4o, input_per_mtok_usd: 2}\n"
    )
    assert micro_usd(book, "local/own", tier="batch") == 1_000_000
    assert micro_usd(book, "local/own", tier="flex") == 4_000_000
    assert micro_usd(book, "openai/gpt-4o", tier="priority") == 4_250_000


def test_history_stays_as_it_was() -> None:
    book = book_of(
        "prices:\n"
        "  - {provider: openai, model: gpt-4o, multiplier: 0.5, "
        'from: "2026-11-24T12:00:00+01:00", until: "2026-11-24T12:00:00Z"}\n'
    )
    before, begin = datetime(2026, 11, 24, 10, 59, 59, tzinfo=UTC), datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert micro_usd(book, "openai/gpt-4o", at=before) == 2_500_000
    assert micro_usd(book, "openai/gpt-4o", at=begin) == 1_250_000
    assert micro_usd(book, "openai/gpt-4o", at=NOW) == 2_500_000


def test_a_price_until_the_end_of_time() -> None:
    book = book_of(
        "prices: [{provider: local, model: own, input_per_mtok_usd: 1, until: 9999-12-31T23:59:59Z}]"
    )
    assert micro_usd(book, "local/own") == 1_000_000
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(book), type=PriceBook) == book


def test_a_region_has_its_own_price() -> None:
    book = book_of("prices: [{provider: azure, model: gpt-4o, region: eu, multiplier: 1.1}]")
    assert micro_usd(book, "azure/eu/gpt-4o") == 2_750_000
    assert micro_usd(book, "azure/us/gpt-4o") == 2_500_000


def test_a_name_of_ones_own_may_cost_what_another_does() -> None:
    book = book_of(
        "prices:\n"
        "  - {provider: local, model: own, like: openai/gpt-4o, multiplier: 2}\n"
        "  - {provider: azure, model: 'team-*', like: openai/gpt-4o}\n"
        "  - {provider: azure, model: finance, like: gemini/gemini-2.5-flash}\n"
    )
    assert micro_usd(book, "local/own") == 5_000_000
    assert micro_usd(book, "local/own", tier="priority") == 8_500_000
    assert micro_usd(book, "azure/*", "Team-A") == 2_500_000
    assert micro_usd(book, "azure/*", "finance") == 300_000


def test_like_nothing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="`like: openai/gtp-4o` is no model"):
        book_of("prices: [{provider: local, model: own, like: openai/gtp-4o}]")


def test_names_that_a_client_makes_up() -> None:
    book = book_of(
        "prices:\n"
        "  - {provider: local, model: 'mistral-*', input_per_mtok_usd: 3}\n"
        "  - {provider: local, model: mistral-7b, input_per_mtok_usd: 1}\n"
    )
    assert micro_usd(book, "local/*", "mistral-7b") == 1_000_000
    assert micro_usd(book, "local/*", "Mistral-22b") == 3_000_000
    assert micro_usd(book, "local/*", "x-mistral-7b") is None
    assert micro_usd(book, "azure/*", "gpt-4.1") == 2_000_000


def test_every_unit_that_can_be_given() -> None:
    given = {
        "cached_input_per_mtok_usd": ("cached_input_tokens", 1_000_000),
        "cache_write_per_mtok_usd": ("cache_write_tokens", 1_000_000),
        "cache_write_1h_per_mtok_usd": ("cache_write_1h_tokens", 1_000_000),
        "reasoning_per_mtok_usd": ("reasoning_tokens", 1_000_000),
        "input_audio_per_mtok_usd": ("input_audio_tokens", 1_000_000),
        "output_audio_per_mtok_usd": ("output_audio_tokens", 1_000_000),
        "per_image_usd": ("images", 1),
        "per_page_usd": ("pages", 1),
        "per_search_usd": ("web_searches", 1),
    }
    for setting, (unit, count) in given.items():
        book = book_of(f"prices: [{{provider: local, model: own, {setting}: 0.25}}]")
        assert micro_usd(book, "local/own", usage=msgspec.convert({unit: count}, Usage)) == 250_000, setting
    book = book_of("prices: [{provider: local, model: own, per_request_usd: 0.25}]")
    assert micro_usd(book, "local/own", usage=Usage()) == 250_000


def test_cached_sound_costs_the_dearer_of_its_two_prices() -> None:
    book = book_of(
        "prices: [{provider: local, model: own, input_per_mtok_usd: 1, cached_input_per_mtok_usd: 0.1, "
        "input_audio_per_mtok_usd: 10}]"
    )
    million = 1_000_000
    usage = Usage(
        input_tokens=million,
        cached_input_tokens=million,
        input_audio_tokens=million,
        cached_audio_tokens=million,
    )
    assert micro_usd(book, "local/own", usage=usage) == 10_000_000


def test_the_same_configuration_is_the_same_book() -> None:
    assert book_of("") == book_of("")


def test_an_amount_that_no_integer_holds_is_an_error() -> None:
    with pytest.raises(ConfigError, match="prices: local/own: the price for `requests` is out of range"):
        book_of("prices: [{provider: local, model: own, per_request_usd: 8999999999}]")
