"""From an origin to an open connection: address, TCP, the proxy's tunnel, TLS."""

import asyncio
import socket
from collections.abc import Mapping

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.connection import Connection
from fastgate.upstream.dns import Resolver
from fastgate.upstream.origin import Origin
from fastgate.upstream.proxy import Proxy, proxy_for
from fastgate.upstream.tcp import open_socket
from fastgate.upstream.tls import TlsContexts, handshake_error
from fastgate.upstream.tunnel import Tunnel


class Connector:
    """Opens connections. Whatever fails or is cancelled leaves nothing open."""

    def __init__(self, environ: Mapping[str, str], resolver: Resolver) -> None:
        self._environ = environ
        self._resolver = resolver
        self._tls = TlsContexts()

    async def connect(self, origin: Origin, timeout_s: float) -> Connection:
        """Raises UpstreamError: DNS, CONNECT_REFUSED, CONNECT_TIMEOUT, TLS, PROTOCOL (of a proxy)."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(origin)
        except TimeoutError:
            raise UpstreamError(
                FailureKind.CONNECT_TIMEOUT, f"not connected within {timeout_s:g} s"
            ) from None

    async def _connect(self, origin: Origin) -> Connection:
        network = origin.network
        try:
            proxy = proxy_for(origin, self._environ)
        except ValueError as exc:
            raise UpstreamError(FailureKind.CONNECT_REFUSED, str(exc)) from None
        context = await self._tls.get(network) if origin.scheme == "https" else None
        host, port = (origin.host, origin.port) if proxy is None else (proxy.host, proxy.port)
        addresses = await self._resolver.resolve(host, port, network.dns_ttl_s)
        sock = await open_socket(addresses)

        loop = asyncio.get_running_loop()
        connection = Connection()
        if context is None:
            connection.proxy = proxy
            await _adopt(sock, connection)
            return connection
        server_hostname = network.server_hostname or origin.host
        transport: asyncio.BaseTransport | None = None
        try:
            if proxy is None:
                await loop.create_connection(
                    lambda: connection, sock=sock, ssl=context, server_hostname=server_hostname
                )
            else:
                transport = await _open_tunnel(sock, origin, proxy)
                secured = await loop.start_tls(
                    transport, connection, context, server_hostname=server_hostname
                )
                assert secured is not None
                connection.connection_made(secured)
        except BaseException as exc:
            connection.close()
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            sock.close()
            if isinstance(exc, OSError) and not isinstance(exc, TimeoutError):
                raise handshake_error(exc) from None
            raise
        return connection


async def _adopt(sock: socket.socket, protocol: asyncio.Protocol) -> asyncio.Transport:
    """Hand a connected socket to the loop; its owner is the transport from now on."""
    try:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
    return transport


async def _open_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy) -> asyncio.Transport:
    tunnel = Tunnel()
    transport = await _adopt(sock, tunnel)
    try:
        transport.write(proxy.connect_request(origin))
        await tunnel.established
    except BaseException:
        transport.abort()
        raise
    return transport
