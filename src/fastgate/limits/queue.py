"""Waiting for a limit instead of being refused, in fair order among keys. One per worker.

Who waits stands in a lane: the lane of the limit that refused it. In a lane the keys take turns, and
the requests of one key go in the order they came. Who comes later and would take from a limit that others
wait for stands behind them. A lane is tried when its first would pass, and when `released` says that
something was given back; one timer serves them all.
"""

import asyncio
from bisect import insort
from collections import Counter, OrderedDict
from collections.abc import Callable
from itertools import count
from operator import attrgetter
from typing import Final

from fastgate import clock
from fastgate.limits.chain import Chain
from fastgate.limits.refusal import NEVER, Refusal

Admit = Callable[[int], Refusal | None]
"""Takes all that the request needs, or nothing, at the time given; the refusal says which limit it was."""

_NS_PER_MS: Final = 1_000_000
_by_arrival: Final = attrgetter("arrival")
_by_deadline: Final = attrgetter("deadline_ns")


class Waiter:
    """One request that waits. Its `admit` runs inside the queue: what it took is the request's, even if
    the request ends before it hears of it."""

    __slots__ = ("_future", "_queue", "admit", "arrival", "chain", "deadline_ns", "key", "refusal", "waits")

    def __init__(
        self, queue: "FairQueue", key: str, chain: Chain, *, admit: Admit, refusal: Refusal, deadline_ns: int
    ) -> None:
        self._queue = queue
        self._future: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self.key = key
        self.chain = chain
        self.admit = admit
        self.refusal = refusal  # as of its last try
        self.deadline_ns = deadline_ns
        self.arrival = next(_arrivals)
        self.waits = True

    @property
    def cell(self) -> int:
        """Of the limit that it waits for."""
        return self.chain.cells[self.refusal.index]

    async def outcome(self) -> Refusal | None:
        """None: admitted. Else the refusal that stands: the time is over, or it was made to leave."""
        try:
            return await self._future
        finally:
            self.leave()

    def leave(self) -> None:
        """Wait no longer: the client left. Idempotent."""
        if self.waits:
            self._queue.remove(self, self.refusal)

    def end(self, outcome: Refusal | None) -> None:
        """For the queue."""
        self.waits = False
        if not self._future.done():  # a task that is cancelled cancels what it awaits
            self._future.set_result(outcome)


_arrivals: Final = count()


class _Lane:
    """Those that wait for one limit: for each key its waiters by arrival, the key whose turn it is first."""

    __slots__ = ("due_ns", "keys")

    def __init__(self, due_ns: int) -> None:
        self.due_ns = due_ns
        self.keys: OrderedDict[str, list[Waiter]] = OrderedDict()

    def first(self) -> Waiter:
        return next(iter(self.keys.values()))[0]

    def add(self, waiter: Waiter) -> None:
        insort(self.keys.setdefault(waiter.key, []), waiter, key=_by_arrival)

    def remove(self, waiter: Waiter) -> None:
        waiters = self.keys[waiter.key]
        waiters.remove(waiter)
        if not waiters:
            del self.keys[waiter.key]

    def end_turn(self, key: str) -> None:
        if key in self.keys:
            self.keys.move_to_end(key)


class FairQueue:
    """Nothing waits where either bound is 0; a reload may change them."""

    def __init__(self, max_wait_ms: int = 0, max_waiting: int = 0) -> None:
        self.max_wait_ms = max_wait_ms
        self.max_waiting = max_waiting
        self._waiters: list[Waiter] = []  # by deadline
        self._of_key: Counter[str] = Counter()
        self._lanes: dict[int, _Lane] = {}  # by cell; none is empty
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def enter(self, key: str, chain: Chain, admit: Admit) -> Waiter | Refusal | None:
        """None: admitted at once. A Refusal: it may not wait, or would wait in vain. Else await the waiter.

        `key` is whose turn it takes: the virtual key's id.
        """
        now_ns = clock.monotonic_ns()
        cell = self._contended(chain) if self._waiters else None
        if cell is None:
            refusal = admit(now_ns)
            if refusal is None:
                return None
            if refusal.wait_ns == NEVER or refusal.wait_ns > self.max_wait_ms * _NS_PER_MS:
                return refusal
        else:
            refusal = self._behind(chain, cell, now_ns)
        max_wait_ns = self.max_wait_ms * _NS_PER_MS
        if not max_wait_ns or not self._has_room(key, now_ns):
            return refusal
        waiter = Waiter(self, key, chain, admit=admit, refusal=refusal, deadline_ns=now_ns + max_wait_ns)
        insort(self._waiters, waiter, key=_by_deadline)
        self._of_key[key] += 1
        lane = self._join(waiter, now_ns)
        self._arm(min(lane.due_ns, waiter.deadline_ns), now_ns)
        return waiter

    def released(self, chain: Chain) -> None:
        """Something that was taken from `chain` was given back, in this worker."""
        if not self._waiters:
            return
        now_ns = clock.monotonic_ns()
        for cell in chain.cells:
            lane = self._lanes.get(cell)
            if lane is not None:
                lane.due_ns = now_ns
                self._arm(now_ns, now_ns)

    def poll(self) -> None:
        """Let through who may pass by now, and refuse whose time is over. The timer calls it."""
        self._disarm()
        now_ns = clock.monotonic_ns()
        for cell in [cell for cell, lane in self._lanes.items() if lane.due_ns <= now_ns]:
            self._serve(cell, now_ns)
        while self._waiters and self._waiters[0].deadline_ns <= now_ns:
            self._turn_away(self._waiters[0], now_ns)
        if self._waiters:
            first_due_ns = min(lane.due_ns for lane in self._lanes.values())
            self._arm(min(first_due_ns, self._waiters[0].deadline_ns), now_ns)

    def remove(self, waiter: Waiter, outcome: Refusal | None) -> None:
        """Take a waiter out, wherever it stands. Who comes after a first may need less, and is tried."""
        lane = self._lanes[waiter.cell]
        was_first = lane.first() is waiter
        self._end(waiter, outcome)
        if not self._waiters:
            self._disarm()
        elif was_first and lane.keys:
            lane.due_ns = now_ns = clock.monotonic_ns()
            self._arm(now_ns, now_ns)

    def close(self) -> None:
        """Refuse all that wait."""
        for waiter in list(self._waiters):
            self.remove(waiter, waiter.refusal)

    def _contended(self, chain: Chain) -> int | None:
        """The cell of `chain` that others wait for already."""
        return next((cell for cell in chain.cells if cell in self._lanes), None)

    def _has_room(self, key: str, now_ns: int) -> bool:
        """Where all places are taken, the key that has most of them gives its last to one that has fewer."""
        if len(self._waiters) < self.max_waiting:
            return True
        if not self._waiters:
            return False
        greediest, most = self._of_key.most_common(1)[0]
        if most <= self._of_key[key] + 1:
            return False
        last = max((each for each in self._waiters if each.key == greediest), key=_by_arrival)
        self._turn_away(last, now_ns)
        return True

    def _serve(self, cell: int, now_ns: int) -> None:
        while (lane := self._lanes.get(cell)) is not None:
            waiter = lane.first()
            refusal = waiter.admit(now_ns)
            if refusal is None:
                self._end(waiter, None)
                lane.end_turn(waiter.key)
            elif refusal.wait_ns == NEVER:
                self._end(waiter, refusal)
            elif waiter.chain.cells[refusal.index] == cell:
                waiter.refusal = refusal
                lane.due_ns = now_ns + refusal.wait_ns
                return
            else:  # there is room here, and none in another limit of its chain: the next may pass
                self._step_out(waiter)
                waiter.refusal = refusal
                self._join(waiter, now_ns)

    def _end(self, waiter: Waiter, outcome: Refusal | None) -> None:
        self._waiters.remove(waiter)
        self._of_key[waiter.key] -= 1
        if not self._of_key[waiter.key]:
            del self._of_key[waiter.key]
        self._step_out(waiter)
        waiter.end(outcome)

    def _join(self, waiter: Waiter, now_ns: int) -> _Lane:
        lane = self._lanes.get(waiter.cell)
        if lane is None:
            lane = self._lanes[waiter.cell] = _Lane(now_ns + waiter.refusal.wait_ns)
        lane.add(waiter)
        return lane

    def _step_out(self, waiter: Waiter) -> None:
        lane = self._lanes[waiter.cell]
        lane.remove(waiter)
        if not lane.keys:
            del self._lanes[waiter.cell]

    def _turn_away(self, waiter: Waiter, now_ns: int) -> None:
        self.remove(waiter, self._behind(waiter.chain, waiter.cell, now_ns))

    def _behind(self, chain: Chain, cell: int, now_ns: int) -> Refusal:
        """Of one that is not tried: as if it came when the first in the lane passes."""
        return chain.behind(cell, max(self._lanes[cell].due_ns - now_ns, 1))

    def _arm(self, due_ns: int, now_ns: int) -> None:
        if self._timer is not None:
            if self._timer_ns <= due_ns:
                return
            self._timer.cancel()
        self._timer_ns = due_ns
        # The loop counts milliseconds: rounded up, so that it is not called before anything is due.
        delay_ms = -(-max(due_ns - now_ns, 0) // _NS_PER_MS)
        self._timer = asyncio.get_running_loop().call_later(delay_ms / 1e3, self.poll)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
