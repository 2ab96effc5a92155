"""All logins of the configuration in use: each minted once, well before anybody needs it."""

import asyncio
import random
from typing import Final, Protocol

from fastgate import tasks
from fastgate.control.identities.errors import MintingFailed
from fastgate.control.identities.login import Login
from fastgate.control.identities.mint import Mint, in_thread, mint, silence_libraries
from fastgate.domain.credential import HandedOut
from fastgate.domain.snapshot import Snapshot

TICK_S: Final = 0.5
WAIT_S: Final = 3.0
"""How long a worker's question waits for the first secret of a login."""


Logins = dict[tuple[str, str], Login]
"""By provider and id of the credential."""


class Published(Protocol):
    """What the workers run on."""

    @property
    def generation(self) -> int: ...

    def current(self) -> Snapshot:
        """OSError, ValueError: it cannot be read."""


class Identities:
    """`mint` is called in threads of its own, for one login once at a time."""

    def __init__(self, published: Published, mint_: Mint = mint) -> None:
        self._published = published
        self._mint = mint_
        self._rng = random.Random()  # noqa: S311 (spreads moments)
        self._generation = 0
        self._logins: Logins = {}
        self._changed = asyncio.Event()

    def logins(self) -> Logins:
        """Those of the configuration in use."""
        return self._logins

    async def run(self) -> None:
        """Keep all secrets fresh, for ever."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """Take over a new configuration, and begin what is due."""
        generation = self._published.generation
        if generation != self._generation:
            try:
                self._use(self._published.current())
            except (OSError, ValueError):
                return  # the workers tell it, and it is read again
            self._generation = generation
        for login in self._logins.values():
            if login.is_due():
                login.running = tasks.spawn(self._renew(login), "mint")

    def _use(self, snapshot: Snapshot) -> None:
        """A login that is as it was keeps its secret."""
        before, self._logins = self._logins, {}
        for provider in snapshot.providers.values():
            for each in provider.credentials:
                if each.identity is None:
                    continue
                login = before.get((provider.name, each.id))
                if login is None or login.fingerprint != each.fingerprint:
                    login = Login(provider.name, each.id, each.fingerprint, each.identity, self._rng)
                self._logins[provider.name, each.id] = login
        if self._logins:
            silence_libraries()

    async def _renew(self, login: Login) -> None:
        try:
            login.succeeded(await in_thread(self._mint, login.identity))
        except MintingFailed as error:
            login.failed(error)
        finally:
            login.running = None
            self._changed.set()
            self._changed = asyncio.Event()

    async def handed_out(self) -> list[HandedOut]:
        """For a worker, which may ask at the very start: waits a little for logins that were never tried."""
        self.tick()
        try:
            async with asyncio.timeout(WAIT_S):
                while not all(login.tried for login in self._logins.values()):
                    await self._changed.wait()
        except TimeoutError:
            pass  # it gets what there is, and asks again
        return [
            HandedOut(
                provider=login.provider,
                credential=login.credential,
                fingerprint=login.fingerprint,
                minted=login.valid(),
                tried=login.tried,
            )
            for login in self._logins.values()
        ]
