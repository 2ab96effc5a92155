"""From the configuration to what the workers run on: validated whole, then swapped at once."""

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from fastgate._core.shm import SharedSlots
from fastgate.config.diagnostics import Diagnostic, Severity
from fastgate.config.place import config_file
from fastgate.control.books import Books
from fastgate.control.compiled import Compiled, CompileResult
from fastgate.control.compiling import Compile, CompileRequest, compile_in_child
from fastgate.control.messages import ReloadResult
from fastgate.domain.snapshot import Snapshot
from fastgate.errors import ConfigError
from fastgate.keys.exposure import check_exposure
from fastgate.launch import ControlLaunch
from fastgate.observability import log
from fastgate.observability.metrics import Metrics
from fastgate.observability.records import Level
from fastgate.routing.slot_layout import check_room, release_unused
from fastgate.store import processes
from fastgate.store import snapshot as snapshot_file
from fastgate.store.counters import ROOM, Header
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, KeyStoreError
from fastgate.store.processes import CONTROL

# Earlier configurations whose slots are still to be given free. Where a worker hangs, older ones stay taken.
_MAX_LEFT = 16
_LOG_LEVEL: dict[Severity, Level] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


class Publisher:
    """The only writer of the snapshot, the configured keys and the generation."""

    def __init__(
        self,
        launch: ControlLaunch,
        data_dir: DataDir,
        counters: SharedSlots,
        store: KeyStore,
        books: Books,
        *,
        metrics: Metrics,
        compile_: Compile = compile_in_child,
    ) -> None:
        self._launch = launch
        self._compile = compile_
        self._request = CompileRequest(launch.config_path, launch.data_dir, launch.embedded)
        self._snapshot_path = data_dir.snapshot
        self._counters = counters
        self._store = store
        self._books = books
        self._metrics = metrics
        self._left: deque[Snapshot] = deque(maxlen=_MAX_LEFT)
        self.last: ReloadResult | None = None

    @property
    def generation(self) -> int:
        """0 until something is published."""
        return self._counters.header_load(Header.GENERATION)

    @property
    def file(self) -> Path | None:
        """The configuration file, if there is one."""
        path = self._launch.config_path
        return config_file(None if path is None else Path(path), os.environ)

    def publish(self) -> ReloadResult:
        """Read, check and publish. Never raises: what cannot be published changes nothing, and is logged
        and counted. What is as it was is not published again: workers would start their caches anew."""
        return self._publish(lambda: self._compile(self._request, os.environ))

    def publish_compiled(self, result: CompileResult) -> ReloadResult:
        """As `publish`, of what somebody else has read and checked."""
        return self._publish(lambda: result)

    def _publish(self, compile_: Callable[[], CompileResult]) -> ReloadResult:
        before = self.generation
        found: list[Diagnostic] = []
        try:
            result = compile_()
            found = list(result.findings)
            if result.compiled is None:
                self.last = self._refused([*found, *_diagnostics(Severity.ERROR, result.reasons)])
            else:
                restart_needed = self._restart_needed(result.compiled)
                found += self._commit(result.compiled)
                self.last = self._published(found, restart_needed, before)
        except (ConfigError, KeyStoreError, OSError) as exc:
            self.last = self._refused([*found, *_diagnostics(Severity.ERROR, str(exc).splitlines())])
        except Exception as exc:
            reason = f"{type(exc).__name__}: {exc}"
            log.event(
                "error", "unexpected failure", error=reason, traceback=traceback.format_tb(exc.__traceback__)
            )
            self.last = self._refused([*found, *_diagnostics(Severity.ERROR, [reason])])
        return self.last

    def current(self) -> Snapshot:
        """What the workers run on."""
        return snapshot_file.read(self._snapshot_path)

    def tidy(self) -> None:
        """Give free the shared slots of earlier configurations, once no worker runs on one any more."""
        self._books.tidy()
        if not self._left or processes.behind(self._counters, self.generation):
            return
        current = self.current()
        for _ in range(len(self._left)):
            old = self._left.popleft()
            if release_unused(self._counters, old, current):
                self._left.append(old)  # a request that began under it goes on

    def _commit(self, compiled: Compiled) -> list[Diagnostic]:
        """Everything that can fail comes before the first change; returns warnings.

        Keys change before the snapshot is swapped: a worker may know a key before the models that it may
        use, and not the other way round.
        """
        generation = self.generation + 1
        keys = compiled.keys
        check_room(compiled.snapshot, self._counters.header_load(Header.WORKERS), ROOM)
        if generation == 1:
            open_auth = compiled.snapshot.worker.open_auth
            check_exposure(compiled.host, keys, self._store, open_auth=open_auth)
        snapshot, billed = self._books.publish(compiled, generation)
        if self._is_published(snapshot):
            synced = self._store.sync_configured(billed, keys.secrets)
        else:
            before = self._before()
            with snapshot_file.replacing(self._snapshot_path, snapshot):
                synced = self._store.sync_configured(billed, keys.secrets)
            self._counters.header_store(Header.GENERATION, generation)
            self._left.extend(before)
        revoked = [f"virtual key {key_id}: its configured secret is revoked" for key_id in synced.revoked]
        return _diagnostics(Severity.WARNING, [*keys.warnings, *revoked])

    def _is_published(self, snapshot: Snapshot) -> bool:
        """Whether workers run on this already, but for its generation. A secret in a file that has changed
        makes another snapshot: its fingerprint does."""
        generation = self.generation
        if not generation:
            return False
        try:
            current = self._snapshot_path.read_bytes()
        except OSError:
            return False
        # Bytes, since the order of providers counts, and dicts compare without it.
        return current == snapshot_file.encode(msgspec.structs.replace(snapshot, generation=generation))

    def _before(self) -> list[Snapshot]:
        """The one in use, if there is one that can be read."""
        try:
            return [self.current()] if self.generation else []
        except (OSError, ValueError):
            return []

    def _restart_needed(self, compiled: Compiled) -> tuple[str, ...]:
        now = compiled.restart
        return tuple(name for name, value in self._launch.running.items() if now[name] != value)

    def _published(
        self, found: list[Diagnostic], restart_needed: tuple[str, ...], before: int
    ) -> ReloadResult:
        self._metrics.config_generation.labels(CONTROL).set(self.generation)
        for diagnostic in found:
            log.event(_LOG_LEVEL[diagnostic.severity], "configuration", finding=str(diagnostic))
        if restart_needed:
            log.event("warning", "changed settings take effect only after a restart", settings=restart_needed)
        message = "configuration published"
        if self.generation == before:
            message = "budgets and limits changed" if self._books.changed else "configuration is as it was"
        log.event("info", message, generation=self.generation)
        return ReloadResult(
            ok=True, generation=self.generation, diagnostics=tuple(found), restart_needed=restart_needed
        )

    def _refused(self, found: list[Diagnostic]) -> ReloadResult:
        self._metrics.config_reload_failures.labels().inc()
        log.event(
            "error",
            "configuration refused" + ("; the one in use stays" if self.generation else ""),
            generation=self.generation,
            findings=[str(diagnostic) for diagnostic in found],
        )
        return ReloadResult(ok=False, generation=self.generation, diagnostics=tuple(found))


def _diagnostics(severity: Severity, lines: Iterable[str]) -> list[Diagnostic]:
    """Findings that come without a place in a file: of the compilers, which see values only."""
    return [
        Diagnostic(
            severity=severity,
            file="configuration",
            line=0,
            path="",
            message=line.encode(errors="replace").decode(),  # the environment need not be UTF-8, answers are
        )
        for line in lines
    ]
