"""A full disk: what is served goes on being served, what is lost is counted, what cannot be done is said."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.raw_client import chat_body, exchange, request

NEW_SECRET = "sk-test-new-key-0123456789abcdef0123456789abcdef"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for a gateway."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(where)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


async def call(gateway: GatewayProcess, model: str = "gpt-4o", secret: str = SECRET) -> int:
    return (await exchange(gateway.url, request(chat_body(model=model), secret=secret))).status


def fill(directory: Path) -> Path:
    """Take all the room that is left."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                os.write(file.fileno(), b"x" * size)
            except OSError:
                size //= 2
    return ballast


async def test_a_log_that_takes_no_line(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)}, logging={"file": "/dev/full"})
    with GatewayProcess(config, tmp_path) as gateway:
        for _ in range(20):
            assert await call(gateway) == 200
        name = "fastgate_log_lines_dropped_total"
        await gateway.until_metric(lambda scrape: scrape.value(name) >= 20)
        assert (await gateway.areload())["ok"] is True
        assert await call(gateway) == 200
        gateway.terminate()
        assert await gateway.await_exit() == 0


@pytest.mark.parametrize("left", [0, 256 * 1024], ids=["no room", "room for the keys only"])
async def test_a_configuration_that_cannot_be_written(
    provider: FakeProvider, small_disk: Path, left: int
) -> None:
    old = gateway_config({"fake": provider_config(provider.url)})
    many = [f"gpt-new-{number}" for number in range(2_000)]
    new = gateway_config({"fake": provider_config(provider.url, "gpt-4o", *many)})
    new["virtual_keys"].append({"id": "vk_new", "secret": NEW_SECRET})
    with GatewayProcess(old, small_disk) as gateway:
        gateway.write_config(new)
        ballast = fill(small_disk)
        os.truncate(ballast, ballast.stat().st_size - left)
        result = await gateway.areload()
        assert result["ok"] is False
        assert "No space left on device" in result["diagnostics"][0]["message"]
        assert await gateway.log_line(message="configuration refused; the one in use stays")
        assert (await gateway.ascrape()).value("fastgate_config_reload_failures_total") >= 1
        for _ in range(20):
            assert await call(gateway) == 200
        assert await call(gateway, many[0]) == 404
        assert await call(gateway, secret=NEW_SECRET) == 401

        ballast.unlink()
        assert (await gateway.areload())["ok"] is True
        assert await call(gateway, many[0], NEW_SECRET) == 200
