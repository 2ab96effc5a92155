"""The circuit breaker of one deployment, on a slot that all workers share.

    closed --(error_ratio of at least min_requests within window_s)--> open
    open --(open_s, doubled each time it opens again, at most max_open_s)--> half-open
    half-open --(a probe succeeds)--> closed, --(it fails)--> open

One probe at a time is let through, and after PROBE_LEASE_NS another one: its worker may have died, and
a call may take minutes. A probe decides while the breaker is still in the half-open state that let it
through, however long it took; after that its outcome counts like any other.

The window slides: what the last full window counted fades out linearly while the current one fills.
Two workers that turn the window at the same moment may lose a few counts; no state depends on it.
"""

from enum import Enum, auto
from typing import Final

from fastgate.domain.snapshot import Breaker
from fastgate.routing.slot_layout import DeploymentField as Field
from fastgate.routing.slot_layout import Slots

REFUSED: Final = -1
ADMITTED: Final = 0
PROBE_LEASE_NS: Final = 30_000_000_000
_REQUEST: Final = 1 << 32
_MASK: Final = _REQUEST - 1
_MAX_DOUBLINGS: Final = 16  # keeps the shift small; max_open_s caps long before

# plain ints: an IntEnum member costs a slot of the C call a conversion on the hot path
_OPEN_UNTIL: Final = int(Field.OPEN_UNTIL)
_PROBE_UNTIL: Final = int(Field.PROBE_UNTIL)


class Turn(Enum):
    """A change of state, told to the one whose outcome made it."""

    OPENED = auto()
    CLOSED = auto()


class CircuitBreaker:
    __slots__ = ("_max_open_ns", "_open_ns", "_slot", "_slots", "_window_ns", "settings")

    def __init__(self, slots: Slots, slot: int, settings: Breaker) -> None:
        self._slots = slots
        self._slot = slot
        self.configure(settings)

    def configure(self, settings: Breaker) -> None:
        """Take over other limits, as after a reload; the state stays."""
        self.settings = settings
        self._window_ns = max(int(settings.window_s * 1e9), 1)
        self._open_ns = int(settings.open_s * 1e9)
        self._max_open_ns = int(settings.max_open_s * 1e9)

    def opens_until(self) -> int:
        """0 when closed; else until when it is, or was, open."""
        return self._slots.load(self._slot, _OPEN_UNTIL)

    def admit(self, now_ns: int) -> int:
        """ADMITTED, REFUSED, or the token of a probe that `record` or `release` must be given back."""
        until = self._slots.load(self._slot, _OPEN_UNTIL)
        if until == 0:
            return ADMITTED
        if until > now_ns:
            return REFUSED
        lease = self._slots.load(self._slot, _PROBE_UNTIL)
        token = now_ns + PROBE_LEASE_NS
        if lease > now_ns or not self._slots.compare_exchange(self._slot, _PROBE_UNTIL, lease, token):
            return REFUSED
        if self._slots.load(self._slot, _OPEN_UNTIL) != until:  # another probe ended between the two reads
            self.release(token)
            return REFUSED
        return token

    def probing_until(self) -> int:
        """Until when the probe of another request holds the half-open breaker; 0 if none does."""
        return self._slots.load(self._slot, _PROBE_UNTIL)

    def record(self, failed: bool, token: int, now_ns: int) -> Turn | None:
        """Count one outcome; a probe's decides the state. What it changed, if anything."""
        if token == ADMITTED:
            return self._count(failed, now_ns)
        slots, slot = self._slots, self._slot
        until = slots.load(slot, _OPEN_UNTIL)
        # Any other half-open state began after this probe was let through.
        if not 0 < until <= token - PROBE_LEASE_NS:
            self.release(token)
            return self._count(failed, now_ns)
        reopen_until = now_ns + self._next_open_ns() if failed else 0
        if not slots.compare_exchange(slot, _OPEN_UNTIL, until, reopen_until):
            self.release(token)  # another probe decided just now
            return self._count(failed, now_ns)
        if failed:
            slots.add(slot, Field.OPENINGS, 1)
        else:
            self._forget()
            slots.store(slot, Field.OPENINGS, 0)
        slots.store(slot, _PROBE_UNTIL, 0)
        return Turn.OPENED if failed else Turn.CLOSED

    def _next_open_ns(self) -> int:
        doublings = min(self._slots.load(self._slot, Field.OPENINGS), _MAX_DOUBLINGS)
        return min(self._open_ns << doublings, self._max_open_ns)

    def release(self, token: int) -> None:
        """A probe ended without saying anything about the deployment: the next request may probe."""
        if token > 0:
            self._slots.compare_exchange(self._slot, _PROBE_UNTIL, token, 0)

    def _count(self, failed: bool, now_ns: int) -> Turn | None:
        slots, slot = self._slots, self._slot
        epoch = now_ns // self._window_ns
        seen = slots.load(slot, Field.EPOCH)
        if seen != epoch and slots.compare_exchange(slot, Field.EPOCH, seen, epoch):
            last = slots.load(slot, Field.CURRENT) if seen == epoch - 1 else 0
            slots.store(slot, Field.PREVIOUS, last)
            slots.store(slot, Field.CURRENT, 0)
        current = slots.add(slot, Field.CURRENT, _REQUEST + failed)
        if failed and slots.load(slot, Field.OPEN_UNTIL) == 0 and self._too_many(current, now_ns):
            open_ns = min(self._open_ns, self._max_open_ns)
            if slots.compare_exchange(slot, Field.OPEN_UNTIL, 0, now_ns + open_ns):
                slots.store(slot, Field.OPENINGS, 1)
                self._forget()
                return Turn.OPENED
        return None

    def _too_many(self, current: int, now_ns: int) -> bool:
        previous = self._slots.load(self._slot, Field.PREVIOUS)
        share = 1 - now_ns % self._window_ns / self._window_ns
        requests = (current >> 32) + (previous >> 32) * share
        failures = (current & _MASK) + (previous & _MASK) * share
        return requests >= self.settings.min_requests and failures >= self.settings.error_ratio * requests

    def _forget(self) -> None:
        self._slots.store(self._slot, Field.PREVIOUS, 0)
        self._slots.store(self._slot, Field.CURRENT, 0)
