"""HTTPS on a connection that the test has in its hands, and a certificate for the server's side."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from tests.support.raw_client import READ_TIMEOUT_S, RawClient


def write_certificate(ca: trustme.CA, directory: Path) -> tuple[str, str]:
    """Chain and private key for loopback, as `server.tls` names them."""
    issued = ca.issue_cert("127.0.0.1", "localhost")
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return str(chain), str(key)


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


class TlsClient(RawClient):
    """A `RawClient` whose bytes go through TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer.get_extra_info("socket"))
        self._reader = reader
        self.writer = writer

    @property
    def tls(self) -> ssl.SSLObject:
        found: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return found

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def _receive(self, within_s: float = READ_TIMEOUT_S) -> None:
        async with asyncio.timeout(within_s):
            data = await self._reader.read(65_536)
        if not data:
            raise asyncio.IncompleteReadError(self._buffer, None)
        self._buffer += data


@asynccontextmanager
async def tls_client(url: str, context: ssl.SSLContext) -> AsyncIterator[TlsClient]:
    """ssl.SSLError, ConnectionError: no handshake."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=context)
    try:
        yield TlsClient(reader, writer)
    finally:
        writer.transport.abort()
