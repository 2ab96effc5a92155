"""A login, from the cloud's endpoint to the header of a call: minted once, renewed, never written down."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import replies
from tests.support.builders import chat_completion
from tests.support.cloud import Answer, Asked, Cloud, as_json
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config
from tests.support.raw_client import Response, chat_body, exchange, request

TOKEN = "minted-token-0123456789abcdef0123456789abcdef"


class Machine:
    """Gives out `TOKEN-1`, `TOKEN-2`, …, as a managed identity's endpoint does."""

    def __init__(self) -> None:
        self.life_s = 3600
        self.given = 0
        self.working = True

    def __call__(self, asked: Asked) -> Answer:
        if not self.working:
            return as_json({"error": "unavailable"}, 500)
        self.given += 1
        return as_json(
            {
                "access_token": f"{TOKEN}-{self.given}",
                "expires_on": str(int(time.time()) + self.life_s),
                "token_type": "Bearer",
            }
        )


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def cloud(machine: Machine) -> Iterator[Cloud]:
    with Cloud({"/token": machine}) as cloud:
        yield cloud


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        provider.script(replies.json_reply(chat_completion()))
        yield provider


@pytest.fixture
def gateway(tmp_path: Path, cloud: Cloud, provider: FakeProvider) -> Iterator[GatewayProcess]:
    azure: dict[str, Any] = {
        "base_url": provider.url.removesuffix("/v1"),
        "deployments": [{"model": "gpt-4o"}],
        "credentials": [{"id": "entra", "azure": {"managed_identity": True}}],
    }
    environ = {"IDENTITY_ENDPOINT": f"{cloud.url}/token", "IDENTITY_HEADER": "x"}
    with GatewayProcess(gateway_config({"azure": azure}, workers=2), tmp_path, env=environ) as gateway:
        yield gateway
        assert TOKEN not in "\n".join(gateway.child.stderr.seen)
        for file in gateway.data_dir.rglob("*"):
            assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file


async def call(gateway: GatewayProcess) -> Response:
    return await exchange(gateway.url, request(chat_body(model="gpt-4o"), secret=SECRET))


async def test_the_first_call_has_a_token_and_all_workers_share_it(
    gateway: GatewayProcess, provider: FakeProvider, machine: Machine
) -> None:
    for _ in range(20):
        assert (await call(gateway)).status == 200
    assert {each.header("authorization") for each in provider.requests} == {f"Bearer {TOKEN}-1"}
    assert not any(each.header("api-key") for each in provider.requests)
    assert machine.given == 1


async def test_workers_go_on_while_the_control_process_and_the_cloud_are_away(
    gateway: GatewayProcess, machine: Machine
) -> None:
    machine.working = False
    gateway.kill("control")
    for _ in range(20):
        assert (await call(gateway)).status == 200
    line = await gateway.log_line(message="login failed; it is tried again")
    assert (line["provider"], line["credential"]) == ("azure", "entra")
    assert (await call(gateway)).status == 200


async def test_a_login_that_does_not_work_costs_its_credential_only(
    tmp_path: Path, cloud: Cloud, provider: FakeProvider, machine: Machine
) -> None:
    machine.working = False
    place = provider.url.removesuffix("/v1")
    other = {"dialect": "openai", "base_url": provider.url, "models": ["gpt-4o"]}
    azure = {"base_url": place, "deployments": [{"model": "gpt-4o"}], "credentials": [{"azure": {}}]}
    environ = {"IDENTITY_ENDPOINT": f"{cloud.url}/token", "IDENTITY_HEADER": "x"}
    providers = {"azure": azure, "other": {**other, "credentials": [{"secret": "of-other"}]}}
    with GatewayProcess(gateway_config(providers), tmp_path, env=environ) as gateway:
        response = await call(gateway)
        assert response.status == 200
        assert response.header("x-fastgate-attempts") == (
            "azure/gpt-4o:credential-1=credential_unavailable, other/gpt-4o:credential-1=ok(200)"
        )
        assert [each.secret for each in provider.requests] == ["of-other"]


async def test_a_token_is_renewed_before_it_expires(
    tmp_path: Path, cloud: Cloud, provider: FakeProvider, machine: Machine
) -> None:
    machine.life_s = 8
    azure = {
        "base_url": provider.url.removesuffix("/v1"),
        "deployments": [{"model": "gpt-4o"}],
        "credentials": [{"azure": {}}],
    }
    environ = {"IDENTITY_ENDPOINT": f"{cloud.url}/token", "IDENTITY_HEADER": "x"}
    with GatewayProcess(gateway_config({"azure": azure}), tmp_path, env=environ) as gateway:
        deadline = time.monotonic() + 30
        while f"Bearer {TOKEN}-2" not in {each.header("authorization") for each in provider.requests}:
            assert (await call(gateway)).status == 200, "there was always one that was good"
            assert time.monotonic() < deadline
