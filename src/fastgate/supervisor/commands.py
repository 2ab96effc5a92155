"""How each child is started: its command line, and the descriptors that it inherits."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fastgate.config.restart import restart_only
from fastgate.config.settings import Settings
from fastgate.launch import ControlLaunch, WorkerLaunch, encode, program
from fastgate.store.data_dir import DataDir
from fastgate.store.processes import CONTROL, SIMULATED, worker_name
from fastgate.supervisor.child import Child
from fastgate.supervisor.standin import StandIn

Changed = Callable[[Child], None]


class Commands:
    """`lock_fd` goes to all that write into the data directory: see `lock`; `handed_fd` to the control
    process: see `begin`."""

    def __init__(
        self,
        *,
        settings: Settings,
        config_path: Path | None,
        data_dir: DataDir,
        listen_fd: int,
        lock_fd: int,
        handed_fd: int,
        standin: StandIn,
    ) -> None:
        self._settings = settings
        self._config_path = config_path
        self._data_dir = str(data_dir.path)
        self._listen_fd = listen_fd
        self._lock_fd = lock_fd
        self._handed_fd = handed_fd
        self._standin = standin

    def worker(self, index: int, changed: Changed) -> Child:
        settings, server = self._settings, self._settings.server

        def command(lifeline_fd: int) -> Sequence[str]:
            launch = WorkerLaunch(
                index=index,
                data_dir=self._data_dir,
                listen_fd=self._listen_fd,
                lifeline_fd=lifeline_fd,
                edge=server.edge,
                backlog=server.backlog,
                max_concurrent_requests=server.max_concurrent_requests,
                keep_alive_s=server.keep_alive_s,
                head_timeout_s=server.head_timeout_s,
                drain_s=server.drain_s,
                tls=None if server.tls is None else (server.tls.certificate, server.tls.key),
                log_level=settings.logging.level,
                log_file=settings.logging.file,
                metrics_enabled=settings.metrics.enabled,
                max_series=settings.metrics.max_series,
            )
            return program("fastgate.app", encode(launch))

        return Child(worker_name(index), command, pass_fds=(self._listen_fd, self._lock_fd), changed=changed)

    def control(self, changed: Changed) -> Child:
        def command(lifeline_fd: int) -> Sequence[str]:
            launch = ControlLaunch(
                data_dir=self._data_dir,
                lifeline_fd=lifeline_fd,
                handed_fd=self._handed_fd,
                config_path=None if self._config_path is None else str(self._config_path),
                embedded=self._standin.embedded,
                running=restart_only(self._settings),
                max_series=self._settings.metrics.max_series,
                log_level=self._settings.logging.level,
                log_file=self._settings.logging.file,
            )
            return program("fastgate.control", encode(launch))

        inherited = (self._lock_fd, self._handed_fd)
        return Child(CONTROL, command, pass_fds=inherited, changed=changed, helper=True)

    def simulated(self, changed: Changed) -> Child | None:
        """None where providers are configured."""
        if self._standin.listener is None:
            return None
        fd = self._standin.listener.fileno()

        def command(lifeline_fd: int) -> Sequence[str]:
            return program("fastgate.sim", "--fd", str(fd), "--lifeline-fd", str(lifeline_fd))

        return Child(SIMULATED, command, pass_fds=(fd,), changed=changed, helper=True)
