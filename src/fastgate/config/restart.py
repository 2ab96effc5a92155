"""The settings that take effect only when the gateway is started again."""

import hashlib
from typing import Any, Final

import msgspec

from fastgate.config import shape
from fastgate.config.settings import Settings

RESTART_ONLY: Final = (
    "data_dir",
    "server.host",
    "server.port",
    "server.workers",
    "server.edge",
    "server.drain_s",
    "server.backlog",
    "server.max_concurrent_requests",
    "server.keep_alive_s",
    "server.head_timeout_s",
    "server.tls",
    "logging.level",
    "logging.file",
    "metrics.enabled",
    "metrics.max_series",
    "ledger.url",
)


def restart_only(settings: Settings) -> dict[str, Any]:
    """Their values by path, as plain JSON values, to be kept and compared; a secret only as its hash."""
    found: dict[str, Any] = {}
    for path in RESTART_ONLY:
        value: Any = settings
        secret = False
        for name in path.split("."):
            section: type[msgspec.Struct] = type(value)
            secret = shape.is_secret(shape.fields(section)[name].type)
            value = getattr(value, name)
        if secret and value is not None:
            value = hashlib.sha256(value.encode()).hexdigest()
        found[path] = msgspec.to_builtins(value)
    return found
