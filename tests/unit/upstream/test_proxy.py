import asyncio
import base64
import ssl

import pytest
import trustme
from tests.support.byte_server import Peer, answering, byte_server, response
from tests.support.upstream_calls import MAX_RESPONSE, counts, failure_of, fetch, kind_of, origin_of, post

from fastgate.domain.failure import FailureKind
from fastgate.domain.snapshot import Network, Timeouts
from fastgate.upstream.client import Client, Origin
from fastgate.upstream.proxy import Proxy, proxy_for


async def tunnelling(peer: Peer) -> None:
    """A proxy that does as it is asked."""
    request = await peer.request()
    port = int(request.line.split(b" ")[1].rpartition(b":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await peer.send(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    try:
        await asyncio.gather(copy(peer.reader, writer), copy(reader, peer.writer))
    finally:
        writer.close()


@pytest.fixture
def server_context(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_an_https_origin_is_reached_through_a_tunnel(
    client: Client, server_context: ssl.SSLContext
) -> None:
    async with (
        byte_server(answering(response(b"far")), server_context) as server,
        byte_server(tunnelling) as proxy,
    ):
        origin = origin_of(
            server, "https", verify_tls=False, proxy=f"http://us%40er:p%3Aw@127.0.0.1:{proxy.port}"
        )
        for reused in (False, True):
            call = await fetch(client, origin)
            assert (call.body, call.reused) == (b"far", reused)
        (connect,) = proxy.requests
        target = b"127.0.0.1:%d" % server.port
        assert connect.line == b"CONNECT %b HTTP/1.1" % target
        assert connect.header(b"host") == target
        assert connect.header(b"proxy-authorization") == b"Basic " + base64.b64encode(b"us@er:p:w")
        # What is for the proxy stays with it.
        assert server.requests[0].line == b"POST /v1/chat HTTP/1.1"
        assert server.requests[0].header(b"proxy-authorization") is None


async def test_the_certificate_is_the_origins(client: Client, server_context: ssl.SSLContext) -> None:
    async with byte_server(answering(response()), server_context) as server, byte_server(tunnelling) as proxy:
        assert await kind_of(client, origin_of(server, "https", proxy=proxy.url())) is FailureKind.TLS
        assert counts(client) == []


async def test_an_http_origin_is_asked_for_in_absolute_form(client: Client) -> None:
    async with byte_server(answering(response(b"via proxy"))) as proxy:
        origin, _ = Origin.parse("http://far.invalid/v1", Network(proxy=f"http://u:p@127.0.0.1:{proxy.port}"))
        for _ in range(2):
            call = client.call(origin, Timeouts(), stream=False)
            await call.send(*post(origin, b"body", b"/v1/chat?x=1"))
            call.release()
            assert call.body == b"via proxy"
        assert len(proxy.peers) == 1
        request = proxy.requests[1]
        assert request.line == b"POST http://far.invalid/v1/chat?x=1 HTTP/1.1"
        assert request.header(b"host") == b"far.invalid"
        assert request.header(b"proxy-authorization") == b"Basic " + base64.b64encode(b"u:p")
        assert request.header(b"x-test") == b"1"
        assert request.body == b"body"


async def test_the_proxy_of_the_environment() -> None:
    async with byte_server(answering(response(b"via proxy"))) as proxy:
        client = Client(max_response_bytes=MAX_RESPONSE, environ={"HTTP_PROXY": proxy.url()})
        origin, _ = Origin.parse("http://far.invalid", Network())
        assert (await fetch(client, origin)).body == b"via proxy"
        await client.aclose()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            FailureKind.CONNECT_REFUSED,
        ),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\nnobody there", FailureKind.CONNECT_REFUSED),
        (b"HTTP/1.1 200 OK\r\n\r\nsurplus", FailureKind.PROTOCOL),
        (b"nonsense\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 2000 OK\r\n\r\n", FailureKind.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 70_000, FailureKind.PROTOCOL),
        (b"", FailureKind.CONNECT_REFUSED),
        (b"HTTP/1.1 200 OK\r\n", FailureKind.CONNECT_REFUSED),
        (b"HTTP/1.1 200 OK\r\n\r\n", FailureKind.TLS),
    ],
)
async def test_a_proxy_that_gives_no_tunnel(client: Client, answer: bytes, kind: FailureKind) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if answer:
            await peer.send(answer, 0.02)

    async with byte_server(script) as proxy:
        origin, _ = Origin.parse(
            "https://h.invalid", Network(proxy=f"http://user:secret@127.0.0.1:{proxy.port}")
        )
        error = await failure_of(client, origin)
        assert error.kind is kind
        for text in ("user", "secret", "h.invalid", str(proxy.port)):
            assert text not in error.message
        assert counts(client) == []


async def test_a_proxy_that_hangs(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    async with byte_server(script) as proxy:
        origin, _ = Origin.parse("https://h.invalid", Network(proxy=proxy.url()))
        assert await kind_of(client, origin, connect_s=0.3) is FailureKind.CONNECT_TIMEOUT
        await proxy.peers[0].gone.wait()


@pytest.mark.parametrize("url", ["socks5://secret:1080", "https://secret:3128", "http://", "http://secret:x"])
async def test_a_proxy_that_cannot_be_used(client: Client, url: str) -> None:
    error = await failure_of(client, Origin.parse("https://h.invalid", Network(proxy=url))[0])
    assert error.kind is FailureKind.CONNECT_REFUSED
    assert "secret" not in error.message


PROXY = Proxy("p", 3128)


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("https://h", {}, None),
        ("https://h", {"HTTPS_PROXY": "http://p:3128"}, PROXY),
        ("https://h", {"https_proxy": "http://p:3128", "HTTPS_PROXY": "http://other"}, PROXY),
        ("https://h", {"HTTPS_PROXY": "p:3128"}, PROXY),
        ("https://h", {"HTTPS_PROXY": ""}, None),
        ("https://h", {"HTTP_PROXY": "http://p:3128"}, None),
        ("http://h", {"HTTP_PROXY": "http://p:3128", "HTTPS_PROXY": "http://other"}, PROXY),
        ("http://h", {"http_proxy": "http://p"}, Proxy("p", 80)),
        ("https://localhost", {"HTTPS_PROXY": "http://p:3128"}, None),
        ("https://127.0.0.1", {"HTTPS_PROXY": "http://p:3128"}, None),
        ("https://[::1]", {"HTTPS_PROXY": "http://p:3128"}, None),
    ],
)
def test_which_proxy(url: str, environ: dict[str, str], expected: Proxy | None) -> None:
    assert proxy_for(Origin.parse(url, Network())[0], environ) == expected


@pytest.mark.parametrize(
    ("no_proxy", "bypassed"),
    [
        ("", False),
        ("*", True),
        ("api.example", True),
        ("other, API.example", True),
        ("example", True),
        (".example", True),
        ("*.example", True),
        ("pi.example", False),
        ("example.org", False),
        ("api.example:8443", True),
        ("api.example:443", False),
        ("api.example:x", False),
        ("10.0.0.0/8", False),
        (",", False),
    ],
)
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy(no_proxy: str, bypassed: bool, name: str) -> None:
    origin, _ = Origin.parse("https://api.example:8443", Network())
    environ = {"HTTPS_PROXY": "http://p:3128", name: no_proxy}
    assert proxy_for(origin, environ) == (None if bypassed else PROXY)


@pytest.mark.parametrize(
    ("no_proxy", "bypassed"),
    [
        ("10.1.2.3", True),
        ("10.0.0.0/8", True),
        ("10.1.2.4", False),
        ("192.168.0.0/16", False),
        ("x/y", False),
        ("::/0", False),
    ],
)
def test_no_proxy_for_addresses(no_proxy: str, bypassed: bool) -> None:
    origin, _ = Origin.parse("https://10.1.2.3", Network())
    environ = {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": no_proxy}
    assert proxy_for(origin, environ) == (None if bypassed else PROXY)


def test_no_proxy_for_ipv6_addresses() -> None:
    origin, _ = Origin.parse("https://[fd00::1]:8443", Network())
    environ = {"HTTPS_PROXY": "http://p:3128"}
    for no_proxy in ("fd00::1", "[fd00::1]", "[fd00::1]:8443", "fd00::/8"):
        assert proxy_for(origin, environ | {"NO_PROXY": no_proxy}) is None, no_proxy
    assert proxy_for(origin, environ | {"NO_PROXY": "[fd00::1]:443"}) == PROXY


def test_the_setting_wins() -> None:
    environ = {"HTTPS_PROXY": "http://other", "NO_PROXY": "*"}
    for host in ("h", "127.0.0.1"):
        assert proxy_for(Origin.parse(f"https://{host}", Network(proxy="http://p:3128"))[0], environ) == PROXY
    assert proxy_for(Origin.parse("https://h", Network(proxy="none"))[0], {"HTTPS_PROXY": "http://p"}) is None


def test_repr_shows_no_password() -> None:
    assert repr(Proxy.parse("http://user:secret@p:3128")) == "Proxy(p:3128)"
