"""Health of deployments and credentials, shared by all workers: every decision reads the shared slots."""

from collections.abc import Iterator
from typing import Final

from fastgate._core.shm import key_of
from fastgate.domain.snapshot import Breaker, Credential
from fastgate.observability import log
from fastgate.routing import slot_layout
from fastgate.routing.breaker import REFUSED, CircuitBreaker, Turn
from fastgate.routing.latency import Quantile, decayed, peak_average
from fastgate.routing.slot_layout import FOREVER, IN_FLIGHT_TAG, WORKERS_PER_SLOT, CredentialField, Slots
from fastgate.routing.slot_layout import DeploymentField as Field

# plain ints: on the hot path an IntEnum member has to be converted in each call
_DEPLOYMENT_COOLDOWN: Final = int(Field.COOLDOWN_UNTIL)
_COOLDOWN: Final = int(CredentialField.COOLDOWN_UNTIL)
_REJECTED: Final = int(CredentialField.REJECTED)


class DeploymentHealth:
    """One deployment as this worker sees and changes it. Times are arguments, in ns."""

    __slots__ = (
        "_block",
        "_blocks",
        "_field",
        "_in_flight_slot",
        "_slot",
        "_slots",
        "_workers_slot",
        "breaker",
        "id",
        "latencies",
    )

    def __init__(
        self, slots: Slots, deployment: str, worker_index: int, workers_slot: int, breaker: Breaker
    ) -> None:
        self.id = deployment
        self.latencies = Quantile()
        self._slots = slots
        self._slot = slots.claim(key_of(slot_layout.deployment_name(deployment)))
        self._workers_slot = workers_slot
        self._blocks: list[int] = []
        self._block, self._field = divmod(worker_index, WORKERS_PER_SLOT)
        self._in_flight_slot = slots.claim(key_of(slot_layout.in_flight_name(deployment, self._block)))
        slots.store(self._in_flight_slot, IN_FLIGHT_TAG, slot_layout.in_flight_tag(self._block))
        self.breaker = CircuitBreaker(slots, self._slot, breaker)

    def current(self) -> bool:
        """False after its slots were given free, while no configuration had the deployment."""
        found = ((self._slot, slot_layout.deployment_name(self.id)), *self._in_flight_slots())
        return all(self._slots.find(key_of(name)) == slot for slot, name in found)

    def _in_flight_slots(self) -> Iterator[tuple[int, bytes]]:
        yield self._in_flight_slot, slot_layout.in_flight_name(self.id, self._block)
        for block, slot in enumerate(self._blocks):
            if slot >= 0:
                yield slot, slot_layout.in_flight_name(self.id, block)

    def admit(self, now_ns: int) -> int:
        """ADMITTED, REFUSED, or a probe's token, to be given to `record` or `release`."""
        if self._slots.load(self._slot, _DEPLOYMENT_COOLDOWN) > now_ns:
            return REFUSED
        return self.breaker.admit(now_ns)

    def record(self, failed: bool, token: int, now_ns: int) -> None:
        """One outcome, `token` as `admit` gave it. The breaker's changes are logged by whoever made them."""
        turn = self.breaker.record(failed, token, now_ns)
        if turn is Turn.OPENED:
            seconds = max(self.breaker.opens_until() - now_ns, 0) / 1e9
            log.event("warning", "breaker opened", deployment=self.id, seconds=seconds)
        elif turn is Turn.CLOSED:
            log.event("warning", "breaker closed", deployment=self.id)

    def cooldown_until(self) -> int:
        return self._slots.load(self._slot, _DEPLOYMENT_COOLDOWN)

    def cool_down(self, until_ns: int) -> None:
        """For a deployment without credentials, which cannot cool one of them."""
        _raise_to(self._slots, self._slot, _DEPLOYMENT_COOLDOWN, until_ns)

    def begin(self) -> None:
        self._slots.add(self._in_flight_slot, self._field, 1)

    def end(self) -> None:
        self._slots.add(self._in_flight_slot, self._field, -1)

    def in_flight(self) -> int:
        """Requests in flight over all workers."""
        slots = self._slots
        workers = slots.load(self._workers_slot, 0)
        while len(self._blocks) * WORKERS_PER_SLOT < workers:
            self._blocks.append(-1)
        return sum(
            slots.load(slot, worker % WORKERS_PER_SLOT)
            for worker in range(workers)
            if (slot := self._block_slot(worker // WORKERS_PER_SLOT)) >= 0
        )

    def _block_slot(self, block: int) -> int:
        """-1 while no worker of the block has used the deployment."""
        if self._blocks[block] < 0:
            self._blocks[block] = self._slots.find(key_of(slot_layout.in_flight_name(self.id, block)))
        return self._blocks[block]

    def observe(self, latency_ns: int, now_ns: int) -> None:
        """A success took this long. Two workers at the same moment may lose one observation."""
        self.latencies.add(latency_ns)
        slots, slot = self._slots, self._slot
        elapsed_ns = now_ns - slots.load(slot, Field.LATENCY_AT)
        average_ns = peak_average(slots.load(slot, Field.LATENCY), elapsed_ns, latency_ns)
        slots.store(slot, Field.LATENCY, average_ns)
        slots.store(slot, Field.LATENCY_AT, now_ns)

    def latency_ns(self, now_ns: int) -> float:
        """The decayed peak average; 0 if it was never measured."""
        elapsed_ns = now_ns - self._slots.load(self._slot, Field.LATENCY_AT)
        return decayed(self._slots.load(self._slot, Field.LATENCY), elapsed_ns)


class CredentialHealth:
    """One credential at one deployment: cooldowns and a 403 hold here, a 401 at all deployments.

    Providers limit the rate per model, and a 403 may mean one model only: neither may let one client
    take a credential away from the others' models.
    """

    __slots__ = ("_everywhere", "_everywhere_key", "_here", "_here_key", "_slots")

    def __init__(self, slots: Slots, deployment: str, provider: str, credential: Credential) -> None:
        self._slots = slots
        here = slot_layout.credential_at_name(deployment, credential.id, credential.fingerprint)
        everywhere = slot_layout.credential_name(provider, credential.id, credential.fingerprint)
        self._here_key, self._everywhere_key = key_of(here), key_of(everywhere)
        self._here = slots.claim(self._here_key)
        self._everywhere = slots.claim(self._everywhere_key)

    def usable(self, now_ns: int) -> bool:
        slots = self._slots
        return slots.load(self._here, _COOLDOWN) <= now_ns and not slots.load(self._everywhere, _REJECTED)

    def returns_at(self) -> int:
        """When the cooldown ends; FOREVER when rejected: until the configuration of the secret changes."""
        if self._slots.load(self._everywhere, _REJECTED) or self._slots.load(self._here, _REJECTED):
            return FOREVER
        return self._slots.load(self._here, _COOLDOWN)

    def cool_down(self, until_ns: int) -> None:
        # A long stream may outlive its configuration, and the slot be another's by now.
        if self._slots.find(self._here_key) == self._here:
            _raise_to(self._slots, self._here, _COOLDOWN, until_ns)

    def reject(self, *, everywhere: bool) -> bool:
        """Whether this took it out of use, and not somebody before."""
        key, slot = (self._everywhere_key, self._everywhere) if everywhere else (self._here_key, self._here)
        if self._slots.find(key) != slot or not self._slots.compare_exchange(slot, _REJECTED, 0, 1):
            return False
        if not everywhere:
            self.cool_down(FOREVER)
        return True


class Health:
    """The health of everything, as one worker keeps it. A worker's index is its own while it lives."""

    def __init__(self, slots: Slots, worker_index: int) -> None:
        """What the index's former owner left in flight when it died is zeroed."""
        self._slots = slots
        self._worker_index = worker_index
        self._deployments: dict[str, DeploymentHealth] = {}
        self._workers_slot = slots.claim(key_of(slot_layout.WORKERS_NAME))
        _raise_to(slots, self._workers_slot, 0, worker_index + 1)
        own = key_of(slot_layout.worker_name(worker_index))
        if slots.find(own) >= 0:
            self._forget_in_flight()
        slots.claim(own)

    def _forget_in_flight(self) -> None:
        """A look at every slot brings the whole file into this process's memory."""
        block, field = divmod(self._worker_index, WORKERS_PER_SLOT)
        tag = slot_layout.in_flight_tag(block)
        for slot in range(self._slots.capacity):
            if self._slots.load(slot, IN_FLIGHT_TAG) == tag:
                self._slots.store(slot, field, 0)

    def deployment(self, deployment: str, breaker: Breaker) -> DeploymentHealth:
        """OverflowError: the shared file has no room; it is sized by `slots_needed`."""
        known = self._deployments.get(deployment)
        if known is None or not known.current():
            known = DeploymentHealth(self._slots, deployment, self._worker_index, self._workers_slot, breaker)
            self._deployments[deployment] = known
        elif known.breaker.settings != breaker:
            known.breaker.configure(breaker)
        return known

    def credential(self, deployment: str, provider: str, credential: Credential) -> CredentialHealth:
        return CredentialHealth(self._slots, deployment, provider, credential)

    def rotation(self, group: str) -> "Rotation":
        return Rotation(self._slots, group)


class Rotation:
    """The counter of a `round_robin` group, shared by all workers."""

    __slots__ = ("_slot", "_slots")

    def __init__(self, slots: Slots, group: str) -> None:
        self._slots = slots
        self._slot = slots.claim(key_of(slot_layout.rotation_name(group)))

    def next(self) -> int:
        return self._slots.add(self._slot, 0, 1) - 1

    def peek(self) -> int:
        """What `next` would give, without taking it."""
        return self._slots.load(self._slot, 0)


def _raise_to(slots: Slots, slot: int, field: int, value: int) -> None:
    """Set the field to `value` unless it holds more."""
    while (found := slots.load(slot, field)) < value:
        if slots.compare_exchange(slot, field, found, value):
            return
