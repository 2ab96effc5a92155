"""Builders for routing: a snapshot from a few settings, and a table on real shared slots."""

import itertools
import random
from pathlib import Path
from typing import Any, Protocol

import msgspec

from fastgate._core.shm import SharedSlots
from fastgate.config.settings import Settings
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.snapshot import Snapshot
from fastgate.domain.virtual_key import VirtualKey
from fastgate.routing.compile import compile_snapshot
from fastgate.routing.health import Health
from fastgate.routing.plan import Choice, Plan, Wait
from fastgate.routing.table import RoutingTable

SECOND = 1_000_000_000


def settings(**sections: Any) -> Settings:
    return msgspec.convert(sections, Settings)


def snapshot(environ: dict[str, str] | None = None, **sections: Any) -> Snapshot:
    """Compiled, and read back from the bytes that a worker would read."""
    compiled = compile_snapshot(settings(**sections), 1, environ or {})
    return msgspec.msgpack.decode(msgspec.msgpack.encode(compiled), type=Snapshot)


def local(*models: str, credentials: int = 1, **more: Any) -> dict[str, Any]:
    """Settings of a provider of one's own; its credentials are c1, c2, …"""
    return {
        "dialect": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "models": list(models),
        "credentials": [{"id": f"c{n}", "secret": f"sk-{n}"} for n in range(1, credentials + 1)],
        **more,
    }


class Clock(Protocol):
    """The `fake_clock` fixture."""

    monotonic: int

    def advance(self, seconds: float) -> None: ...


class Rig:
    """Several workers, as several Health objects on one file, with one snapshot."""

    _numbers = itertools.count()

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        snap: Snapshot,
        *,
        workers: int = 1,
        seed: int = 1,
        capacity: int = 512,
    ) -> None:
        self.clock = clock
        self.snapshot = snap
        path = str(directory / f"slots-{next(self._numbers)}")
        self.files = [SharedSlots(path, capacity, worker == 0) for worker in range(workers)]
        self.health = [Health(slots, worker) for worker, slots in enumerate(self.files)]
        self.tables = [RoutingTable(snap, health, random.Random(seed)) for health in self.health]

    def reload(self, snap: Snapshot) -> None:
        self.snapshot = snap
        self.tables = [RoutingTable(snap, health, random.Random(1)) for health in self.health]

    def plan(
        self,
        model: str | None,
        *,
        worker: int = 0,
        key: VirtualKey | None = None,
        fallbacks: tuple[ModelRef, ...] = (),
        endpoint: Endpoint = Endpoint.CHAT,
        body_bytes: int = 100,
        tags: dict[str, str] | None = None,
    ) -> Plan:
        return self.tables[worker].plan(
            model=model,
            key=key,
            fallbacks=fallbacks,
            endpoint=endpoint,
            body_bytes=body_bytes,
            tags=tags or {},
        )

    def choice(self, plan: Plan) -> Choice:
        step = plan.next(self.clock.monotonic)
        assert isinstance(step, Choice), step
        return step

    def walk(self, plan: Plan, kind: FailureKind = FailureKind.SERVER_ERROR, **error: Any) -> list[str]:
        """Let every attempt fail; `deployment:credential` of each, and `wait` (which is waited for)."""
        seen = []
        while (step := plan.next(self.clock.monotonic)) is not None:
            if isinstance(step, Wait):
                seen.append("wait")
                self.clock.advance(step.seconds + 1e-6)
                continue
            seen.append(name_of(step))
            plan.failed(step, UpstreamError(kind, "scripted", **error))
            assert len(seen) < 1000
        return seen


def name_of(choice: Choice) -> str:
    credential = "" if choice.credential is None else f":{choice.credential.id}"
    return choice.deployment.id + credential
