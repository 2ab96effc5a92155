"""What the fields of the shared slots mean. All processes run one version, so the layout is free to change.

Times are nanoseconds of CLOCK_MONOTONIC; 0 means never. A slot is found by the name of what it is for,
never by a secret.
"""

from enum import IntEnum
from typing import Final, Protocol

from fastgate.domain.snapshot import Snapshot

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


WORKERS_NAME: Final = b"routing/workers"


def slots_needed(snapshot: Snapshot, workers: int) -> int:
    """An upper bound on the slots that a configuration can use: what the file must have room for."""
    blocks = -(-workers // WORKERS_PER_SLOT)
    per_deployment = sum(1 + blocks + len(d.credentials) for d in snapshot.deployments.values())
    credentials = sum(len(provider.credentials) for provider in snapshot.providers.values())
    groups = sum(len(route.groups) for route in snapshot.routes.values())
    return 1 + per_deployment + credentials + groups
