"""The gateway as a process: it serves, says so, takes a new configuration, and leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import (
    SECRET,
    GatewayProcess,
    GatewayStartError,
    gateway_config,
    provider_config,
)

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def call(gateway: GatewayProcess, model: str = "gpt-4o") -> httpx.Response:
    return httpx.post(
        f"{gateway.base_url}/chat/completions",
        json={**BODY, "model": model},
        headers={"authorization": f"Bearer {SECRET}", "x-request-id": "from-the-test"},
    )


async def test_an_exchange_with_its_log_line_and_metrics(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)})
    with GatewayProcess(config, tmp_path) as gateway:
        before = gateway.scrape()
        response = call(gateway)
        assert response.status_code == 200
        assert response.headers["x-fastgate-request-id"] == "from-the-test"
        line = await gateway.log_line(request_id="from-the-test")
        assert (line["status"], line["deployment"]) == (200, "fake/gpt-4o")
        name = "fastgate_requests_total"
        after = await gateway.until_metric(lambda scrape: scrape.value(name) > before.value(name))
        assert after.value(name, endpoint="chat", status="200") == 1
    assert provider.requests[0].secret == "upstream-secret-main"


def test_sigterm_ends_in_order_and_leaves_no_process(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)}, workers=2)
    with GatewayProcess(config, tmp_path) as gateway:
        tree = gateway.child.descendants()
        assert len(tree) >= 3
        gateway.terminate()
        assert gateway.wait() == 0
        assert psutil.wait_procs(tree, timeout=5)[1] == []


def test_a_reload_is_taken_and_a_broken_one_is_not(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)})
    with GatewayProcess(config, tmp_path) as gateway:
        assert call(gateway, "gpt-new").status_code == 404
        gateway.write_config(gateway_config({"fake": provider_config(provider.url, "gpt-4o", "gpt-new")}))
        assert gateway.reload()["ok"] is True
        assert call(gateway, "gpt-new").status_code == 200
        gateway.config_path.write_text("providers: {fake: {dialekt: openai}}")
        assert gateway.reload()["ok"] is False
        assert call(gateway, "gpt-new").status_code == 200


def test_a_killed_worker_comes_back(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)})
    with GatewayProcess(config, tmp_path) as gateway:
        pid = gateway.kill("worker-1")
        assert call(gateway).status_code == 200  # it waits in the socket's queue
        assert gateway.pids()["worker-1"] not in {0, pid}


def test_a_broken_configuration_is_an_exit_code_and_lines(tmp_path: Path) -> None:
    with pytest.raises(GatewayStartError, match="dialekt") as raised:
        GatewayProcess({"providers": {"fake": {"dialekt": "openai"}}}, tmp_path).__enter__()
    assert raised.value.code == 1
    assert "Traceback" not in str(raised.value)


def test_without_any_configuration_it_simulates(tmp_path: Path) -> None:
    with GatewayProcess(None, tmp_path, arguments=("--workers", "1")) as gateway:
        said = "\n".join(gateway.child.stdout.seen)
        assert "SIMULATED" in said
        secret = next(line for line in gateway.child.stdout.seen if "Virtual key" in line).split()[2]
        response = httpx.post(
            f"{gateway.base_url}/chat/completions",
            json={**BODY, "model": "fastgate-sim"},
            headers={"authorization": f"Bearer {secret}"},
        )
        assert "simulated answer" in response.text
