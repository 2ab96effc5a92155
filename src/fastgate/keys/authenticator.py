"""Who is calling: a presented secret → its virtual key. Runs once a request, in every worker."""

import hashlib
from typing import Final

from fastgate import clock
from fastgate.domain.secret_form import PREFIX, Verdict, check
from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import GatewayError
from fastgate.store.keys import KeyStore

_NS_PER_S: Final = 1_000_000_000


class Authenticator:
    """Verified secrets are cached by digest, so that no secret stays in memory (hashing one is 0.3 µs).

    The cache forgets everything when the store changed: `refresh` must be called at least once a
    second for revocations to take effect within a second. Only successes are cached and at most
    `capacity` of them, so random secrets cost the attacker's look-up and no memory.
    """

    def __init__(self, store: KeyStore, open_auth: bool, capacity: int = 65_536) -> None:
        self.open_auth = open_auth
        self._store = store
        self._capacity = capacity
        self._version = store.version()
        self._verified: dict[bytes, tuple[VirtualKey, int]] = {}  # digest → key, end in ns (0: none)

    def authenticate(self, secret: bytes | None) -> VirtualKey | None:
        """The key that `secret` opens. None only in open mode: without a secret, or with a foreign one
        that no key has (an SDK insists on sending some).

        Raises GatewayError missing_virtual_key, invalid_virtual_key, virtual_key_expired or
        virtual_key_disabled; no message contains the secret.
        """
        if not secret:
            if self.open_auth:
                return None
            raise GatewayError(
                "missing_virtual_key",
                "no virtual key was sent: put it into the Authorization header, as `Bearer sk-fg-…`",
            )
        digest = hashlib.sha256(secret).digest()
        verified = self._verified.get(digest)
        if verified is None:
            return self._look_up(secret, digest)
        key, end_ns = verified
        if end_ns and clock.time_ns() >= end_ns:
            raise _expired(key)
        return key

    def refresh(self) -> None:
        """Drop the cache if any process changed the store."""
        version = self._store.version()
        if version != self._version:
            self._version = version
            self._verified.clear()

    def _look_up(self, secret: bytes, digest: bytes) -> VirtualKey | None:
        if check(secret) is Verdict.MISTYPED:
            raise GatewayError(
                "invalid_virtual_key",
                "the virtual key looks mistyped: its checksum is wrong; was it copied whole?",
            )
        found = self._store.lookup(digest)
        if found is None:
            if self.open_auth and not secret.startswith(PREFIX):
                return None
            raise GatewayError("invalid_virtual_key", "the virtual key is unknown or was revoked")
        key, record = found
        if not key.enabled:
            raise GatewayError("virtual_key_disabled", f"the virtual key {key.id} is switched off")
        end_ns = min((s for s in (key.expires_at, record.not_after_s) if s), default=0) * _NS_PER_S
        if end_ns and clock.time_ns() >= end_ns:
            raise _expired(key)
        if len(self._verified) >= self._capacity:
            self._verified.clear()
        self._verified[digest] = (key, end_ns)
        return key


def _expired(key: VirtualKey) -> GatewayError:
    return GatewayError("virtual_key_expired", f"the virtual key {key.id}, or this secret of it, has expired")
