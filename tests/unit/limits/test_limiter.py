import struct

import pytest
from tests.support.limit_rig import MINUTE, LimitRig, S, at_once, per

from fastgate._core.accounts import LINE_WORDS
from fastgate.domain.account import BudgetWord, Measure
from fastgate.limits.refusal import NEVER, RECHECK_NS

NOW = 1_000 * S


def test_what_fits_passes_and_the_first_too_many_waits_for_its_turn(rig: LimitRig) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", per(600, burst=3)),))
    assert [chain.admit(1, 0, 0, NOW) for _ in range(3)] == [None] * 3
    refusal = chain.admit(1, 0, 0, NOW)
    assert refusal is not None
    assert refusal.wait_ns == S // 10
    assert chain.admit(1, 0, 0, NOW + refusal.wait_ns - 1) is not None
    assert chain.admit(1, 0, 0, NOW + refusal.wait_ns) is None


def test_a_chain_takes_from_all_or_from_none_and_names_the_tight_one(rig: LimitRig) -> None:
    key = rig.owner("vk_a", per(10), per(1_000, measure=Measure.TOKENS))
    team = rig.owner("search", per(5))
    chain = rig.limiter.chain((key, team))
    for _ in range(5):
        assert chain.admit(1, 10, 10, NOW) is None
    refusal = chain.admit(1, 10, 10, NOW)
    assert refusal is not None
    assert (refusal.ref, refusal.limit) == (team, team.limits[0])
    alone = rig.limiter.chain((key,))
    assert alone.admit(5, 450, 450, NOW) is None, "the refused request had taken something"
    assert alone.admit(0, 1, 0, NOW) is not None


def test_more_than_the_burst_never_passes(rig: LimitRig) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", per(1_000, measure=Measure.TOKENS)),))
    refusal = chain.admit(1, 600, 600, NOW)
    assert refusal is not None
    assert (refusal.wait_ns, refusal.needed) == (NEVER, 1_200)


@pytest.mark.parametrize(
    ("measure", "passes"),
    [(Measure.INPUT_TOKENS, 100), (Measure.OUTPUT_TOKENS, 200), (Measure.TOKENS, 300)],
)
def test_each_measure_counts_what_it_is_named_after(rig: LimitRig, measure: Measure, passes: int) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", per(passes, measure=measure)),))
    assert chain.admit(1, 100, 200, NOW) is None
    refusal = chain.admit(1, 100, 200, NOW)
    assert refusal is not None
    assert refusal.needed == passes
    assert refusal.wait_ns == MINUTE


def test_what_is_given_back_can_be_taken_again(rig: LimitRig) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", per(1), per(100, measure=Measure.TOKENS)),))
    assert chain.admit(1, 50, 50, NOW) is None
    chain.give_back(1, 50, 50)
    assert chain.admit(1, 50, 50, NOW) is None
    assert chain.admit(1, 0, 0, NOW) is not None


class TestCorrection:
    def test_an_estimate_that_was_too_high_is_given_back(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain((rig.owner("vk_a", per(1_000, measure=Measure.TOKENS)),))
        assert chain.admit(1, 400, 600, NOW) is None
        chain.correct(-300, -500, NOW)  # it was 200 in all
        assert chain.admit(1, 800, 0, NOW) is None
        assert chain.admit(1, 1, 0, NOW) is not None

    def test_an_estimate_that_was_too_low_puts_the_limit_in_debt(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain((rig.owner("vk_a", per(1_000, measure=Measure.TOKENS)),))
        assert chain.admit(1, 500, 500, NOW) is None
        chain.correct(0, 2_000, NOW)  # it was 3,000: three minutes' worth
        for minutes in (0, 1, 2):
            assert chain.admit(1, 1, 0, NOW + minutes * MINUTE) is not None
        refusal = chain.admit(1, 1_000, 0, NOW)
        assert refusal is not None
        assert refusal.wait_ns == 3 * MINUTE
        assert chain.admit(1, 1_000, 0, NOW + 3 * MINUTE) is None

    def test_never_beyond_full(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain((rig.owner("vk_a", per(1_000, measure=Measure.TOKENS)),))
        assert chain.admit(1, 10, 0, NOW) is None
        chain.correct(-100_000, 0, NOW)
        assert chain.admit(1, 1_000, 0, NOW) is None
        assert chain.admit(1, 1, 0, NOW) is not None

    def test_requests_are_not_corrected(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain((rig.owner("vk_a", per(1)),))
        assert chain.admit(1, 10, 0, NOW) is None
        chain.correct(-10, 0, NOW)
        assert chain.admit(1, 10, 0, NOW) is not None


class TestHeaders:
    def test_of_the_tightest_of_each_kind(self, rig: LimitRig) -> None:
        key = rig.owner("vk_a", per(100), per(10_000, measure=Measure.TOKENS))
        team = rig.owner("search", per(60), per(90_000, measure=Measure.INPUT_TOKENS))
        chain = rig.limiter.chain((key, team))
        assert chain.admit(1, 500, 500, NOW) is None
        assert chain.headers(NOW) == [
            (b"x-ratelimit-limit-requests", b"60"),
            (b"x-ratelimit-remaining-requests", b"59"),
            (b"x-ratelimit-reset-requests", b"1s"),
            (b"x-ratelimit-limit-tokens", b"10000"),
            (b"x-ratelimit-remaining-tokens", b"9000"),
            (b"x-ratelimit-reset-tokens", b"6s"),
        ]

    def test_only_for_what_is_limited(self, rig: LimitRig) -> None:
        assert rig.limiter.chain(()).headers(NOW) == []
        chain = rig.limiter.chain((rig.owner("vk_a", at_once(5)),))
        assert chain.headers(NOW) == []

    def test_a_limit_in_debt_has_nothing_left(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain((rig.owner("vk_a", per(100, measure=Measure.TOKENS)),))
        assert chain.admit(1, 100, 0, NOW) is None
        chain.correct(100, 0, NOW)
        assert chain.headers(NOW)[1:] == [
            (b"x-ratelimit-remaining-tokens", b"0"),
            (b"x-ratelimit-reset-tokens", b"2m0s"),
        ]


class TestConcurrency:
    def test_gauges_are_packed_for_the_hold_table_and_the_full_one_is_named(self, rig: LimitRig) -> None:
        key = rig.owner("vk_a", at_once(5), per(10))
        team = rig.owner("search", per(10), at_once(1))
        chain = rig.limiter.chain((key, team))
        assert list(struct.iter_unpack("=iiq", chain.gauges)) == [(key.line, 2, 5), (team.line, 3, 1)]
        refusal = chain.full(1)
        assert (refusal.ref, refusal.limit, refusal.wait_ns) == (team, team.limits[1], RECHECK_NS)

    def test_a_chain_without_limits_admits_everything(self, rig: LimitRig) -> None:
        chain = rig.limiter.chain(())
        assert chain.admit(1, 10**9, 10**9, NOW) is None
        chain.correct(5, 5, NOW)
        chain.give_back(1, 1, 1)
        assert (chain.gauges, chain.cells) == (b"", ())


def test_an_owner_that_was_deleted_limits_nothing(rig: LimitRig) -> None:
    gone, stays = rig.owner("vk_gone", per(1), at_once(1)), rig.owner("search", per(2))
    rig.accounts.store(gone.line, BudgetWord.KIND, 0)
    chain = rig.limiter.chain((gone, stays))
    assert [chain.admit(1, 0, 0, NOW) is None for _ in range(3)] == [True, True, False]
    assert chain.gauges == b""


class TestCache:
    def test_a_chain_is_built_once(self, rig: LimitRig) -> None:
        refs = (rig.owner("vk_a", per(5)), rig.owner("search", per(9)))
        chain = rig.limiter.chain(refs)
        assert rig.limiter.chain((refs[0], refs[1])) is chain
        assert chain.cells == (refs[0].line * LINE_WORDS + 2, refs[1].line * LINE_WORDS + 2)

    def test_limits_that_changed_under_the_same_line_are_seen(self, rig: LimitRig) -> None:
        before = rig.owner("vk_a", per(5))
        rig.limiter.chain((before,))
        after = type(before)(
            before.line, before.owner, (type(before.limits[0])(2, Measure.REQUESTS, 1, MINUTE, 1),)
        )
        chain = rig.limiter.chain((after,))
        assert chain.admit(1, 0, 0, NOW) is None
        assert chain.admit(1, 0, 0, NOW) is not None

    def test_a_new_generation_forgets_and_the_counts_stay(self, rig: LimitRig) -> None:
        refs = (rig.owner("vk_a", per(1)),)
        chain = rig.limiter.chain(refs)
        assert chain.admit(1, 0, 0, NOW) is None
        rig.limiter.forget()
        again = rig.limiter.chain(refs)
        assert again is not chain
        assert again.admit(1, 0, 0, NOW) is not None

    def test_it_is_bounded(self, rig: LimitRig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fastgate.limits.limiter._CAPACITY", 2)
        refs = [(rig.owner(f"vk_{i}", per(1)),) for i in range(3)]
        first = rig.limiter.chain(refs[0])
        for each in refs[1:]:
            rig.limiter.chain(each)
        assert rig.limiter.chain(refs[0]) is not first
