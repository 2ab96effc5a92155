"""Health as `fastgate status` and the metrics show it; reads the shared slots and changes nothing."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from fastgate._core.shm import key_of
from fastgate.domain.snapshot import Credential, Deployment, Snapshot
from fastgate.routing import slot_layout
from fastgate.routing.latency import decayed
from fastgate.routing.slot_layout import WORKERS_PER_SLOT, CredentialField, Slots
from fastgate.routing.slot_layout import DeploymentField as Field


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class UseState(StrEnum):
    OK = "ok"
    COOLING_DOWN = "cooling_down"
    REJECTED = "rejected"


_SEVERITY: Final = tuple(UseState)


class CredentialState(msgspec.Struct, kw_only=True):
    id: str
    state: UseState
    cooldown_left_s: float = 0.0


class DeploymentState(msgspec.Struct, kw_only=True):
    """`latency_s` is the decayed peak average; 0 if nothing was measured."""

    id: str
    provider: str
    breaker: BreakerState
    open_left_s: float = 0.0
    cooldown_left_s: float = 0.0
    in_flight: int = 0
    latency_s: float = 0.0
    credentials: list[CredentialState] = []


def states(slots: Slots, snapshot: Snapshot, now_ns: int) -> list[DeploymentState]:
    """Of each deployment that any worker has used since the gateway started."""
    found = []
    for deployment in snapshot.deployments.values():
        slot = slots.find(key_of(slot_layout.deployment_name(deployment.id)))
        if slot >= 0:
            found.append(_deployment(slots, slot, snapshot, deployment, now_ns))
    return found


class ProviderCredentialState(msgspec.Struct, kw_only=True):
    """The worst state of a credential at any of its deployments."""

    provider: str
    id: str
    state: UseState
    cooldown_left_s: float


def credential_states(snapshot: Snapshot, found: Iterable[DeploymentState]) -> list[ProviderCredentialState]:
    """Of each configured credential; `found` is what `states` gave."""
    worst = {
        (provider.name, credential.id): (UseState.OK, 0.0)
        for provider in snapshot.providers.values()
        for credential in provider.credentials
    }
    for state in found:
        for credential in state.credentials:
            key = (state.provider, credential.id)
            seen = (credential.state, credential.cooldown_left_s)
            worst[key] = max(worst[key], seen, key=lambda pair: (_SEVERITY.index(pair[0]), pair[1]))
    return [
        ProviderCredentialState(provider=provider, id=id_, state=state, cooldown_left_s=left_s)
        for (provider, id_), (state, left_s) in worst.items()
    ]


def _deployment(
    slots: Slots, slot: int, snapshot: Snapshot, deployment: Deployment, now_ns: int
) -> DeploymentState:
    opens_until = slots.load(slot, Field.OPEN_UNTIL)
    breaker = BreakerState.CLOSED
    if opens_until:
        breaker = BreakerState.OPEN if opens_until > now_ns else BreakerState.HALF_OPEN
    latency_ns = decayed(slots.load(slot, Field.LATENCY), now_ns - slots.load(slot, Field.LATENCY_AT))
    return DeploymentState(
        id=deployment.id,
        provider=deployment.provider,
        breaker=breaker,
        open_left_s=_left_s(opens_until, now_ns),
        cooldown_left_s=_left_s(slots.load(slot, Field.COOLDOWN_UNTIL), now_ns),
        in_flight=_in_flight(slots, deployment.id),
        latency_s=latency_ns / 1e9,
        credentials=[
            _credential(slots, deployment, credential, now_ns)
            for credential in snapshot.providers[deployment.provider].credentials
            if credential.id in deployment.credentials
        ],
    )


def _in_flight(slots: Slots, deployment: str) -> int:
    workers_slot = slots.find(key_of(slot_layout.WORKERS_NAME))
    workers = 0 if workers_slot < 0 else slots.load(workers_slot, 0)
    total = 0
    for block in range(-(-workers // WORKERS_PER_SLOT)):
        slot = slots.find(key_of(slot_layout.in_flight_name(deployment, block)))
        if slot >= 0:
            total += sum(slots.load(slot, field) for field in range(WORKERS_PER_SLOT))
    return total


def _credential(slots: Slots, deployment: Deployment, credential: Credential, now_ns: int) -> CredentialState:
    names = (
        slot_layout.credential_at_name(deployment.id, credential.id, credential.fingerprint),
        slot_layout.credential_name(deployment.provider, credential.id, credential.fingerprint),
    )
    here, everywhere = (slots.find(key_of(name)) for name in names)
    if any(slot >= 0 and slots.load(slot, CredentialField.REJECTED) for slot in (here, everywhere)):
        return CredentialState(id=credential.id, state=UseState.REJECTED)
    left_s = 0.0 if here < 0 else _left_s(slots.load(here, CredentialField.COOLDOWN_UNTIL), now_ns)
    return CredentialState(
        id=credential.id,
        state=UseState.COOLING_DOWN if left_s else UseState.OK,
        cooldown_left_s=left_s,
    )


def _left_s(until_ns: int, now_ns: int) -> float:
    return max(until_ns - now_ns, 0) / 1e9
