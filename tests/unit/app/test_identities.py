"""What a worker has of minted secrets, from a control process that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conftest import FakeClock
from tests.support.routing import snapshot

from fastgate import tasks
from fastgate.app import credentials
from fastgate.app.credentials import CurrentSecrets
from fastgate.app.identities import Identities
from fastgate.domain.credential import AwsKeys, HandedOut, Minted, Secret
from fastgate.domain.failure import FailureKind, Scope, UpstreamError
from fastgate.domain.snapshot import Snapshot

NS = 10**9
PLACE = ("azure", "entra")


def configured(**azure: Any) -> Snapshot:
    login = {"id": "entra", "azure": {"managed_identity": True, **azure}}
    openai = {"credentials": [{"id": "main", "secret": "sk-1"}, {"id": "open", "secret": "none"}]}
    return snapshot(providers={"azure": {"resource": "r", "credentials": [login]}, "openai": openai})


SNAPSHOT = configured()
FINGERPRINT = SNAPSHOT.providers["azure"].credentials[0].fingerprint


def handed(minted: Minted | None, *, tried: bool = True, fingerprint: str = FINGERPRINT) -> HandedOut:
    return HandedOut(
        provider="azure", credential="entra", fingerprint=fingerprint, minted=minted, tried=tried
    )


class Control:
    """The socket of a control process, which answers what it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: list[HandedOut] = []
        self.asked = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def up(self) -> None:
        self._server = await asyncio.start_unix_server(self._answer, str(self.path))

    async def down(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        self.path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readuntil(b"\r\n\r\n")
        assert line.startswith(b"GET /identities HTTP/1.1\r\n")
        body = msgspec.json.encode(self.answers)
        self.asked.set()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    control = Control(tmp_path / "control.sock")
    await control.up()
    yield control
    await control.down()


@pytest.fixture
def identities(control: Control) -> Identities:
    identities = Identities(control.path)
    identities.use(SNAPSHOT)
    return identities


@pytest.mark.parametrize("secret", ["token", AwsKeys("a", "b", "c")])
async def test_a_secret_is_had_until_it_expires(
    control: Control, identities: Identities, fake_clock: FakeClock, secret: Secret
) -> None:
    assert identities.current(*PLACE) is None
    control.answers = [handed(Minted(secret, fake_clock.wall + 60 * NS))]
    await identities.ask()
    assert identities.current(*PLACE) == secret
    await control.down()
    fake_clock.advance(59)
    await identities.ask()
    assert identities.current(*PLACE) == secret, "the control process is away, and the secret still good"
    fake_clock.advance(1)
    assert identities.current(*PLACE) is None


async def test_what_the_control_process_lost_is_kept(
    control: Control, identities: Identities, fake_clock: FakeClock
) -> None:
    control.answers = [handed(Minted("token", 0))]
    await identities.ask()
    control.answers = [handed(None, tried=False)]
    await identities.ask()
    assert identities.current(*PLACE) == "token"
    control.answers = [handed(Minted("new", 0))]
    await identities.ask()
    assert identities.current(*PLACE) == "new"


async def test_another_configuration_of_the_login_is_another_login(
    control: Control, identities: Identities
) -> None:
    control.answers = [handed(Minted("theirs", 0), fingerprint="another")]
    await identities.ask()
    assert identities.current(*PLACE) is None
    control.answers = [handed(Minted("token", 0))]
    await identities.ask()
    identities.use(SNAPSHOT)
    assert identities.current(*PLACE) == "token"
    identities.use(configured(client_id="c"))
    assert identities.current(*PLACE) is None


async def test_it_is_asked_for_at_the_start_and_soon_again_while_it_is_missing(
    control: Control, identities: Identities
) -> None:
    running = tasks.spawn(identities.run(), "ask")
    control.answers = [handed(None, tried=False)]
    async with asyncio.timeout(10):
        await control.asked.wait()
        control.answers = [handed(Minted("token", 0))]
        await identities.settled()
    assert identities.current(*PLACE) == "token"
    running.cancel()


async def test_a_worker_without_logins_waits_for_none(tmp_path: Path) -> None:
    identities = Identities(tmp_path / "nowhere")
    identities.use(snapshot(providers={"openai": {"credentials": [{"secret": "sk-1"}]}}))
    async with asyncio.timeout(1):
        await identities.settled()


async def test_what_is_presented(control: Control, identities: Identities) -> None:
    found = credentials.resolve(SNAPSHOT, {})
    assert not found.missing
    secrets = CurrentSecrets(found.found, identities)
    assert secrets.current("openai", "main") == "sk-1"
    assert secrets.current("openai", "open") is None
    with pytest.raises(UpstreamError) as caught:
        secrets.current(*PLACE)
    assert caught.value.kind is FailureKind.CREDENTIAL_UNAVAILABLE
    assert caught.value.scope is Scope.CREDENTIAL
    control.answers = [handed(Minted("token", 0))]
    await identities.ask()
    assert secrets.current(*PLACE) == "token"
    assert list(secrets.known()) == ["sk-1", "token"]


def test_keys_of_aws_need_nobody() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    bedrock = {"region": "r"}
    own = {"aws": {"access_key_id": "${AWS_ACCESS_KEY_ID}", "secret_access_key": "own"}}
    snap = snapshot(environ, providers={"bedrock": bedrock})
    assert credentials.resolve(snap, environ).found == {
        ("bedrock", "credential-1"): AwsKeys("AKIA", "s", "t")
    }
    snap = snapshot(environ, providers={"bedrock": {**bedrock, "credentials": [own]}})
    assert credentials.resolve(snap, environ).found == {("bedrock", "credential-1"): AwsKeys("AKIA", "own")}
    assert credentials.resolve(snap, {}).missing
