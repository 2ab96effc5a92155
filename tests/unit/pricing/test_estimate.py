"""Holds: what is likely, and for strict budgets what cannot be passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.price import Price, Rate, identified
from fastgate.domain.usage import Usage
from fastgate.pricing.cost import Tariff
from fastgate.pricing.estimate import (
    FILE_MS_STRICT,
    FILE_TOKENS,
    HIDDEN_TOKENS,
    IMAGE_TOKENS,
    IMAGE_TOKENS_STRICT,
    UNLIMITED,
    Size,
    hold_nano,
    input_tokens,
    output_cap_for,
)


def tariff(*rates: Rate, context: int = 0) -> Tariff:
    return Tariff(identified(Price("", "p", "m", "test", rates, context=context)))


CHAT = tariff(
    Rate("cached_input_tokens", 1_250_000),
    Rate("input_tokens", 2_500_000, parts=("cached_input_tokens",)),
    Rate("output_tokens", 10_000_000),
)
CACHING = tariff(
    Rate("cache_write_1h_tokens", 10_000_000),
    Rate("cache_write_tokens", 6_250_000, parts=("cache_write_1h_tokens",)),
    Rate("input_tokens", 5_000_000, parts=("cache_write_1h_tokens", "cache_write_tokens")),
    Rate("output_tokens", 25_000_000),
)
SOUND = tariff(
    Rate("cached_input_tokens", 2_500_000),
    Rate("input_audio_tokens", 40_000_000),
    Rate("input_tokens", 2_500_000, parts=("cached_input_tokens", "input_audio_tokens")),
    Rate("output_audio_tokens", 80_000_000),
    Rate("output_tokens", 10_000_000, parts=("output_audio_tokens",)),
)
TIERED = tariff(
    Rate("input_tokens", 1_250_000, 1, ((200_000, 2_500_000),)),
    Rate("output_tokens", 10_000_000, 1, ((200_000, 15_000_000),)),
)
EVERYTHING = tariff(
    Rate("input_tokens", 1_000_003, 7),
    Rate("output_tokens", 3_000_001, 11),
    Rate("requests", 5_000_000_000),
    Rate("web_searches", 10_000_000_000),
    context=100_000,
)


def test_the_likely_hold_is_a_third_of_the_bytes_and_the_whole_cap() -> None:
    assert hold_nano((CHAT,), Size(3_000), 100, strict=False) == 1_000 * 2_500 + 100 * 10_000
    assert hold_nano((CHAT,), Size(1), 0, strict=False) == 2_500


def test_images_and_files_have_a_fixed_size() -> None:
    assert input_tokens(Size(301, images=2, files=1)) == 101 + 2 * IMAGE_TOKENS + FILE_TOKENS


def test_each_of_n_answers_may_take_the_cap() -> None:
    assert hold_nano((CHAT,), Size(0, n=3), 100, strict=False) == 3 * 100 * 10_000


def test_a_strict_hold_takes_bytes_as_tokens_of_the_dearest_kind() -> None:
    strict = hold_nano((CACHING,), Size(1_000), 10, strict=True)
    assert strict == (1_000 + HIDDEN_TOKENS) * 10_000 + 10 * 25_000
    sound = hold_nano((SOUND,), Size(1_000), 10, strict=True)
    assert sound == (1_000 + HIDDEN_TOKENS) * 40_000 + 10 * 80_000


def test_the_tariff_to_expect_decides_or_if_strict_the_dearest() -> None:
    both, size = (CHAT, CACHING), Size(300)
    assert hold_nano(both, size, 1, strict=False) == hold_nano((CHAT,), size, 1, strict=False)
    assert hold_nano(both, size, 1, strict=True) == hold_nano((CACHING,), size, 1, strict=True)
    left = 10**9
    assert output_cap_for(both, size, left) == output_cap_for((CACHING,), size, left)


def test_the_long_context_tier_is_held_as_soon_as_it_may_be_reached() -> None:
    assert hold_nano((TIERED,), Size(600_000), 1, strict=False) == 200_000 * 1_250 + 10_000
    assert hold_nano((TIERED,), Size(600_003), 1, strict=False) == 200_001 * 2_500 + 15_000


def test_a_tier_that_is_cheaper_does_not_lower_the_hold() -> None:
    falling = tariff(Rate("input_tokens", 2_000_000, 1, ((100, 1_000_000),)))
    # The bytes are an upper bound: it may be 100 tokens at the base price, or 2,000 at the other.
    cost = falling.cost_nano(Usage(input_tokens=100))
    assert hold_nano((falling,), Size(6_000), 0, strict=False) >= cost


def test_other_units_are_held_too() -> None:
    size = Size(0, searches=2)
    assert hold_nano((EVERYTHING,), size, 0, strict=False) == 5_000_000 + 2 * 10_000_000


def test_a_known_context_window_bounds_a_strict_hold() -> None:
    assert hold_nano((EVERYTHING,), Size(10**9), 0, strict=True) == hold_nano(
        (EVERYTHING,), Size(200_000), 0, strict=True
    )


def test_nothing_is_held_for_what_has_no_price() -> None:
    assert hold_nano((), Size(1_000), 1_000, strict=True) == 0
    assert output_cap_for((), Size(1_000), 0) == UNLIMITED


@given(
    st.sampled_from([CHAT, CACHING, SOUND, TIERED, EVERYTHING]),
    st.integers(0, 500_000),
    st.integers(1, 4),
    st.integers(0, 10**10),
)
def test_the_cap_is_the_largest_that_fits(priced: Tariff, size: int, n: int, left: int) -> None:
    request = Size(size, n=n)
    cap = output_cap_for((priced,), request, left)
    if cap:
        assert hold_nano((priced,), request, cap, strict=True) <= left
    assert hold_nano((priced,), request, cap + 1, strict=True) > left


def test_no_cap_where_output_costs_nothing() -> None:
    embeddings = tariff(Rate("input_tokens", 20_000))
    assert output_cap_for((embeddings,), Size(10), 10**9) == UNLIMITED
    assert output_cap_for((embeddings,), Size(10**6), 1) == 0


@st.composite
def calls(draw: st.DrawFn) -> tuple[Size, int, Usage]:
    """A request with a usage that the assumptions of `estimate` allow."""
    size = Size(
        draw(st.integers(0, 400_000)),
        images=draw(st.integers(0, 2)),
        searches=draw(st.integers(0, 3)),
        n=draw(st.integers(1, 3)),
    )
    cap = draw(st.integers(0, 20_000))
    taken = draw(st.integers(0, size.input_bytes + size.images * IMAGE_TOKENS_STRICT + HIDDEN_TOKENS))
    given_out = draw(st.integers(0, cap * size.n))
    usage = Usage(
        input_tokens=taken, output_tokens=given_out, web_searches=draw(st.integers(0, size.searches))
    )
    rest = taken
    for kind in draw(st.permutations(("cached_input_tokens", "cache_write_tokens", "input_audio_tokens"))):
        part = draw(st.integers(0, rest))
        setattr(usage, kind, part)
        rest -= part
    usage.cache_write_1h_tokens = draw(st.integers(0, usage.cache_write_tokens))
    usage.output_audio_tokens = draw(st.integers(0, given_out))
    return size, cap, usage


@pytest.mark.parametrize("priced", [CHAT, CACHING, SOUND, TIERED], ids=["chat", "caching", "sound", "tiered"])
@given(call=calls())
def test_a_strict_hold_is_never_below_the_cost(priced: Tariff, call: tuple[Size, int, Usage]) -> None:
    size, cap, usage = call
    assert hold_nano((priced,), size, cap, strict=True) >= priced.cost_nano(usage)


@given(call=calls())
def test_a_strict_hold_with_every_kind_of_unit(call: tuple[Size, int, Usage]) -> None:
    size, cap, usage = call
    usage.input_tokens = min(usage.input_tokens, 2 * EVERYTHING.price.context)
    assert hold_nano((EVERYTHING,), size, cap, strict=True) >= EVERYTHING.cost_nano(usage)


@pytest.mark.parametrize("unit", ["audio_ms", "pages", "images", "input_characters"])
def test_units_of_sound_pages_images_and_characters_are_bounded(unit: str) -> None:
    size = Size(48_000, files=1, n=2)
    most = {"audio_ms": 96_000 + FILE_MS_STRICT, "pages": 1_000, "images": 2, "input_characters": 48_000}[
        unit
    ]
    assert hold_nano((tariff(Rate(unit, 1_000)),), size, 0, strict=True) == most
    assert 0 < hold_nano((tariff(Rate(unit, 1_000)),), size, 0, strict=False) <= most
