"""The settings that take effect only when the gateway is started again."""

from typing import Any, Final

import msgspec

from fastgate.config.settings import Settings

RESTART_ONLY: Final = (
    "data_dir",
    "server.host",
    "server.port",
    "server.workers",
    "server.drain_s",
    "server.backlog",
    "server.max_concurrent_requests",
    "server.tls",
    "logging.level",
    "logging.file",
    "metrics.enabled",
    "metrics.max_series",
)


def restart_only(settings: Settings) -> dict[str, Any]:
    """Their values by path, as plain JSON values, to be kept and compared."""
    found: dict[str, Any] = {}
    for path in RESTART_ONLY:
        value: Any = settings
        for name in path.split("."):
            value = getattr(value, name)
        found[path] = msgspec.to_builtins(value)
    return found
