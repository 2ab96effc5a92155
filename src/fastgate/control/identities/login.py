"""One login of the configuration: what was minted for it, and when that is to be done again."""

import asyncio
import random
from typing import Final

from fastgate import clock
from fastgate.control.identities.errors import MintingFailed
from fastgate.domain.credential import Identity, Minted
from fastgate.observability import log

NS: Final = 1_000_000_000
MARGIN_S: Final = 600
"""A secret is renewed so long before it expires, or at three quarters of its life where that is later."""
FOREVER_S: Final = 900
"""How often one is looked up that does not expire: its file may have been changed."""
_LEAST_S: Final = 10
_MAX_BACKOFF_S: Final = 60


class Login:
    """`due_ns` is wall time. Made anew where the configuration of the login changes."""

    __slots__ = ("_failures", "_reason", "_rng", "credential", "due_ns", "fingerprint", "identity", "minted",
                 "provider", "running", "tried")  # fmt: skip

    def __init__(
        self, provider: str, credential: str, fingerprint: str, identity: Identity, rng: random.Random
    ) -> None:
        self.provider = provider
        self.credential = credential
        self.fingerprint = fingerprint
        self.identity = identity
        self.minted: Minted | None = None
        self.tried = False
        self.running: asyncio.Task[None] | None = None
        self.due_ns = 0
        self._failures = 0
        self._reason = ""
        self._rng = rng

    def is_due(self) -> bool:
        return self.running is None and clock.time_ns() >= self.due_ns

    def valid(self) -> Minted | None:
        """What was minted, while it has not expired."""
        minted = self.minted
        if minted is None or 0 < minted.expires_ns <= clock.time_ns():
            return None
        return minted

    @property
    def failure(self) -> str:
        """Why the last try failed; "" where it did not."""
        return self._reason

    def succeeded(self, minted: Minted) -> None:
        now_ns = clock.time_ns()
        if 0 < minted.expires_ns <= now_ns:
            self.failed(MintingFailed("the secret that was given out has expired; is the clock right?"))
            return
        if self._failures:
            log.event("info", "login works again", provider=self.provider, credential=self.credential)
        self.minted, self.tried = minted, True
        self._failures, self._reason = 0, ""
        self.due_ns = now_ns + self._renewed_after(minted, now_ns)

    def failed(self, error: MintingFailed) -> None:
        """What was minted before stays, until it expires."""
        self.tried = True
        self._failures += 1
        longest_s = min(2**self._failures, _MAX_BACKOFF_S)
        self.due_ns = clock.time_ns() + int(longest_s * NS * self._rng.uniform(0.5, 1))
        reason = str(error)
        if reason != self._reason:
            self._reason = reason
            log.event(
                "error",
                "login failed; it is tried again",
                provider=self.provider,
                credential=self.credential,
                error=reason,
            )

    def _renewed_after(self, minted: Minted, now_ns: int) -> int:
        """Some of the margin is left to chance, so that many gateways do not come at once. Where the cloud
        still gives out the same secret, what is left of its life becomes the measure."""
        if not minted.expires_ns:
            return FOREVER_S * NS
        left_ns = minted.expires_ns - now_ns
        margin_ns = min(left_ns // 4, MARGIN_S * NS)
        wait_ns = left_ns - margin_ns - int(margin_ns * self._rng.uniform(0, 0.5))
        return max(wait_ns, min(left_ns // 2, _LEAST_S * NS))
