"""No gateway that nobody needs a key for is reachable from other machines by accident."""

import ipaddress

from fastgate import clock
from fastgate.config.settings import Settings
from fastgate.errors import ConfigError
from fastgate.store.keys import KeyStore


def check_exposure(settings: Settings, store: KeyStore) -> None:
    """Raises ConfigError when `server.host` is not loopback and no virtual key can be used.

    The store must have been synchronised with these settings.
    """
    if settings.auth.mode == "open" or is_loopback(settings.server.host) or has_usable_key(store):
        return
    raise ConfigError(
        f"server.host: no virtual key has a usable secret, so the gateway refuses to listen on "
        f"{settings.server.host or 'all addresses'}: configure virtual_keys and give one a secret "
        f"(`fastgate keys issue ID`), or listen on 127.0.0.1, or set auth.mode: open to let anyone call"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; a name other than localhost is not trusted to be."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def has_usable_key(store: KeyStore) -> bool:
    """Whether any secret would be accepted now."""
    now_s = clock.time_ns() // 1_000_000_000
    for secret in store.all_secrets():
        if not secret.record.usable(now_s):
            continue
        key = store.key(secret.record.key_id)
        if key is not None and key.enabled and (not key.expires_at or now_s < key.expires_at):
            return True
    return False
