"""Composition of the data plane: the one place where a worker's services meet."""

import os
import platform
import random
from collections.abc import Iterator
from pathlib import Path

from fastgate import clock, tasks
from fastgate._version import __version__
from fastgate.api.router import Router
from fastgate.api.service_pages import RenderMetrics, ServicePages
from fastgate.app import credentials
from fastgate.app.context import WorkerContext
from fastgate.app.credentials import CurrentSecrets, Secrets
from fastgate.app.identities import Identities
from fastgate.app.timers import Periodic
from fastgate.budgets.state import BudgetState
from fastgate.domain.money import NANO
from fastgate.domain.snapshot import Snapshot
from fastgate.downstream.interface import Handler
from fastgate.errors import ConfigError
from fastgate.keys.authenticator import Authenticator
from fastgate.ledger.journal_dir import JournalDir
from fastgate.ledger.writer import LedgerWriter
from fastgate.limits.limiter import Limiter
from fastgate.limits.queue import FairQueue
from fastgate.observability import catalogue, exposition, log
from fastgate.observability.metrics import Metrics
from fastgate.observability.readings import Reading, state_readings
from fastgate.pipeline.services import Accounting, Generation, Services
from fastgate.routing.health import Health
from fastgate.routing.states import credential_states, states
from fastgate.routing.table import RoutingTable
from fastgate.store import accounts as accounts_file
from fastgate.store import fullest, processes
from fastgate.store.conversations import StoredConversations
from fastgate.store.keys import KeyStore, keys_path
from fastgate.store.memory import resident_bytes
from fastgate.store.processes import worker_name
from fastgate.store.responses import ResponseOwners
from fastgate.upstream.client import Client

HOUSEKEEPING_S = 0.2
CLOSING_S = 2.0


class WorkerDataPlane:
    """Implements `app.context.DataPlane`."""

    def __init__(self, context: WorkerContext) -> None:
        directory = context.data_dir.path
        self._process = worker_name(context.index)
        self._counters = context.counters
        self._fullest = context.data_dir.fullest
        self._health = Health(context.counters, context.index)
        self._store = KeyStore(keys_path(directory), readonly=True)
        self._metrics = Metrics(directory / "metrics", self._process, context.max_series)
        secrets = credentials.resolve(context.snapshot, os.environ)
        for (provider, credential), reason in secrets.missing.items():
            log.event(
                "error",
                "credential out of use: its secret cannot be had",
                provider=provider,
                credential=credential,
                error=reason,
            )
        self.complete = not secrets.missing
        accounts = accounts_file.attach(context.data_dir)
        limiter = Limiter(accounts)
        settings = context.snapshot.worker
        self._accounting = Accounting(
            accounts=accounts,
            writer=LedgerWriter(JournalDir(context.data_dir.journal), accounts, settings.journal),
            limiter=limiter,
            queue=FairQueue(settings.queue.max_wait_ms, settings.queue.max_waiting),
        )
        self._identities = Identities(context.data_dir.control_socket)
        self._identities.use(context.snapshot)
        self._asking = tasks.spawn(self._identities.run(), "ask for identities")
        generation = self._generation(context.snapshot, secrets)
        self._services = Services(
            generation=generation,
            authenticator=Authenticator(self._store, context.snapshot.worker.open_auth),
            client=Client(max_response_bytes=context.snapshot.worker.max_response_bytes),
            metrics=self._metrics,
            responses=ResponseOwners(directory / "responses"),
            conversations=StoredConversations(context.data_dir.conversations),
            accounting=self._accounting,
        )
        render = self._renderer(directory / "metrics") if context.metrics_enabled else None
        self._router = Router(
            self._services, ServicePages(self._services, render), context.data_dir.control_socket
        )
        self.handler: Handler = self._router.handle
        self._metrics.process_start_time.labels(self._process).set(clock.time_ns())
        self._in_use(context.snapshot)
        self._housekeeping = Periodic(HOUSEKEEPING_S, self._tidy)

    def _generation(self, snapshot: Snapshot, secrets: Secrets) -> Generation:
        usable = credentials.without(snapshot, secrets.missing, self._health)
        table = RoutingTable(usable, self._health, random.Random())  # noqa: S311  # load balancing
        current = CurrentSecrets(secrets.found, self._identities)
        return Generation(usable, table, current, self._accounting.limiter)

    def _in_use(self, snapshot: Snapshot) -> None:
        self._metrics.config_generation.labels(self._process).set(snapshot.generation)

    def apply(self, snapshot: Snapshot) -> None:
        """What a request began with it keeps. ConfigError where a secret is missing at the moment: the
        old configuration has what it needs in memory, and goes on."""
        secrets = credentials.resolve(snapshot, os.environ)
        if secrets.missing:
            raise ConfigError(
                "; ".join(f"{provider}/{id_}: {why}" for (provider, id_), why in secrets.missing.items())
            )
        self._accounting.limiter.forget()
        self._accounting.writer.reconfigure(snapshot.worker.journal)
        self._accounting.queue.max_wait_ms = snapshot.worker.queue.max_wait_ms
        self._accounting.queue.max_waiting = snapshot.worker.queue.max_waiting
        self._identities.use(snapshot)
        self._services.generation = self._generation(snapshot, secrets)
        self._services.authenticator.open_auth = snapshot.worker.open_auth
        self._services.client.max_response_bytes = snapshot.worker.max_response_bytes
        self._in_use(snapshot)

    def _tidy(self) -> None:
        self._services.authenticator.refresh()
        metrics, writer = self._metrics, self._accounting.writer
        writer.tend(clock.monotonic_ns())
        metrics.holds.labels(self._process).set(writer.holds.in_use)
        metrics.journal_bytes.labels(self._process).set(writer.bytes_on_disk)
        metrics.unrecorded.labels().inc(writer.take_unrecorded())
        metrics.count_log_drops()
        metrics.key_store_version.labels(self._process).set(self._store.version())
        providers = dict.fromkeys(self._services.generation.snapshot.providers, (0, 0, 0))
        names = self._services.generation.provider_of_origin
        for origin, stats in self._services.client.stats().items():
            name = names.get(origin)
            if name is not None:
                total = providers.get(name, (0, 0, 0))
                providers[name] = (total[0] + stats.open, total[1] + stats.idle, total[2] + stats.waiting)
        for name, (opened, idle, waiting) in providers.items():
            metrics.pool_open.labels(name).set(opened)
            metrics.pool_idle.labels(name).set(idle)
            metrics.pool_waiting.labels(name).set(waiting)

    def _renderer(self, directory: Path) -> RenderMetrics:
        def render(accept: bytes | None) -> tuple[bytes, str]:
            return exposition.render(
                directory, self._readings, openmetrics=exposition.wants_openmetrics(accept)
            )

        return render

    def _readings(self) -> Iterator[Reading]:
        snapshot = self._services.generation.snapshot
        found = states(self._counters, snapshot, clock.monotonic_ns())
        for state in found:
            yield from state_readings(
                catalogue.BREAKER_STATE,
                (state.provider, state.id),
                catalogue.BREAKER_STATES,
                state.breaker,
            )
        for credential in credential_states(snapshot, found):
            yield from state_readings(
                catalogue.CREDENTIAL_STATE,
                (credential.provider, credential.id),
                catalogue.CREDENTIAL_STATES,
                credential.state,
            )
        yield from self._budgets()
        for name, pid in processes.running(self._counters):
            yield Reading(catalogue.PROCESS_MEMORY, (name,), resident_bytes(pid))
        yield Reading(catalogue.BUILD_INFO, (__version__, platform.python_version()), 1.0)

    def _budgets(self) -> Iterator[Reading]:
        chosen = fullest.read(self._fullest)
        now_ns = clock.time_ns()
        for each in chosen.watched:
            state = BudgetState.read(self._accounting.accounts, each.line, now_ns)
            yield from _budget_readings((each.level, each.owner, each.period), state)
        for rest in chosen.rest:
            yield from _budget_readings(
                (rest.level, catalogue.OTHER, catalogue.OTHER), BudgetState(rest.limit, rest.spent, 0, 0)
            )

    async def prepare(self) -> None:
        await self._identities.settled()

    def start_drain(self) -> None:
        self._services.draining = True

    def in_flight(self) -> int:
        return len(self._services.exchanges)

    async def aclose(self) -> None:
        self._asking.cancel()
        self._housekeeping.close()
        self._accounting.queue.close()
        for exchange in tuple(self._services.exchanges):
            exchange.shut_down()
        await self._services.idle(CLOSING_S)
        for exchange in tuple(self._services.exchanges):
            exchange.downstream.cut_off()
        await self._services.idle(CLOSING_S)
        await self._services.client.aclose()
        self._accounting.writer.close()
        self._accounting.accounts.close()
        self._services.responses.close()
        self._services.conversations.close()
        self._store.close()
        log.flush()


def _budget_readings(labels: tuple[str, ...], state: BudgetState) -> Iterator[Reading]:
    for metric, nano in (
        (catalogue.BUDGET_LIMIT, state.limit),
        (catalogue.BUDGET_SPENT, state.spent),
        (catalogue.BUDGET_RESERVED, state.reserved),
        (catalogue.BUDGET_LEFT, state.left),
    ):
        yield Reading(metric, labels, nano / NANO)


def build_data_plane(context: WorkerContext) -> WorkerDataPlane:
    """KeyStoreError, lmdb.Error, OSError: a shared file cannot be used."""
    return WorkerDataPlane(context)
