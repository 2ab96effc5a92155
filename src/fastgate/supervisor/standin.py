"""What stands in for a configuration that was not given: the simulated provider, a ready-made virtual key."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fastgate.config.place import CONFIG_YAML, config_file
from fastgate.config.settings import Settings
from fastgate.keys import secret as secrets
from fastgate.keys.exposure import is_loopback
from fastgate.launch import Embedded
from fastgate.supervisor.listener import listen, url_of

# The simulated provider answers to any name; these are the ones that the gateway then offers.
SIMULATED_MODELS = ("fastgate-sim", "fastgate-sim-embedding")
_BACKLOG = 1_024


class StandIn(NamedTuple):
    """`secret` is in this process's memory and on its standard output only."""

    embedded: Embedded
    listener: socket.socket | None
    secret: str | None


def prepare(
    settings: Settings, config_path: Path | None, environ: Mapping[str, str], *, secret: str | None
) -> StandIn:
    """Nothing stands in for what the configuration gives. `secret` is the one that a predecessor made.
    StartError where no port is free."""
    listener = None if settings.providers else listen("127.0.0.1", 0, _BACKLOG)
    given = config_file(config_path, environ) is not None or CONFIG_YAML in environ
    secret = (secret or secrets.generate()) if _needs_key(settings, given) else None
    return StandIn(
        Embedded(
            simulated_url=None if listener is None else url_of(listener),
            simulated_models=SIMULATED_MODELS,
            key_hash=None if secret is None else secrets.digest(secret.encode()).hex(),
        ),
        listener,
        secret,
    )


def _needs_key(settings: Settings, config_given: bool) -> bool:
    """Who wrote a configuration without keys is given one to try it with, but not on a public address."""
    if settings.virtual_keys or settings.auth.mode == "open":
        return False
    return not config_given or is_loopback(settings.server.host)
