"""What the fields of the shared slots mean. All processes run one version, so the layout is free to change.

Times are nanoseconds of CLOCK_MONOTONIC; 0 means never. A slot is found by the name of what it is for,
never by a secret.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, Protocol

from fastgate._core.shm import key_of
from fastgate.domain.snapshot import Deployment, Snapshot
from fastgate.errors import ConfigError

FOREVER: Final = 1 << 62
WORKERS_PER_SLOT: Final = 14
IN_FLIGHT_TAG: Final = 14  # the field that `in_flight_tag` stands in


class DeploymentField(IntEnum):
    """`OPEN_UNTIL` is the breaker's state: 0 closed, in the future open, in the past half-open.

    `CURRENT` and `PREVIOUS` hold requests << 32 | failures of a window, so that one addition counts both.
    """

    OPEN_UNTIL = 0
    OPENINGS = 1
    PROBE_UNTIL = 2
    COOLDOWN_UNTIL = 3
    EPOCH = 4
    CURRENT = 5
    PREVIOUS = 6
    LATENCY = 7
    LATENCY_AT = 8


class CredentialField(IntEnum):
    """Of a credential at one deployment, and (`REJECTED` alone) of a credential everywhere."""

    COOLDOWN_UNTIL = 0
    REJECTED = 1


class Slots(Protocol):
    """The part of `_core.shm.SharedSlots` that health needs."""

    @property
    def capacity(self) -> int: ...
    def claim(self, key: int) -> int: ...
    def find(self, key: int) -> int: ...
    def release(self, slot: int) -> None: ...
    def load(self, slot: int, field: int) -> int: ...
    def store(self, slot: int, field: int, value: int) -> None: ...
    def add(self, slot: int, field: int, delta: int) -> int: ...
    def compare_exchange(self, slot: int, field: int, expected: int, desired: int) -> bool: ...


def in_flight_tag(block: int) -> int:
    """Marks a slot that counts for a block of workers. Others use the same file: no count is this large."""
    return 0x666C69676874_0000 + block


def deployment_name(deployment: str) -> bytes:
    return b"routing/deployment/" + deployment.encode()


def in_flight_name(deployment: str, block: int) -> bytes:
    return b"routing/in-flight/%d/" % block + deployment.encode()


def credential_name(provider: str, credential: str, fingerprint: str) -> bytes:
    return f"routing/credential/{provider}/{credential}/{fingerprint}".encode()


def credential_at_name(deployment: str, credential: str, fingerprint: str) -> bytes:
    return f"routing/credential-at/{deployment}/{credential}/{fingerprint}".encode()


def rotation_name(group: str) -> bytes:
    return b"routing/rotation/" + group.encode()


def group_name(route: str, number: int) -> str:
    """Of a route's group, counted from 1."""
    return f"{route}#{number}"


WORKERS_NAME: Final = b"routing/workers"


def worker_name(worker_index: int) -> bytes:
    """The slot has no fields: that it is taken says that there was a worker of this index."""
    return b"routing/worker/%d" % worker_index


def slots_needed(snapshot: Snapshot, workers: int) -> int:
    """An upper bound on the slots that a configuration can use: what the file must have room for."""
    blocks = -(-workers // WORKERS_PER_SLOT)
    per_deployment = sum(1 + blocks + len(d.credentials) for d in snapshot.deployments.values())
    credentials = sum(len(provider.credentials) for provider in snapshot.providers.values())
    groups = sum(len(route.groups) for route in snapshot.routes.values())
    return 1 + workers + per_deployment + credentials + groups


def check_room(snapshot: Snapshot, workers: int, room: int) -> None:
    """ConfigError when `room` slots may not be enough for the configuration."""
    needed = slots_needed(snapshot, workers)
    if needed > room:
        raise ConfigError(
            f"{len(snapshot.deployments)} deployments with their credentials need {needed} slots of "
            f"shared memory, and there are {room}: limit `models` of the providers to those in use"
        )


def release_unused(slots: Slots, old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    """Give free what `old` has names for and `new` has not: gone deployments, routes, and credentials whose
    secret's file changed.

    Only when no worker runs `old` any more, and before a snapshot later than `new` is published: what
    that one brings back is claimed afresh. A deployment with requests in flight, such as a long stream
    that began under `old`, keeps its slots; the ids of those are returned. Credentials need no such care:
    a worker looks their slots up by name before it writes.
    """
    workers_slot = slots.find(key_of(WORKERS_NAME))
    blocks = 0 if workers_slot < 0 else -(-slots.load(workers_slot, 0) // WORKERS_PER_SLOT)
    kept = []
    for deployment in old.deployments.values():
        if deployment.id in new.deployments:
            continue
        names = [in_flight_name(deployment.id, block) for block in range(blocks)]
        if any(_in_flight(slots, name) for name in names):
            kept.append(deployment.id)
            continue
        for name in (deployment_name(deployment.id), *names):
            _release(slots, name)
    for name in {*_other_names(old)} - {*_other_names(new)}:
        _release(slots, name)
    return tuple(kept)


def _other_names(snapshot: Snapshot) -> Iterator[bytes]:
    """Of everything but the deployments themselves."""
    for deployment in snapshot.deployments.values():
        yield from _credentials_at(snapshot, deployment)
    for provider in snapshot.providers.values():
        for credential in provider.credentials:
            yield credential_name(provider.name, credential.id, credential.fingerprint)
    for route in snapshot.routes.values():
        for number in range(1, len(route.groups) + 1):
            yield rotation_name(group_name(route.name, number))


def _credentials_at(snapshot: Snapshot, deployment: Deployment) -> Iterator[bytes]:
    for credential in snapshot.providers[deployment.provider].credentials:
        if credential.id in deployment.credentials:
            yield credential_at_name(deployment.id, credential.id, credential.fingerprint)


def _in_flight(slots: Slots, name: bytes) -> bool:
    slot = slots.find(key_of(name))
    return slot >= 0 and any(slots.load(slot, field) for field in range(WORKERS_PER_SLOT))


def _release(slots: Slots, name: bytes) -> None:
    slot = slots.find(key_of(name))
    if slot >= 0:
        slots.release(slot)
