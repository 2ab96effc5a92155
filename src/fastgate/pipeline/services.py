"""What a worker's requests share: the services of the rows below, and the configuration of the moment."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from fastgate._core.accounts import AccountTable
from fastgate.domain.credential import Secret
from fastgate.domain.snapshot import Snapshot, Worker
from fastgate.keys.authenticator import Authenticator
from fastgate.ledger.writer import LedgerWriter
from fastgate.limits.limiter import Limiter
from fastgate.limits.queue import FairQueue
from fastgate.observability.metrics import Metrics
from fastgate.pipeline.cells import Cells
from fastgate.pipeline.destination import MAX_DESTINATIONS, Destination, nothing
from fastgate.pipeline.payer import Payers
from fastgate.pipeline.request_id import RequestIds
from fastgate.routing.plan import Choice
from fastgate.routing.table import RoutingTable
from fastgate.store.conversations import StoredConversations
from fastgate.store.responses import ResponseOwners
from fastgate.upstream.client import Client
from fastgate.upstream.origin import Origin

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange


@dataclass(slots=True)
class Accounting:
    """What limits and bills the requests of a worker."""

    accounts: AccountTable
    writer: LedgerWriter
    limiter: Limiter
    queue: FairQueue


class SecretSource(Protocol):
    """What is presented to providers."""

    def current(self, provider: str, credential: str) -> Secret | None:
        """At this moment; None where there is nothing to present. UpstreamError credential_unavailable."""

    def known(self) -> Iterable[Secret]:
        """All that may have been presented."""


class Generation:
    """All that one configuration gives, swapped whole on a reload; a request keeps the one it began with."""

    def __init__(
        self,
        snapshot: Snapshot,
        table: RoutingTable,
        secrets: SecretSource,
        limiter: Limiter,
    ) -> None:
        self.snapshot = snapshot
        self.settings: Worker = snapshot.worker
        self.table = table
        self.secrets = secrets
        self.payers = Payers(snapshot, limiter)
        self._destinations: dict[tuple[str, str, str], Destination] = {}
        self._origins: dict[str, Origin] = {}
        self.provider_of_origin: dict[Origin, str] = {}
        self.forwarded = _forwarded(snapshot.worker.forward_request_headers)
        self.public_labels = frozenset(snapshot.routes) | {d.model for d in snapshot.deployments.values()}

    def origin(self, deployment_id: str) -> Origin:
        origin = self._origins.get(deployment_id)
        if origin is None:
            deployment = self.snapshot.deployments[deployment_id]
            network = self.snapshot.providers[deployment.provider].network
            origin = self._origins[deployment_id] = Origin.parse(deployment.base_url, network)[0]
            self.provider_of_origin[origin] = deployment.provider
        return origin

    def destination(self, choice: Choice, metrics: Metrics) -> Destination:
        credential = "" if choice.credential is None else choice.credential.id
        key = (choice.deployment.id, choice.model, credential)
        found = self._destinations.get(key)
        if found is None:
            if len(self._destinations) >= MAX_DESTINATIONS:
                self._destinations.clear()
            secret = (
                partial(self.secrets.current, choice.provider.name, credential) if credential else nothing
            )
            found = Destination(choice, self.origin(choice.deployment.id), secret, metrics)
            self._destinations[key] = found
        return found

    def label(self, model: str | None) -> str:
        """`model` as a label of metrics: only what the configuration or the catalogue names."""
        if model is None:
            return "none"
        return model if model in self.public_labels else "other"


_FORWARDED = frozenset(
    {
        b"openai-organization",
        b"openai-project",
        b"openai-beta",
        b"anthropic-version",
        b"anthropic-beta",
        b"x-amzn-bedrock-guardrailidentifier",
        b"x-amzn-bedrock-guardrailversion",
        b"x-amzn-bedrock-performanceconfig-latency",
        b"x-amzn-bedrock-service-tier",
        b"x-amzn-bedrock-trace",
        b"idempotency-key",
        b"traceparent",
        b"tracestate",
    }
)


def _forwarded(extra: tuple[str, ...]) -> frozenset[bytes]:
    return _FORWARDED | {name.lower().encode() for name in extra}


@dataclass(slots=True)
class Services:
    """One per worker. `generation` is replaced by a reload, the rest lives as long as the worker."""

    generation: Generation
    authenticator: Authenticator
    client: Client
    metrics: Metrics
    responses: ResponseOwners
    conversations: StoredConversations
    accounting: Accounting
    request_ids: RequestIds = field(default_factory=RequestIds)
    draining: bool = False
    on_idle: asyncio.Event | None = None
    cells: dict[tuple[str, str, str, int], Cells] = field(default_factory=dict)
    exchanges: set["Exchange"] = field(default_factory=set)

    def ended(self, exchange: "Exchange") -> None:
        self.exchanges.discard(exchange)
        if self.on_idle is not None and not self.exchanges:
            self.on_idle.set()

    async def idle(self, within_s: float) -> None:
        """Return when no exchange is left, or after `within_s`."""
        self.on_idle = asyncio.Event()
        if self.exchanges:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self.on_idle.wait()
