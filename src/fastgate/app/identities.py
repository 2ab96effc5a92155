"""The secrets that the control process mints, as this worker has them.

While that is away they go on until they expire. Requests never wait for it.
"""

import asyncio
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fastgate import clock
from fastgate.domain.credential import HandedOut, Minted, Secret
from fastgate.domain.snapshot import Snapshot
from fastgate.observability import log
from fastgate.upstream.control import ControlUnavailable, ask

FIRST_S: Final = 5.0
"""How long the start of a worker waits for them at most."""
_SOON_S: Final = 1.0
_LONG_S: Final = 30.0
_decode: Final = msgspec.json.Decoder(list[HandedOut]).decode

_Place = tuple[str, str]


class _Held(NamedTuple):
    fingerprint: str
    minted: Minted | None
    tried: bool


class Identities:
    """By provider and id of the credential."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._wanted: dict[_Place, str] = {}
        self._held: dict[_Place, _Held] = {}
        self._more = asyncio.Event()
        self._settled = asyncio.Event()
        self._away = False

    def use(self, snapshot: Snapshot) -> None:
        """What this configuration needs is asked for; the secrets of a login that is as it was are kept."""
        self._wanted = {
            (provider.name, each.id): each.fingerprint
            for provider in snapshot.providers.values()
            for each in provider.credentials
            if each.identity is not None
        }
        self._held = {
            place: held for place, held in self._held.items() if self._wanted.get(place) == held.fingerprint
        }
        self._tell()
        self._more.set()

    def current(self, provider: str, credential: str) -> Secret | None:
        """None where there is none, or none that has not expired."""
        held = self._held.get((provider, credential))
        if held is None or held.minted is None:
            return None
        minted = held.minted
        return None if 0 < minted.expires_ns <= clock.time_ns() else minted.secret

    def secrets(self) -> list[Secret]:
        """All of them."""
        return [held.minted.secret for held in self._held.values() if held.minted is not None]

    async def settled(self) -> None:
        """Wait until each login has been tried, for a few seconds at most."""
        try:
            async with asyncio.timeout(FIRST_S):
                await self._settled.wait()
        except TimeoutError:
            log.event("warning", "some logins have no secret yet; calls that need one go elsewhere")

    async def run(self) -> None:
        """Ask again and again, for ever."""
        while True:
            self._more.clear()
            if self._wanted:
                await self.ask()
            try:
                async with asyncio.timeout(self._pause_s() if self._wanted else None):
                    await self._more.wait()
            except TimeoutError:
                pass  # it is time to ask again

    async def ask(self) -> None:
        """Once. What the control process does not have at the moment does not take away what is here."""
        try:
            answers = _decode(await ask(self._socket, "/identities"))
        except (ControlUnavailable, msgspec.MsgspecError) as error:
            if not self._away:
                log.event("warning", "secrets cannot be renewed: no control process", error=str(error))
            self._away = True
            return
        self._away = False
        for each in answers:
            place = (each.provider, each.credential)
            if self._wanted.get(place) != each.fingerprint:
                continue
            held = self._held.get(place)
            minted = each.minted or (held.minted if held is not None else None)
            self._held[place] = _Held(each.fingerprint, minted, each.tried)
        self._tell()

    def _tell(self) -> None:
        if all((held := self._held.get(place)) and held.tried for place in self._wanted):
            self._settled.set()
        else:
            self._settled.clear()

    def _pause_s(self) -> float:
        """Soon where something is missing; else a fraction of what is left of the shortest life."""
        now_ns = clock.time_ns()
        pause_s = _LONG_S
        for place in self._wanted:
            held = self._held.get(place)
            if held is None or held.minted is None:
                return _SOON_S
            if held.minted.expires_ns:
                pause_s = min(pause_s, (held.minted.expires_ns - now_ns) / 8e9)
        return max(pause_s, _SOON_S)
