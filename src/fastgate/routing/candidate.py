"""A deployment that a request may use: what the configuration says of it, together with its health."""

import random
from enum import StrEnum
from typing import Final, NamedTuple

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Credential, Deployment, Provider, Retries, Target, Timeouts
from fastgate.observability import log
from fastgate.routing.health import CredentialHealth, DeploymentHealth
from fastgate.routing.slot_layout import FOREVER

MAX_COOLDOWN_S: Final = 3600.0  # an absurd Retry-After must not take a credential away for good


def retry_after_ns(seconds: float) -> int:
    return int(min(max(0.0, seconds), MAX_COOLDOWN_S) * 1e9)


class Blocked(StrEnum):
    """Why a candidate is skipped for its health."""

    COOLING_DOWN = "cooling_down"
    BREAKER_OPEN = "breaker_open"
    PROBE_IN_FLIGHT = "half_open_probe_in_flight"
    CREDENTIALS_COOLING_DOWN = "credentials_cooling_down"
    CREDENTIALS_REJECTED = "credentials_rejected"


class UsableCredential(NamedTuple):
    credential: Credential
    health: CredentialHealth


class Candidate:
    """One member of a group, for one requested model. `model` is the name that the upstream is sent."""

    __slots__ = ("credentials", "deployment", "health", "model", "provider", "retries", "timeouts", "weight")

    def __init__(
        self,
        target: Target,
        deployment: Deployment,
        provider: Provider,
        health: DeploymentHealth,
        credentials: tuple[UsableCredential, ...],
    ) -> None:
        self.deployment = deployment
        self.provider = provider
        self.model = target.model
        self.weight = target.weight
        self.timeouts: Timeouts = target.timeouts or provider.timeouts
        self.retries: Retries = target.retries or provider.retries
        self.health = health
        self.credentials = credentials

    def choose_credential(
        self, now_ns: int, tried: frozenset[str], rng: random.Random
    ) -> UsableCredential | None:
        """By weight among those that are usable and not in `tried` (ids); None if there are none."""
        usable = [
            each
            for each in self.credentials
            if each.credential.id not in tried and each.health.usable(now_ns)
        ]
        if len(usable) <= 1:
            return usable[0] if usable else None
        return rng.choices(usable, [each.credential.weight for each in usable])[0]

    def credential_failed(self, used: UsableCredential | None, error: UpstreamError, now_ns: int) -> None:
        """Cool down what was limited, take out what was rejected; without credentials, the deployment.

        A secret that was minted is soon replaced by another, so that its rejection is no more than a pause.
        That this worker has none says nothing of what the others have.
        """
        if error.kind is FailureKind.CREDENTIAL_UNAVAILABLE:
            return
        rejected = error.kind is FailureKind.CREDENTIAL_REJECTED
        if rejected and used is not None and used.credential.identity is None:
            if used.health.reject(everywhere=error.status != 403):
                log.event(
                    "warning",
                    "credential rejected by the provider",
                    provider=self.provider.name,
                    credential=used.credential.id,
                    deployment=self.deployment.id,
                    status=error.status,
                )
            return
        if rejected and used is not None and used.health.usable(now_ns):
            log.event(
                "warning",
                "minted secret rejected by the provider; its credential pauses",
                provider=self.provider.name,
                credential=used.credential.id,
                deployment=self.deployment.id,
                status=error.status,
            )
        seconds = error.retry_after_s
        until_ns = now_ns + retry_after_ns(
            self.provider.breaker.cooldown_429_s if seconds is None else seconds
        )
        (self.health if used is None else used.health).cool_down(until_ns)

    def returns_in(self, now_ns: int) -> int:
        """Ns until it may be tried, as things stand: 0 now, FOREVER if only a configuration can help."""
        until = max(self.health.cooldown_until(), self.health.breaker.opens_until(), self._credential_at())
        if self.health.breaker.opens_until():
            until = max(until, self.health.breaker.probing_until())
        return FOREVER if until >= FOREVER else max(until - now_ns, 0)

    def _credential_at(self) -> int:
        return min((each.health.returns_at() for each in self.credentials), default=0)

    def blocked(self, now_ns: int) -> Blocked | None:
        """Why it would be skipped now; None when it would be tried."""
        if self.health.cooldown_until() > now_ns:
            return Blocked.COOLING_DOWN
        opens_until = self.health.breaker.opens_until()
        if opens_until > now_ns:
            return Blocked.BREAKER_OPEN
        if opens_until and self.health.breaker.probing_until() > now_ns:
            return Blocked.PROBE_IN_FLIGHT
        credential_at = self._credential_at()
        if credential_at >= FOREVER:
            return Blocked.CREDENTIALS_REJECTED
        return Blocked.CREDENTIALS_COOLING_DOWN if credential_at > now_ns else None
