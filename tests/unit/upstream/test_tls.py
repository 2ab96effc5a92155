import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.support.byte_server import Peer, answering, byte_server, chunk, chunked_head, response
from tests.support.events import Lines, recorded
from tests.support.upstream_calls import counts, failure_of, fetch, kind_of, origin_of, post

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network, Timeouts
from fastgate.upstream.client import Client, Origin
from fastgate.upstream.tls import TlsContexts


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


def server_context(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
    return context


async def test_https(client: Client, ca: trustme.CA, ca_file: str) -> None:
    async with byte_server(answering(response(b"secure")), server_context(ca)) as server:
        for reused in (False, True):
            call = await fetch(client, origin_of(server, "https", ca_file=ca_file))
            assert (call.body, call.reused) == (b"secure", reused)
        assert counts(client) == [(1, 1, 0)]


@pytest.mark.parametrize(
    ("host", "override"),
    [("localhost", None), ("127.0.0.1", "api.example")],
)
async def test_server_name(
    client: Client, ca: trustme.CA, ca_file: str, host: str, override: str | None
) -> None:
    sent = override or host
    names: list[str | None] = []
    context = server_context(ca, sent)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with byte_server(answering(response()), context) as server:
        await fetch(client, origin_of(server, "https", host, ca_file=ca_file, server_hostname=override))
        assert names == [sent]


async def test_a_certificate_of_an_unknown_authority(client: Client, ca: trustme.CA) -> None:
    async with byte_server(answering(response()), server_context(ca)) as server:
        error = await failure_of(client, origin_of(server, "https"))
        assert error.kind is FailureKind.TLS
        assert "not trusted" in error.message
        assert counts(client) == []


async def test_a_certificate_for_another_name(client: Client, ca: trustme.CA, ca_file: str) -> None:
    async with byte_server(answering(response()), server_context(ca, "other.example")) as server:
        assert await kind_of(client, origin_of(server, "https", ca_file=ca_file)) is FailureKind.TLS


async def test_verification_can_be_switched_off(client: Client, ca: trustme.CA) -> None:
    async with byte_server(answering(response()), server_context(ca, "other.example")) as server:
        assert (await fetch(client, origin_of(server, "https", verify_tls=False))).body == b"ok"


def client_files(ca: trustme.CA, tmp_path: Path) -> dict[str, str]:
    own = ca.issue_cert("client.example")
    files = {"client_cert": str(tmp_path / "cert.pem"), "client_key": str(tmp_path / "key.pem")}
    own.cert_chain_pems[0].write_to_path(files["client_cert"])
    own.private_key_pem.write_to_path(files["client_key"])
    return files


async def test_a_client_certificate_is_presented(
    client: Client, ca: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    context = server_context(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    async with byte_server(answering(response()), context) as server:
        origin = origin_of(server, "https", ca_file=ca_file, **client_files(ca, tmp_path))
        assert (await fetch(client, origin)).body == b"ok"


def refuse_one_handshake(listener: socket.socket, context: ssl.SSLContext) -> None:
    """asyncio's servers close before OpenSSL's alert is sent, so this one is made by hand."""
    accepted, _ = listener.accept()
    secured = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
    with pytest.raises(ssl.SSLError):
        secured.do_handshake()
    with socket.socket(fileno=secured.detach()) as plain:
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(65536):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_missing(
    client: Client, ca: trustme.CA, version: ssl.TLSVersion
) -> None:
    context = server_context(ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = asyncio.create_task(asyncio.to_thread(refuse_one_handshake, listener, context))
        origin = Origin("https", "127.0.0.1", listener.getsockname()[1], Network(verify_tls=False))
        error = await failure_of(client, origin)
        assert error.kind is FailureKind.TLS
        assert counts(client) == []
        await server


@pytest.mark.parametrize(
    "files", [{"ca_file": "{}"}, {"client_cert": "{}"}, {"client_cert": "{}", "client_key": "{}"}]
)
@pytest.mark.parametrize("content", [None, "no PEM"])
async def test_files_that_cannot_be_used(
    client: Client, tmp_path: Path, files: dict[str, str], content: str | None
) -> None:
    path = tmp_path / "secret.pem"
    if content is not None:
        path.write_text(content)
    async with byte_server(answering(response())) as server:
        network = {key: value.format(path) for key, value in files.items()}
        error = await failure_of(client, origin_of(server, "https", **network))
        assert error.kind is FailureKind.TLS
        assert next(iter(files)) in error.message
        assert "secret" not in error.message


async def test_a_server_that_does_not_speak_tls(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(response(b"plain"))
        await peer.client_left()

    async with byte_server(script) as server:
        assert await kind_of(client, origin_of(server, "https")) is FailureKind.TLS
        assert counts(client) == []


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_leaves_the_handshake(client: Client, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        if reset:
            peer.reset()

    async with byte_server(script) as server:
        assert await kind_of(client, origin_of(server, "https")) is FailureKind.TLS
        assert counts(client) == []


async def test_a_handshake_that_hangs(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.client_left()

    async with byte_server(script) as server:
        kind = await kind_of(client, origin_of(server, "https"), connect_s=0.2)
        assert kind is FailureKind.CONNECT_TIMEOUT
        await server.peers[0].gone.wait()
        assert counts(client) == []


@pytest.mark.parametrize("orderly", [False, True])
async def test_a_body_without_framing_must_end_with_close_notify(
    client: Client, ca: trustme.CA, orderly: bool
) -> None:
    """Else anyone on the path could shorten it (RFC 9112 9.8)."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nwhole", 0.02)
        if not orderly:
            peer.writer.transport.abort()

    async with byte_server(script, server_context(ca)) as server:
        origin = origin_of(server, "https", verify_tls=False)
        if orderly:
            assert (await fetch(client, origin)).body == b"whole"
        else:
            assert await kind_of(client, origin) is FailureKind.RESET_MID_BODY


async def test_a_stale_connection_is_replaced(client: Client, ca: trustme.CA) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"%d" % peer.number))
        if peer.number == 0:
            await peer.request()
            peer.reset()
        else:
            await peer.client_left()

    async with byte_server(script, server_context(ca)) as server:
        origin = origin_of(server, "https", verify_tls=False)
        assert [(await fetch(client, origin)).body for _ in range(2)] == [b"0", b"1"]


async def test_large_bodies_in_both_directions(client: Client, ca: trustme.CA) -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(chunked_head())
        for start in range(0, len(request.body), 100_000):
            await peer.send(chunk(request.body[start : start + 100_000]))
        await peer.send(chunk(b""))
        await peer.client_left()

    body = b"0123456789" * 500_000
    async with byte_server(script, server_context(ca)) as server:
        origin = origin_of(server, "https", verify_tls=False)
        call = client.call(origin, Timeouts(), stream=True)
        await call.send(*post(origin, body))
        assert await call.read_all(len(body)) == body
        call.release()
        assert counts(client) == [(1, 1, 0)]


async def test_contexts_are_built_once() -> None:
    contexts = TlsContexts()
    system = await contexts.get(Network())
    assert await contexts.get(Network(proxy="http://p", max_connections=3)) is system
    unverified = await contexts.get(Network(verify_tls=False))
    assert unverified is not system
    assert system.verify_mode is ssl.CERT_REQUIRED
    assert system.check_hostname
    assert system.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert unverified.verify_mode is ssl.CERT_NONE
    with pytest.raises(UpstreamError):
        await contexts.get(Network(ca_file="/does/not/exist"))


async def test_a_renewed_certificate_is_used_from_the_next_connection_on(
    client: Client, ca: trustme.CA, tmp_path: Path
) -> None:
    other = trustme.CA()
    path = tmp_path / "ca.pem"
    other.cert_pem.write_to_path(str(path))
    async with byte_server(answering(response()), server_context(ca)) as server:
        origin = origin_of(server, "https", ca_file=str(path))
        assert await kind_of(client, origin) is FailureKind.TLS
        ca.cert_pem.write_to_path(str(tmp_path / "new.pem"))
        (tmp_path / "new.pem").replace(path)
        assert (await fetch(client, origin)).body == b"ok"


@pytest.fixture
def log_lines(tmp_path: Path) -> Iterator[Lines]:
    with recorded(tmp_path / "log") as lines:
        yield lines


async def test_a_renewal_that_went_wrong_leaves_the_former_in_use(
    ca: trustme.CA, tmp_path: Path, log_lines: Lines
) -> None:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    contexts = TlsContexts()
    network = Network(ca_file=str(path))
    former = await contexts.get(network)
    for content in ("half a file", None):
        path.write_text(content) if content else path.unlink()
        for _ in range(3):
            assert await contexts.get(network) is former
    assert [line["level"] for line in await asyncio.to_thread(log_lines)] == ["warning", "warning"], (
        "once for each change"
    )
    ca.cert_pem.write_to_path(str(path))
    assert await contexts.get(network) is not former
