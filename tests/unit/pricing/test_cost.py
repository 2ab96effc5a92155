"""Costs worked out by hand, one kind of unit at a time."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.price import Price, Rate, identified
from fastgate.domain.usage import Usage
from fastgate.pricing.cost import Tariff, cost_nano


def price(*rates: Rate) -> Price:
    return identified(Price("", "p", "m", "test", rates))


CHAT = price(
    Rate("cached_input_tokens", 1_250_000),
    Rate("input_tokens", 2_500_000, parts=("cached_input_tokens",)),
    Rate("output_tokens", 10_000_000),
)


def test_a_part_is_billed_at_its_own_rate_and_the_rest_at_that_of_the_whole() -> None:
    usage = Usage(input_tokens=1_000, cached_input_tokens=400, output_tokens=10, reasoning_tokens=7)
    # 600 x $2.50/M + 400 x $1.25/M + 10 x $10/M
    assert cost_nano(CHAT, usage) == 600 * 2_500 + 400 * 1_250 + 10 * 10_000


def test_a_part_of_a_part_and_a_part_of_two_wholes() -> None:
    both = price(
        Rate("cached_audio_tokens", 400_000),
        Rate("cached_input_tokens", 500_000, parts=("cached_audio_tokens",)),
        Rate("input_audio_tokens", 40_000_000, parts=("cached_audio_tokens",)),
        Rate(
            "input_tokens",
            4_000_000,
            parts=("cached_audio_tokens", "cached_input_tokens", "input_audio_tokens"),
        ),
    )
    usage = Usage(input_tokens=100, cached_input_tokens=30, input_audio_tokens=50, cached_audio_tokens=20)
    # 20 cached sound, 10 cached else, 30 sound else, 40 else
    assert cost_nano(both, usage) == 20 * 400 + 10 * 500 + 30 * 40_000 + 40 * 4_000


def test_a_part_larger_than_its_whole_is_billed_as_it_is() -> None:
    assert cost_nano(CHAT, Usage(input_tokens=3, cached_input_tokens=100)) == 100 * 1_250


@pytest.mark.parametrize(("pico_usd", "nano"), [(499, 0), (500, 1), (1_499, 1), (1_500, 2)])
def test_rounding_is_half_up_and_once(pico_usd: int, nano: int) -> None:
    assert cost_nano(price(Rate("output_tokens", pico_usd)), Usage(output_tokens=1)) == nano


def test_one_rounding_over_all_units() -> None:
    split = price(Rate("input_tokens", 400), Rate("output_tokens", 400))
    assert cost_nano(split, Usage(input_tokens=1, output_tokens=1)) == 1


def test_rates_that_no_unit_has_in_whole_pico_usd() -> None:
    # $0.111 an hour, as Groq's whisper: 3 s are 92,500 nano-USD; and a token at a third of a nano-USD.
    usage = Usage(audio_ms=3_000, output_tokens=2)
    assert cost_nano(price(Rate("output_tokens", 1_000, 3), Rate("audio_ms", 92_500, 3)), usage) == 92_501


@pytest.mark.parametrize(
    ("tokens", "nano"), [(200_000, 200_000 * 1_250), (200_001, 200_001 * 2_500), (500_001, 500_001 * 3_000)]
)
def test_a_tier_reprices_everything_above_its_start(tokens: int, nano: int) -> None:
    tiered = price(Rate("input_tokens", 1_250_000, 1, ((200_000, 2_500_000), (500_000, 3_000_000))))
    assert cost_nano(tiered, Usage(input_tokens=tokens)) == nano


def test_units_with_tiers_at_different_places() -> None:
    tiered = price(
        Rate("input_tokens", 1_000, 1, ((10, 2_000),)), Rate("output_tokens", 5_000, 1, ((20, 7_000),))
    )
    assert cost_nano(tiered, Usage(input_tokens=10, output_tokens=1)) == 10 + 5
    assert cost_nano(tiered, Usage(input_tokens=11, output_tokens=1)) == 22 + 5
    assert cost_nano(tiered, Usage(input_tokens=21, output_tokens=1)) == 42 + 7


@pytest.mark.parametrize(("heard", "billed"), [(0, 0), (1, 10_000), (9_999, 10_000), (10_001, 10_001)])
def test_a_minimum_holds_for_what_is_used_at_all(heard: int, billed: int) -> None:
    assert cost_nano(price(Rate("audio_ms", 1_000, minimum=10_000)), Usage(audio_ms=heard)) == billed


def test_every_attempt_is_one_request() -> None:
    assert cost_nano(price(Rate("requests", 5_000_000_000)), Usage()) == 5_000_000


@pytest.mark.parametrize("unit", ["images", "pages", "web_searches", "cache_write_1h_tokens"])
def test_units_of_usage(unit: str) -> None:
    assert cost_nano(price(Rate(unit, 7_000)), msgspec.convert({unit: 3}, Usage)) == 21


def test_units_without_a_field() -> None:
    rates = price(Rate("input_characters", 15_000_000), Rate("input_tokens", 1_000))
    assert cost_nano(rates, Usage(input_tokens=2, other={"input_characters": 10})) == 150_002
    assert cost_nano(rates, Usage(input_tokens=2)) == 2


def test_no_rates_cost_nothing() -> None:
    assert cost_nano(price(), Usage(input_tokens=5)) == 0


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_more_usage_never_costs_less_than_either_half(a: int, b: int, c: int, d: int) -> None:
    tariff = Tariff(CHAT)
    whole = tariff.cost_nano(Usage(input_tokens=a + b, output_tokens=c + d))
    halves = [tariff.cost_nano(Usage(input_tokens=x, output_tokens=y)) for x, y in ((a, c), (b, d))]
    assert whole == sum(halves)


def test_the_id_names_the_content() -> None:
    same = identified(Price("whatever", "p", "m", "test", CHAT.rates))
    dearer = price(*CHAT.rates[:-1], Rate("output_tokens", 10_000_001))
    assert same == CHAT
    assert dearer.id != CHAT.id
