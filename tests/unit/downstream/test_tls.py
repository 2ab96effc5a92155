"""HTTPS on each edge."""

import asyncio
import ssl
from urllib.parse import urlsplit

import pytest
import trustme
from tests.support.edge_server import echo, edge_server
from tests.support.raw_client import raw_client, request
from tests.support.tls_client import TlsClient, tls_client, trusting
from tests.support.upstream_calls import until

from fastgate.downstream.interface import Downstream
from fastgate.launch import Edge

Certificate = tuple[str, str]
CLIENT_HELLO = bytes.fromhex("16030100010100")
TEXT = (b"content-type", b"text/plain")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_requests_on_one_connection(
    edge: Edge, ca: trustme.CA, certificate: Certificate, version: ssl.TLSVersion
) -> None:
    context = trusting(ca)
    context.maximum_version = context.minimum_version = version
    body = bytes(range(256)) * 1024
    async with edge_server(edge, echo, tls=certificate) as server, tls_client(server.url, context) as client:
        for sent in (b"one", body):
            await client.send(request(sent))
            response = await client.response()
            assert (response.status, response.body) == (200, sent)


async def test_a_stream_comes_piece_by_piece(edge: Edge, ca: trustme.CA, certificate: Certificate) -> None:
    go_on = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [(b"content-type", b"text/event-stream")])
        await downstream.write(b"first")
        await go_on.wait()
        await downstream.write(b"last")
        await downstream.finish()

    async with (
        edge_server(edge, handler, tls=certificate) as server,
        tls_client(server.url, trusting(ca)) as client,
    ):
        await client.send(request())
        await client.response_head()
        chunks = client.chunks()
        assert await anext(chunks) == b"first"
        go_on.set()
        assert [piece async for piece in chunks] == [b"last"]


async def test_a_broken_answer_has_no_end(edge: Edge, ca: trustme.CA, certificate: Certificate) -> None:
    go_on = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        await downstream.write(b"part")
        await go_on.wait()

    async with (
        edge_server(edge, handler, tls=certificate) as server,
        tls_client(server.url, trusting(ca)) as client,
    ):
        await client.send(request())
        await client.response_head()
        assert await anext(client.chunks()) == b"part"
        go_on.set()
        assert await client.rest() == b""


async def test_the_client_leaves(edge: Edge, ca: trustme.CA, certificate: Certificate) -> None:
    seen: list[str] = []

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        left = asyncio.Event()
        downstream.watch(left.set)
        seen.append("watching")
        await left.wait()
        downstream.unwatch()
        seen.append("left")

    async with edge_server(edge, handler, tls=certificate) as server:
        async with tls_client(server.url, trusting(ca)) as client:
            await client.send(request())
            await until(lambda: bool(seen))
        await until(lambda: len(seen) > 1)


async def test_no_other_protocol_is_agreed_on(edge: Edge, ca: trustme.CA, certificate: Certificate) -> None:
    """One that offers HTTP/2 gets HTTP/1.1, or no handshake where it offers nothing else."""
    context = trusting(ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with edge_server(edge, echo, tls=certificate) as server, tls_client(server.url, context) as client:
        assert client.tls.selected_alpn_protocol() == "http/1.1"
        await client.send(request(b"x"))
        assert (await client.response()).body == b"x"


async def test_old_versions_are_refused(edge: Edge, ca: trustme.CA, certificate: Certificate) -> None:
    context = trusting(ca)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with edge_server(edge, echo, tls=certificate) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with tls_client(server.url, context):
                raise AssertionError("a handshake by TLS 1.1")


@pytest.mark.parametrize(
    "garbage", [request(b"plain"), CLIENT_HELLO, b"\x00" * 1000, b"\x16\x03\x01\xff\xff"]
)
async def test_what_is_no_handshake_disturbs_nobody(
    edge: Edge, ca: trustme.CA, certificate: Certificate, garbage: bytes
) -> None:
    async with edge_server(edge, echo, tls=certificate) as server, raw_client(server.url) as odd:
        await odd.send(garbage)
        odd.half_close()
        assert b"HTTP/1.1 200" not in await odd.rest()
        async with tls_client(server.url, trusting(ca)) as client:
            await client.send(request(b"fine"))
            assert (await client.response()).body == b"fine"


async def test_stopping_while_a_handshake_is_open(
    edge: Edge, ca: trustme.CA, certificate: Certificate
) -> None:
    async with edge_server(edge, echo, tls=certificate) as server, raw_client(server.url) as slow:
        await slow.send(CLIENT_HELLO)
        async with tls_client(server.url, trusting(ca)) as client:
            await client.send(request(b"x"))
            assert (await client.response()).body == b"x"
        await server.stopped()


async def test_a_handshake_that_is_open_when_a_successor_serves(
    ca: trustme.CA, certificate: Certificate
) -> None:
    """Its client was accepted here, so it is answered here."""
    async with edge_server("native", echo, tls=certificate) as server:
        address = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        async with tls_client(server.url, trusting(ca)) as later:  # so the one before is accepted too
            await later.send(request(b"x"))
            await later.response()
            server.server.retire()
        _, refused = await asyncio.wait({server.serving}, timeout=0.2)
        assert refused
        await writer.start_tls(trusting(ca), server_hostname=address.hostname)
        client = TlsClient(reader, writer)
        await client.send(request(b"y"))
        answer = await client.response()
        assert (answer.status, answer.body) == (200, b"y")
        assert answer.header("connection") == "close"
        writer.transport.abort()
