"""The tools that the other tests stand on: what they claim to do to the wire, they do."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.support import replies
from tests.support.builders import chat_events
from tests.support.fake_provider import FakeProvider
from tests.support.fault_proxy import FaultProxy
from tests.support.replies import Gate, Reply, Wait, reply

BODY = {"model": "m", "stream": True}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def proxy(provider: FakeProvider) -> Iterator[FaultProxy]:
    with FaultProxy(provider.port) as proxy:
        yield proxy


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=2) as client:
        yield client


def post(client: httpx.Client, url: str) -> httpx.Response:
    return client.post(f"{url}/chat/completions", json=BODY)


# --- fake_provider ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (replies.reset_before_a_byte(), httpx.ReadError),
        (replies.close_before_a_byte(), httpx.RemoteProtocolError),
        (replies.reset_mid_body(), httpx.ReadError),
        (replies.stream_reset(["Hello"]), httpx.ReadError),
        (replies.garbage(), httpx.RemoteProtocolError),
    ],
)
def test_faults_that_break_the_exchange(
    provider: FakeProvider, client: httpx.Client, fault: Reply, error: type[Exception]
) -> None:
    provider.script(fault)
    with pytest.raises(error):
        post(client, provider.url)


@pytest.mark.parametrize(
    "fault",
    [replies.stall_before_headers(), replies.stall_after_headers(), replies.stream_stall(["Hello"])],
)
def test_stalls_last_until_the_client_leaves(provider: FakeProvider, fault: Reply) -> None:
    provider.script(fault)
    with httpx.Client(timeout=0.2) as client, pytest.raises(httpx.ReadTimeout):
        post(client, provider.url)
    provider.until_sync(lambda: not provider.connections[0].open)
    assert provider.connections[0].client_closed_ns is not None


def test_endless_body_stops_with_the_client(provider: FakeProvider, client: httpx.Client) -> None:
    provider.script(replies.endless_body())
    with client.stream("POST", f"{provider.url}/x", json=BODY) as response:
        blocks = response.iter_bytes(1_000_000)
        assert sum(len(next(blocks)) for _ in range(5)) == 5_000_000
    provider.until_sync(lambda: not provider.connections[0].open)


@pytest.mark.parametrize("size", [1, 7])
def test_chopped_streams_carry_the_same_bytes(
    provider: FakeProvider, client: httpx.Client, size: int
) -> None:
    provider.script(replies.chopped(chat_events(), size))
    assert post(client, provider.url).content == b"".join(chat_events())


def test_refusal_and_return(provider: FakeProvider) -> None:
    provider.refuse()
    with pytest.raises(httpx.ConnectError):
        httpx.post(provider.url, json=BODY)
    provider.start_listening()
    assert httpx.post(provider.url, json=BODY).status_code == 200


def test_scripts_match_and_follow_each_other(provider: FakeProvider, client: httpx.Client) -> None:
    provider.script(replies.status_reply(500))
    once = provider.script(replies.rate_limited("1"), model="m", times=1)
    provider.script(replies.status_reply(501), replies.status_reply(502), path="/v1/other")

    def status(path: str, model: str) -> int:
        return client.post(f"{provider.url}/{path}", json={"model": model}).status_code

    assert [status("x", "n"), status("x", "m"), status("x", "m")] == [500, 429, 500]
    assert [status("other", "m") for _ in range(3)] == [501, 502, 502]
    assert [request.model for request in once.requests] == ["m"]


def test_requests_are_recorded_as_they_stood_on_the_wire(
    provider: FakeProvider, client: httpx.Client
) -> None:
    headers = {"authorization": "Bearer s3cret"}
    client.post(f"{provider.url}/a?b=c", content=iter([b'{"model":', b'"m"}']), headers=headers)
    (request,) = provider.requests
    assert request.raw.startswith(b"POST /v1/a?b=c HTTP/1.1\r\n")
    assert request.raw.endswith(b'9\r\n{"model":\r\n4\r\n"m"}\r\n0\r\n\r\n')
    assert (request.path, request.secret, request.model) == ("/v1/a", "s3cret", "m")


async def test_a_gate_holds_a_reply_until_it_is_opened(provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(reply(Wait(gate)) + replies.chat_reply())
    async with httpx.AsyncClient(timeout=0.1) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(provider.url, json=BODY)
        gate.open()
        assert (await client.post(provider.url, json=BODY)).status_code == 200
    await provider.until(lambda: not any(connection.open for connection in provider.connections))


# --- fault_proxy ------------------------------------------------------------------------------------


def test_proxy_passes_everything_byte_by_byte(
    provider: FakeProvider, proxy: FaultProxy, client: httpx.Client
) -> None:
    provider.script(replies.chat_stream())
    proxy.to_client.piece_bytes = 1
    assert post(client, proxy.url()).content == b"".join(chat_events())
    assert post(client, proxy.url()).status_code == 200
    assert proxy.accepted == 1


def test_proxy_stalls_and_resumes(proxy: FaultProxy) -> None:
    proxy.stall(proxy.to_client)
    with httpx.Client(timeout=0.2) as client, pytest.raises(httpx.ReadTimeout):
        post(client, proxy.url())
    proxy.resume()
    assert httpx.post(proxy.url(), json=BODY).status_code == 200


def test_proxy_resets_after_a_number_of_bytes(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.to_client.reset_after = 100
    with pytest.raises(httpx.ReadError):
        post(client, proxy.url())
    assert proxy.to_client.passed == 100


def test_proxy_resets_open_connections(
    provider: FakeProvider, proxy: FaultProxy, client: httpx.Client
) -> None:
    provider.script(replies.stream_stall(["Hello"]))
    with client.stream("POST", f"{proxy.url()}/x", json=BODY) as response:
        proxy.reset_all()
        with pytest.raises(httpx.ReadError):
            response.read()
    provider.until_sync(lambda: "ConnectionReset" in (provider.connections[0].error or ""))


def test_proxy_half_closes(proxy: FaultProxy) -> None:
    """The client sees the end of the stream, and can still send."""
    proxy.to_client.half_close_after = 50
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        received = b""
        while data := sock.recv(1000):
            received += data
        assert len(received) == 50
        sock.sendall(b"more")


def test_proxy_throttles(provider: FakeProvider, proxy: FaultProxy, client: httpx.Client) -> None:
    provider.script(replies.chat_reply("x" * 5_000))
    proxy.to_client.piece_bytes, proxy.to_client.bytes_per_s = 1_000, 20_000
    started = time.monotonic()
    post(client, proxy.url())
    assert time.monotonic() - started >= 5_000 / 20_000
