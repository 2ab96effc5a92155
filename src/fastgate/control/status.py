"""The state of the running gateway, read from what its processes share. Changes nothing."""

from collections.abc import Callable

from fastgate import __version__, clock
from fastgate._core.shm import SharedSlots
from fastgate.control.identities.identities import Logins
from fastgate.control.identities.login import Login
from fastgate.control.messages import CredentialStatus, DeploymentStatus, ProcessStatus, Status
from fastgate.control.publish import Publisher
from fastgate.routing.states import (
    BreakerState,
    DeploymentState,
    ProviderCredentialState,
    credential_states,
    states,
)
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.memory import resident_bytes
from fastgate.store.processes import ProcessRecord


class StatusReader:
    """Reads it anew each time."""

    def __init__(self, publisher: Publisher, counters: SharedSlots, logins: Callable[[], Logins]) -> None:
        self._publisher = publisher
        self._counters = counters
        self._logins = logins

    def read(self) -> Status:
        counters, now_ns = self._counters, clock.monotonic_ns()
        snapshot = self._publisher.current()
        found = states(counters, snapshot, now_ns)
        logins = self._logins()
        return Status(
            version=__version__,
            pid=counters.header_load(Header.SUPERVISOR_PID),
            generation=self._publisher.generation,
            uptime_s=(now_ns - counters.header_load(Header.STARTED_NS)) / 1e9,
            in_flight=sum(state.in_flight for state in found),
            processes=tuple(_process(record, now_ns) for record in processes.all_of(counters)),
            deployments=tuple(_deployment(state) for state in found if _is_telling(state)),
            credentials=tuple(
                _credential(each, logins.get((each.provider, each.id)))
                for each in credential_states(snapshot, found)
            ),
            last_reload=self._publisher.last,
        )


def _process(record: ProcessRecord, now_ns: int) -> ProcessStatus:
    return ProcessStatus(
        name=record.name,
        pid=record.pid,
        restarts=record.restarts,
        uptime_s=(now_ns - record.started_ns) / 1e9 if record.pid else 0.0,
        rss_bytes=resident_bytes(record.pid) if record.pid else 0,
        generation=record.generation,
    )


def _is_telling(state: DeploymentState) -> bool:
    """A catalogue brings hundreds of deployments, most of which nobody ever calls."""
    out = state.breaker is not BreakerState.CLOSED or state.cooldown_left_s
    return bool(out or state.in_flight or state.latency_s)


def _credential(state: ProviderCredentialState, login: Login | None) -> CredentialStatus:
    return CredentialStatus(
        provider=state.provider,
        id=state.id,
        state=state.state if login is None or login.valid() is not None else "no_secret",
        cooldown_s=state.cooldown_left_s,
        login_failure="" if login is None else login.failure,
    )


def _deployment(state: DeploymentState) -> DeploymentStatus:
    return DeploymentStatus(
        id=state.id,
        provider=state.provider,
        breaker=state.breaker,
        cooldown_s=max(state.open_left_s, state.cooldown_left_s),
        in_flight=state.in_flight,
        latency_ms=state.latency_s * 1e3,
    )
