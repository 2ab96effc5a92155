"""The queue by itself: time is moved by hand, and `poll` is called as the timer would."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from tests.conftest import FakeClock
from tests.support.limit_rig import LimitRig, S, at_once, per

from fastgate import clock
from fastgate.domain.account import LimitRef, Measure
from fastgate.limits.chain import Chain
from fastgate.limits.queue import FairQueue, Waiter
from fastgate.limits.refusal import Refusal

pytestmark = pytest.mark.usefixtures("fake_clock")


@pytest_asyncio.fixture
async def queue() -> AsyncIterator[FairQueue]:
    queue = FairQueue(max_wait_ms=10_000, max_waiting=100)
    yield queue
    queue.close()
    assert queue.waiting == 0


def request(chain: Chain, tokens: int = 0) -> Callable[[int], Refusal | None]:
    return lambda now_ns: chain.admit(1, tokens, 0, now_ns)


def enter(queue: FairQueue, rig: LimitRig, key: str, *refs: LimitRef, tokens: int = 0) -> Waiter:
    """One that must wait."""
    chain = rig.limiter.chain(refs)
    waiter = queue.enter(key, chain, request(chain, tokens))
    assert isinstance(waiter, Waiter)
    return waiter


def use_up(rig: LimitRig, *refs: LimitRef) -> None:
    chain = rig.limiter.chain(refs)
    while chain.admit(1, 0, 0, clock.monotonic_ns()) is None:
        pass


async def done(waiter: Waiter) -> Refusal | None:
    """Its outcome, which is known already."""
    return await asyncio.wait_for(waiter.outcome(), 0.5)


async def test_what_passes_at_once_does_not_wait(queue: FairQueue, rig: LimitRig) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", per(5)),))
    assert queue.enter("vk_a", chain, request(chain)) is None
    assert queue.waiting == 0


async def test_a_waiter_passes_when_its_limit_has_room(
    queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
) -> None:
    ref = rig.owner("vk_a", per(60, burst=1))
    use_up(rig, ref)
    waiter = enter(queue, rig, "vk_a", ref)
    queue.poll()
    fake_clock.advance(0.999)
    queue.poll()
    assert queue.waiting == 1
    fake_clock.advance(0.001)
    queue.poll()
    assert await done(waiter) is None


async def test_the_timer_wakes_it_by_itself(rig: LimitRig) -> None:
    clock.reset()  # real time
    queue = FairQueue(max_wait_ms=5_000, max_waiting=1)
    ref = rig.owner("vk_a", per(100, S, burst=1))
    use_up(rig, ref)
    began_ns = clock.monotonic_ns()
    assert await enter(queue, rig, "vk_a", ref).outcome() is None
    assert clock.monotonic_ns() - began_ns < S


async def test_when_the_time_is_over_the_refusal_stands(
    queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
) -> None:
    ref = rig.owner("vk_a", per(60, burst=1))
    use_up(rig, ref)
    waiters = [enter(queue, rig, "vk_a", ref) for _ in range(12)]
    for _ in range(10):
        fake_clock.advance(1)
        queue.poll()
    outcomes = [await done(waiter) for waiter in waiters]
    assert outcomes[:10] == [None] * 10
    for refusal in outcomes[10:]:
        assert refusal is not None
        assert refusal.error().code == "rate_limit_exceeded"
        assert refusal.ref == ref


async def test_who_would_wait_in_vain_is_refused_at_once(queue: FairQueue, rig: LimitRig) -> None:
    slow = rig.owner("vk_a", per(1))
    use_up(rig, slow)
    chain = rig.limiter.chain((slow,))
    assert isinstance(queue.enter("vk_a", chain, request(chain)), Refusal)
    tokens = rig.limiter.chain((rig.owner("vk_b", per(10, measure=Measure.TOKENS)),))
    assert isinstance(queue.enter("vk_b", tokens, request(tokens, 11)), Refusal)
    assert queue.waiting == 0


@pytest.mark.parametrize("bounds", [(0, 10), (10, 0)])
async def test_switched_off_nobody_waits(rig: LimitRig, bounds: tuple[int, int]) -> None:
    queue = FairQueue(*bounds)
    ref = rig.owner("vk_a", per(1_000, S, burst=1))
    use_up(rig, ref)
    chain = rig.limiter.chain((ref,))
    assert isinstance(queue.enter("vk_a", chain, request(chain)), Refusal)


async def test_a_release_lets_the_next_one_in_at_once(queue: FairQueue, rig: LimitRig) -> None:
    ref = rig.owner("vk_a", at_once(1))
    chain = rig.limiter.chain((ref,))
    running = rig.accounts

    def begin(_: int) -> Refusal | None:
        if running.compare_exchange(ref.line, 2, 0, 1):
            return None
        return chain.full(0)

    assert queue.enter("vk_a", chain, begin) is None
    waiters = [queue.enter("vk_a", chain, begin) for _ in range(2)]
    first, second = (each for each in waiters if isinstance(each, Waiter))
    running.store(ref.line, 2, 0)
    queue.released(chain)
    assert (
        await asyncio.wait_for(first.outcome(), 5) is None
    )  # the clock stands still: only the release did it
    assert queue.waiting == 1
    second.leave()


async def test_a_cap_that_another_process_freed_is_seen_without_a_release(
    queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
) -> None:
    chain = rig.limiter.chain((rig.owner("vk_a", at_once(1)),))
    full = True
    waiter = queue.enter("vk_a", chain, lambda _: chain.full(0) if full else None)
    assert isinstance(waiter, Waiter)
    full = False
    fake_clock.advance(0.05)
    queue.poll()
    assert await done(waiter) is None


async def test_whose_client_left_takes_nothing(
    queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
) -> None:
    ref = rig.owner("vk_a", per(60, burst=1))
    use_up(rig, ref)
    gone, stays = (enter(queue, rig, "vk_a", ref) for _ in range(2))
    gone.leave()
    gone.leave()
    fake_clock.advance(1)
    queue.poll()
    assert await done(gone) is not None
    assert await done(stays) is None


async def test_a_cancelled_task_leaves_the_queue(queue: FairQueue, rig: LimitRig) -> None:
    ref = rig.owner("vk_a", per(60, burst=1))
    use_up(rig, ref)
    waiter = enter(queue, rig, "vk_a", ref)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiter.outcome(), 0.001)
    assert queue.waiting == 0


async def test_behind_a_large_request_that_left_a_small_one_is_tried(
    queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
) -> None:
    ref = rig.owner("vk_a", per(6_000, measure=Measure.TOKENS))
    chain = rig.limiter.chain((ref,))
    assert chain.admit(0, 6_000, 0, clock.monotonic_ns()) is None
    large = enter(queue, rig, "vk_a", ref, tokens=900)
    small = enter(queue, rig, "vk_a", ref, tokens=100)
    fake_clock.advance(1)
    queue.poll()
    assert queue.waiting == 2, "nobody passes the large one"
    large.leave()
    queue.poll()
    assert await done(small) is None


class TestFairness:
    async def test_two_tenants_one_greedy_take_turns(
        self, queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
    ) -> None:
        """On 10 a second between them, the modest one's 4 a second each pass within two turns."""
        shared = rig.owner("search", per(10, S, burst=1))
        greedy, modest = rig.owner("vk_greedy"), rig.owner("vk_modest")
        use_up(rig, shared)
        hoard = [enter(queue, rig, "vk_greedy", greedy, shared) for _ in range(50)]
        waits: list[int] = []
        for _ in range(8):
            waiter = enter(queue, rig, "vk_modest", modest, shared)
            turns = 0
            while waiter.waits:
                fake_clock.advance(0.1)
                queue.poll()
                turns += 1
            assert await done(waiter) is None
            waits.append(turns)
        assert max(waits) <= 2
        passed = [each for each in hoard if not each.waits]
        assert 5 <= len(passed) <= 10, "the greedy one has its share too"
        assert passed == hoard[: len(passed)], "first come, first served inside a key"

    async def test_who_comes_later_does_not_overtake(
        self, queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
    ) -> None:
        shared = rig.owner("search", per(60, burst=1))
        use_up(rig, shared)
        first = enter(queue, rig, "vk_a", shared)
        fake_clock.advance(1)  # it could pass now, but the timer has not come yet
        second = enter(queue, rig, "vk_b", shared)
        queue.poll()
        assert await done(first) is None
        assert queue.waiting == 1
        fake_clock.advance(1)
        queue.poll()
        assert await done(second) is None

    async def test_other_limits_are_not_held_up(self, queue: FairQueue, rig: LimitRig) -> None:
        full, free = rig.owner("vk_a", per(60, burst=1)), rig.owner("vk_b", per(60))
        use_up(rig, full)
        waiter = enter(queue, rig, "vk_a", full)
        chain = rig.limiter.chain((free,))
        assert queue.enter("vk_b", chain, request(chain)) is None
        waiter.leave()

    async def test_a_key_at_its_own_limit_does_not_block_the_shared_one(
        self, queue: FairQueue, rig: LimitRig, fake_clock: FakeClock
    ) -> None:
        shared = rig.owner("search", per(60, burst=1))
        tight, loose = rig.owner("vk_tight", per(12, burst=1)), rig.owner("vk_loose", per(600))
        use_up(rig, shared)
        blocked = [enter(queue, rig, "vk_tight", shared, tight) for _ in range(3)]
        free = [enter(queue, rig, "vk_loose", shared, loose) for _ in range(3)]
        for _ in range(4):
            fake_clock.advance(1)
            queue.poll()
        assert await done(blocked[0]) is None
        assert [await done(each) for each in free] == [None] * 3
        assert queue.waiting == 2
        for each in blocked[1:]:
            each.leave()

    async def test_a_full_queue_makes_room_for_the_key_that_has_less(self, rig: LimitRig) -> None:
        queue = FairQueue(max_wait_ms=10_000, max_waiting=4)
        shared = rig.owner("search", per(60, burst=1))
        use_up(rig, shared)
        hoard = [enter(queue, rig, "vk_greedy", shared) for _ in range(4)]
        chain = rig.limiter.chain((shared,))
        assert isinstance(queue.enter("vk_greedy", chain, request(chain)), Refusal)
        modest = [enter(queue, rig, "vk_modest", shared) for _ in range(2)]
        assert [await done(each) is not None for each in hoard[2:]] == [True, True]
        assert isinstance(queue.enter("vk_modest", chain, request(chain)), Refusal), "both have half"
        assert queue.waiting == 4
        for each in (*hoard[:2], *modest):
            each.leave()
