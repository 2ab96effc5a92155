"""Issue, rotate and revoke secrets. Takes effect in every worker when it next looks at the store."""

from collections.abc import Iterable
from typing import NamedTuple

from fastgate import clock
from fastgate.keys.secret import digest, generate
from fastgate.store.keys import KeyStore, SecretRecord, Source, StoredSecret


class Issued(NamedTuple):
    """A new secret, in the clear for the only time, and the older ones that a rotation limited."""

    secret: str
    stored: StoredSecret
    limited: tuple[StoredSecret, ...] = ()


def issue(store: KeyStore, key_id: str, lifetime_s: int | None = None) -> Issued:
    """A further secret for the key; the ones it has stay as they are."""
    secret, stored = _new(key_id, lifetime_s)
    store.put_secret(stored.digest, stored.record)
    return Issued(secret, stored)


def rotate(store: KeyStore, key_id: str, grace_s: int, lifetime_s: int | None = None) -> Issued:
    """A new secret for the key; the ones it has end after `grace_s`, or when they would anyway."""
    secret, stored = _new(key_id, lifetime_s)
    limited = store.rotate(stored.digest, stored.record, stored.record.issued_at_s + grace_s)
    return Issued(secret, stored, tuple(limited))


def revoke(store: KeyStore, digests: Iterable[bytes]) -> int:
    """Revoke these secrets for good; returns how many were not revoked before."""
    return store.revoke(digests, clock.time_ns() // 1_000_000_000)


def _new(key_id: str, lifetime_s: int | None) -> tuple[str, StoredSecret]:
    secret = generate()
    issued_at_s = clock.time_ns() // 1_000_000_000
    record = SecretRecord(
        key_id,
        Source.ISSUED,
        issued_at_s=issued_at_s,
        not_after_s=0 if lifetime_s is None else issued_at_s + lifetime_s,
    )
    return secret, StoredSecret(digest(secret.encode("ascii")), record)
