"""No gateway that nobody needs a key for is reachable from other machines by accident."""

import ipaddress

from fastgate import clock
from fastgate.errors import ConfigError
from fastgate.keys.compiled import CompiledKeys
from fastgate.store.keys import KeyStore, Source


def check_exposure(host: str, compiled: CompiledKeys, store: KeyStore, *, open_auth: bool) -> None:
    """Raises ConfigError when `server.host` is not loopback and no virtual key could be used.

    `compiled` are the keys of the same settings; the store is as it was, and stays so.
    """
    if open_auth or is_loopback(host) or _has_usable_key(compiled, store):
        return
    raise ConfigError(
        f"server.host: no virtual key has a usable secret, so the gateway refuses to listen on "
        f"{host or 'all addresses'}: configure virtual_keys and give one a secret "
        f"(`fastgate keys issue ID`), or listen on 127.0.0.1, or set auth.mode: open to let anyone call"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; a name other than localhost is not trusted to be."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_usable_key(compiled: CompiledKeys, store: KeyStore) -> bool:
    """Whether any secret would be accepted once the store is synchronised with `compiled`."""
    now_s = clock.time_ns() // 1_000_000_000
    usable = {
        key.id for key in compiled.keys if key.enabled and (not key.expires_at or now_s < key.expires_at)
    }
    configured = dict(compiled.secrets)
    for digest, record in store.all_secrets():
        given = configured.pop(digest, None)
        stays = given or (record if record.source is Source.ISSUED else None)
        if stays is not None and stays.key_id in usable and record.usable(now_s):
            return True
    return any(record.key_id in usable for record in configured.values())
