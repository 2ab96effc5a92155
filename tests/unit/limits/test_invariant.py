"""In any window, never more than burst + rate x t, over all workers; and not much less either."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.core.processes import Process
from tests.support.limit_rig import LimitRig, S, per
from tests.unit.limits import processes

from fastgate.domain.account import Limit, LimitRef, Measure

WORKERS = 4
ATTEMPTS = 20_000
START = 1_000 * S
PERIODS = {"second": S, "minute": 60 * S, "hour": 3_600 * S, "day": 86_400 * S}

Run = Callable[..., processes.Admitted]


@pytest.fixture
def run(rig: LimitRig) -> Iterator[Run]:
    """Runs a role in `WORKERS` processes at the same time; all that they admitted, by time."""
    started: list[Process] = []

    def all_of(
        role: Callable[..., object], refs: tuple[LimitRef, ...], step_ns: int, size: int
    ) -> processes.Admitted:
        rig.accounts.store(processes.CLOCK_LINE, processes.CLOCK_WORD, START)
        work = processes.Work(rig.path, refs, step_ns, ATTEMPTS, size)
        encoded = msgspec.json.encode(work).decode()
        started.extend(Process(role, encoded, seed) for seed in range(WORKERS))
        for each in started:
            each.start()
        results = [msgspec.convert(each.result(), list[tuple[int, int]]) for each in started]
        assert all(results), "every worker gets something"
        return sorted(one for result in results for one in result)

    yield all_of
    for each in started:
        each.kill()


def overshoot(admitted: processes.Admitted, limit: Limit) -> int:
    """By how much the fullest of all windows exceeds burst + rate x t, times the period; exact."""
    total, least, worst = 0, None, 0
    for at_ns, size in admitted:
        level = total * limit.period_ns - limit.amount * at_ns
        least = level if least is None else min(least, level)
        total += size
        worst = max(worst, total * limit.period_ns - limit.amount * at_ns - least)
    return worst - limit.burst * limit.period_ns


def rate_over(period_ns: int, amount: int, attempts_per_unit: int) -> int:
    """The step of the clock at which so many attempts come for each unit that flows in."""
    return -(-period_ns // (amount * attempts_per_unit))


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("burst", [1, 50])
def test_requests(rig: LimitRig, run: Run, period: str, burst: int) -> None:
    period_ns = PERIODS[period]
    ref = rig.owner("vk_a", per(600, period_ns, burst=burst))
    admitted = [(at, 1) for at, _ in run(processes.admit, (ref,), rate_over(period_ns, 600, 4), 1)]
    assert overshoot(admitted, ref.limits[0]) <= 0
    due = WORKERS * ATTEMPTS // 4 + burst
    assert 0.95 * due <= len(admitted) <= due + 1


@pytest.mark.parametrize("period", PERIODS)
def test_tokens(rig: LimitRig, run: Run, period: str) -> None:
    period_ns = PERIODS[period]
    ref = rig.owner("vk_a", per(90_000, period_ns, Measure.TOKENS, burst=5_000))
    step_ns = period_ns // 90_000 * 50  # requests of 250 on average: five times what flows in
    admitted = run(processes.admit, (ref,), step_ns, 500)
    assert overshoot(admitted, ref.limits[0]) <= 0
    due = WORKERS * ATTEMPTS * 50 + 5_000
    assert 0.95 * due <= sum(size for _, size in admitted) <= 1.01 * due


def test_every_limit_of_a_chain_holds_at_once(rig: LimitRig, run: Run) -> None:
    key = rig.owner("vk_a", per(10, S, burst=3), per(20_000, PERIODS["hour"], burst=5_000))
    team = rig.owner("search", per(90_000, PERIODS["minute"], Measure.INPUT_TOKENS, burst=9_000))
    admitted = run(processes.admit, (key, team), S // 40, 300)
    requests = [(at, 1) for at, _ in admitted]
    assert [overshoot(requests, limit) <= 0 for limit in key.limits] == [True, True]
    assert overshoot(admitted, team.limits[0]) <= 0


def test_what_is_corrected_at_the_settlement_holds_in_the_long_run(rig: LimitRig, run: Run) -> None:
    """A window may have, beyond burst + rate x t, what the calls in flight exceed their estimates by."""
    ref = rig.owner("vk_a", per(60_000, measure=Measure.TOKENS, burst=1_000))
    estimate = 100
    step_ns = PERIODS["minute"] // 60_000 * 25  # four times what flows in
    admitted = run(processes.admit_and_correct, (ref,), step_ns, estimate)
    limit = ref.limits[0]
    assert overshoot(admitted, limit) <= WORKERS * estimate * limit.period_ns
    due = WORKERS * ATTEMPTS * 25 + 1_000
    assert 0.95 * due <= sum(used for _, used in admitted) <= 1.05 * due
