"""The public listening socket, made once and inherited by every worker.

It listens from the start: what connects while a worker is being replaced waits in the queue that all
workers share, and a second gateway on the port is found out at once.
"""

import errno
import ipaddress
import socket

from fastgate.supervisor.errors import StartError


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Bind `host` (a name or an address, v4 or v6) and listen. Raises StartError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as exc:
        raise StartError(f"server.host: {host} is no address of this machine ({exc})") from exc
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it: a streamed token must not wait for the next one.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise StartError(_reason(exc, host, port)) from exc
    return listener


def _reason(exc: OSError, host: str, port: int) -> str:
    match exc.errno:
        case errno.EADDRINUSE:
            return f"{host}:{port} is in use by another program: stop that one, or set server.port"
        case errno.EACCES:
            return f"server.port: no permission to listen on port {port}; use one above 1023"
        case _:
            return f"cannot listen on {host}:{port}: {exc.strerror}"


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """Where the socket is reached, with the port that it really has."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def local_url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """A URL that works on this machine, also where the socket is bound to all addresses."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host.partition("%")[0])
    if not address.is_unspecified:
        return url_of(listener, tls=tls)
    return f"{'https' if tls else 'http'}://{'127.0.0.1' if address.version == 4 else '[::1]'}:{port}"
