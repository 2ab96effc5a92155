"""When logins are exchanged for secrets: once, ahead of time, again after failures."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.conftest import FakeClock
from tests.support.routing import snapshot

from fastgate import tasks
from fastgate.control.identities import login
from fastgate.control.identities.errors import MintingFailed, told
from fastgate.control.identities.identities import Identities
from fastgate.domain.credential import AwsKeys, HandedOut, Identity, Minted
from fastgate.domain.snapshot import Snapshot
from fastgate.observability import log

NS = 10**9
AZURE = {"resource": "r", "credentials": [{"id": "entra", "azure": {"managed_identity": True}}]}


class Published:
    """A configuration, as the publisher has it."""

    def __init__(self, **providers: Any) -> None:
        self.generation = 0
        self.publish(**providers)

    def publish(self, **providers: Any) -> None:
        self.generation += 1
        self._snapshot = snapshot(providers=providers)

    def current(self) -> Snapshot:
        return self._snapshot


class Mint:
    """Gives out `token-1`, `token-2`, … for `life_s`, or fails while it is told to; waits at its gate."""

    def __init__(self, clock: FakeClock, life_s: float = 3600) -> None:
        self.clock = clock
        self.life_s = life_s
        self.calls = 0
        self.failure: str | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, identity: Identity) -> Minted:
        self.calls += 1
        number = self.calls
        self.gate.wait(10)
        if self.failure is not None:
            raise MintingFailed(self.failure)
        expires_ns = self.clock.wall + int(self.life_s * NS) if self.life_s else 0
        return Minted(f"token-{number}", expires_ns)


@pytest.fixture
def mint(fake_clock: FakeClock) -> Mint:
    return Mint(fake_clock)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(log, "event", lambda level, message, **fields: found.append((message, fields)))
    return found


def busy() -> bool:
    return any(task.get_name() == "mint" for task in tasks.running())


async def one(identities: Identities) -> HandedOut:
    """What is handed out of the only login, once nothing is being minted."""
    (handed,) = await identities.handed_out()
    return handed


async def settle(identities: Identities, calls: Callable[[], int], expected: int) -> HandedOut:
    """Tick until as many calls were made and have ended."""
    async with asyncio.timeout(10):
        while calls() < expected or busy():
            identities.tick()
            await asyncio.sleep(0.001)
    return await one(identities)


async def test_a_worker_that_asks_at_the_start_gets_a_secret(mint: Mint, fake_clock: FakeClock) -> None:
    handed = await one(Identities(Published(azure=AZURE), mint))
    assert (handed.provider, handed.credential, handed.tried) == ("azure", "entra", True)
    assert handed.minted == Minted("token-1", fake_clock.wall + 3600 * NS)


async def test_one_call_for_all_who_ask(mint: Mint) -> None:
    mint.gate.clear()
    identities = Identities(Published(azure=AZURE), mint)
    asking = [asyncio.ensure_future(identities.handed_out()) for _ in range(50)]
    await asyncio.sleep(0.02)
    assert not any(each.done() for each in asking)
    mint.gate.set()
    answers = await asyncio.gather(*asking)
    assert mint.calls == 1
    assert {answer[0].minted.secret for answer in answers if answer[0].minted} == {"token-1"}


async def test_it_is_renewed_before_it_expires(mint: Mint, fake_clock: FakeClock) -> None:
    identities = Identities(Published(azure=AZURE), mint)
    await one(identities)
    fake_clock.advance(3600 - 1.5 * login.MARGIN_S - 1)
    assert (await settle(identities, lambda: mint.calls, 1)).minted is not None
    assert mint.calls == 1, "not yet"
    fake_clock.advance(0.5 * login.MARGIN_S + 1)
    handed = await settle(identities, lambda: mint.calls, 2)
    assert handed.minted == Minted("token-2", fake_clock.wall + 3600 * NS)


async def test_a_cloud_that_gives_out_the_same_secret_again_is_asked_ever_more_often(
    mint: Mint, fake_clock: FakeClock
) -> None:
    identities = Identities(Published(azure=AZURE), mint)
    handed = await one(identities)
    assert handed.minted is not None
    end_ns = handed.minted.expires_ns
    calls = []
    while mint.calls < 100 and (left_s := (end_ns - fake_clock.wall) / NS) > 5:
        mint.life_s = left_s - 1
        before = mint.calls
        await settle(identities, lambda: mint.calls, before)
        if mint.calls > before:
            calls.append(left_s)
        fake_clock.advance(1)
    assert 2 < len(calls) < 100, calls  # how many: by jitter
    assert calls[0] < 1.5 * login.MARGIN_S


async def test_a_short_life(mint: Mint, fake_clock: FakeClock) -> None:
    mint.life_s = 8
    identities = Identities(Published(azure=AZURE), mint)
    await one(identities)
    fake_clock.advance(7)
    assert (await settle(identities, lambda: mint.calls, 2)).minted == Minted(
        "token-2", fake_clock.wall + 8 * NS
    )


async def test_one_that_does_not_expire_is_looked_up_again(mint: Mint, fake_clock: FakeClock) -> None:
    mint.life_s = 0
    identities = Identities(Published(azure=AZURE), mint)
    assert (await one(identities)).minted == Minted("token-1", 0)
    fake_clock.advance(login.FOREVER_S)
    assert (await settle(identities, lambda: mint.calls, 2)).minted == Minted("token-2", 0)


async def test_a_failure_is_told_once_and_tried_again_ever_later(
    mint: Mint, fake_clock: FakeClock, events: list[tuple[str, dict[str, Any]]]
) -> None:
    mint.failure = "refused"
    identities = Identities(Published(azure=AZURE), mint)
    handed = await one(identities)
    assert (handed.minted, handed.tried) == (None, True)
    moments = [fake_clock.wall]
    while len(moments) < 12:
        fake_clock.advance(0.5)
        before = mint.calls
        await settle(identities, lambda: mint.calls, before)
        if mint.calls > before:
            moments.append(fake_clock.wall)
    pauses = [(after - before) / NS for before, after in itertools.pairwise(moments)]
    assert 1 <= pauses[0] <= 2.5
    assert all(29.5 <= pause <= 60.5 for pause in pauses[6:]), pauses
    assert [message for message, _ in events] == ["login failed; it is tried again"]
    mint.failure = None
    fake_clock.advance(60)
    assert (await settle(identities, lambda: mint.calls, mint.calls + 1)).minted is not None
    assert [message for message, _ in events][1:] == ["login works again"]


async def test_what_was_minted_outlives_failures_until_it_expires(mint: Mint, fake_clock: FakeClock) -> None:
    identities = Identities(Published(azure=AZURE), mint)
    await one(identities)
    mint.failure = "away"
    fake_clock.advance(3590)
    handed = await settle(identities, lambda: mint.calls, 2)
    assert handed.minted is not None
    assert handed.minted.secret == "token-1"
    fake_clock.advance(10)
    assert (await one(identities)).minted is None


async def test_a_secret_that_is_born_expired_is_none(
    mint: Mint, events: list[tuple[str, dict[str, Any]]]
) -> None:
    mint.life_s = -1
    handed = await one(Identities(Published(azure=AZURE), mint))
    assert (handed.minted, handed.tried) == (None, True)
    assert "is the clock right?" in events[0][1]["error"]


async def test_a_new_configuration_keeps_logins_that_are_as_they_were(mint: Mint) -> None:
    published = Published(azure=AZURE)
    identities = Identities(published, mint)
    first = await one(identities)
    published.publish(azure={**AZURE, "headers": {"x": "y"}})
    assert await one(identities) == first
    published.publish(
        azure={
            **AZURE,
            "credentials": [{"id": "entra", "azure": {"managed_identity": True, "client_id": "c"}}],
        }
    )
    second = await one(identities)
    assert second.fingerprint != first.fingerprint
    assert second.minted is not None
    assert second.minted.secret == "token-2"
    published.publish(azure={**AZURE, "credentials": [{"secret": "k"}]})
    assert await identities.handed_out() == []


async def test_the_loop_is_free_while_a_thread_waits(mint: Mint) -> None:
    mint.gate.clear()
    identities = Identities(Published(azure=AZURE), mint)
    identities.tick()
    for _ in range(100):
        await asyncio.sleep(0)
    assert busy()
    mint.gate.set()
    assert (await one(identities)).minted is not None


def test_what_is_told_of_an_error_has_no_secret() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2NvZ25pdGl2ZXNlcnZpY2Vz"
    assert told(ValueError(f"no access_token in {token}", {"secret": token})) == (
        "ValueError: no access_token in …"
    )
    assert told(ValueError()) == "ValueError"
    assert len(told(ValueError("x y " * 1000))) < 350


def test_no_repr_has_a_secret() -> None:
    minted = Minted("hidden", 1)
    handed = HandedOut(provider="p", credential="c", fingerprint="f", minted=minted, tried=True)
    assert "hidden" not in repr((minted, handed, AwsKeys("hidden", "hidden", "hidden")))


@pytest.mark.parametrize("secret", ["token", AwsKeys("a", "b"), AwsKeys("a", "b", "c")])
def test_the_answer_travels_as_json(secret: str | AwsKeys) -> None:
    handed = HandedOut(
        provider="p", credential="c", fingerprint="f", minted=Minted(secret, 2**62), tried=True
    )
    encoded = msgspec.json.encode([handed])
    assert msgspec.json.decode(encoded, type=list[HandedOut]) == [handed]
