"""The orderly end, for connections at every stage of a request, on each edge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.support.draining import held_stream, until_refused
from tests.support.event_stream import DONE, EventStream
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, raw_client, request
from tests.support.tls_client import tls_client, trusting, write_certificate

from fastgate.launch import Edge

STREAM = request(chat_body(stream=True))
PLAIN = request(chat_body())


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def config(provider: FakeProvider, **server: Any) -> dict[str, Any]:
    settings = gateway_config({"fake": provider_config(provider.url)})
    settings["server"] |= {"drain_s": 30, **server}
    return settings


async def test_each_stage_of_a_request(provider: FakeProvider, tmp_path: Path, edge: Edge) -> None:
    """What is open ends well; what has not begun is refused by an answer or by the end of its connection, and
    nothing is left waiting."""
    with GatewayProcess(config(provider), tmp_path, edge=edge) as gateway:
        gate = held_stream(provider)
        async with (
            raw_client(gateway.url) as streaming,
            raw_client(gateway.url) as silent,
            raw_client(gateway.url) as idle,
            raw_client(gateway.url) as half_a_head,
            raw_client(gateway.url) as behind,
        ):
            await idle.send(request(method="GET", path="/v1/models"))
            assert (await idle.response()).status == 200
            await half_a_head.send(PLAIN[:40])
            for client in (streaming, behind):
                await client.send(STREAM)
                events = await EventStream.of(client)
                await events.event()
            await behind.send(PLAIN)  # its turn comes after the stream

            gateway.terminate()
            await in_thread(lambda: until_refused(gateway.url))
            assert await silent.rest() == b""
            assert await idle.rest() == b""
            gate.open()
            await half_a_head.send_until_refused(PLAIN[40:], 1)
            late = await half_a_head.rest()
            assert late == b"" or (late.startswith(b"HTTP/1.1 503 ") and b'"draining"' in late)
            assert (await streaming.rest()).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
            rest = await behind.rest()
            stream, _, second = rest.partition(b"0\r\n\r\n")
            assert stream.endswith(b"data: [DONE]\n\n\r\n")
            assert second == b"" or second.startswith(b"HTTP/1.1 503 ")
            assert await gateway.await_exit() == 0
    assert gateway.log_lines(level="error") == []
    assert [line["finish"] for line in gateway.log_lines(endpoint="chat", status=200)] == ["complete"] * 2
    assert len(provider.requests) == 2


async def test_over_tls(provider: FakeProvider, tmp_path: Path, edge: Edge) -> None:
    ca = trustme.CA()
    certificate, key = write_certificate(ca, tmp_path)
    settings = config(provider, tls={"certificate": certificate, "key": key})
    with GatewayProcess(settings, tmp_path, edge=edge) as gateway:
        assert gateway.url.startswith("https://")
        gate = held_stream(provider)
        async with (
            tls_client(gateway.url, trusting(ca)) as client,
            tls_client(gateway.url, trusting(ca)) as idle,
        ):
            await idle.send(request(method="GET", path="/health/live"))
            assert (await idle.response()).json() == {"status": "alive"}
            await client.send(STREAM)
            events = await EventStream.of(client)
            await events.event()
            gateway.terminate()
            assert await idle.rest() == b""
            gate.open()
            assert (await events.chunks())[-1] == DONE
            assert await gateway.await_exit() == 0
    assert gateway.log_lines(level="error") == []
