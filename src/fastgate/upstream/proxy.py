"""HTTP proxies: which one an origin is reached through, and what has to be said to it."""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastgate.domain.url import authority, proxy_url
from fastgate.upstream.origin import Origin

NO_PROXY_AT_ALL: Final = "none"


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """`authorization` is the line `proxy-authorization: …` with its CRLF, or empty."""

    host: str
    port: int
    authorization: bytes = b""

    def __repr__(self) -> str:
        """Without the password."""
        return f"Proxy({authority(self.host, self.port)})"

    @staticmethod
    def parse(url: str) -> "Proxy":
        """`http://[user:password@]host[:port]`. Raises ValueError, whose message repeats nothing of it."""
        try:
            host, port, userinfo = proxy_url(url)
        except ValueError as exc:
            raise ValueError(f"the proxy cannot be used: {exc}") from None
        authorization = b""
        if userinfo is not None:
            authorization = b"proxy-authorization: Basic %b\r\n" % base64.b64encode(userinfo.encode())
        return Proxy(host, port, authorization)

    def absolute_form(self, origin: Origin, head: bytes) -> bytes:
        """A request's head as the proxy of an http origin wants it (RFC 9112 3.2.2)."""
        method, _, rest = head.partition(b" ")
        target, _, rest = rest.partition(b" ")
        version, _, headers = rest.partition(b"\r\n")
        return b"%b http://%b%b %b\r\n%b%b" % (
            method,
            origin.authority,
            target,
            version,
            self.authorization,
            headers,
        )

    def connect_request(self, origin: Origin) -> bytes:
        """The request for a tunnel to an https origin (RFC 9110 9.3.6)."""
        target = authority(origin.host, origin.port).encode()
        return b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, self.authorization)


def proxy_for(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """The origin's own setting, else HTTPS_PROXY or HTTP_PROXY unless NO_PROXY matches.

    Lower-case names win, as with curl. The environment's proxy is not used for loopback addresses.
    Raises ValueError for a proxy that cannot be used.
    """
    url = origin.network.proxy
    if url is None:
        name = f"{origin.scheme}_proxy"
        url = environ.get(name) or environ.get(name.upper())
        no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        if url and (_is_loopback(origin.host) or _bypassed(origin, no_proxy)):
            url = None
    return Proxy.parse(url) if url and url != NO_PROXY_AT_ALL else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _bypassed(origin: Origin, no_proxy: str) -> bool:
    """Names match with their subdomains; also `*`, `host:port`, addresses and CIDR blocks."""
    address = _address(origin.host)
    for raw in no_proxy.lower().split(","):
        entry = raw.strip()
        if entry == "*":
            return True
        if address is not None and "/" in entry:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        name, colon, port = entry.rpartition(":")
        if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
            if int(port) != origin.port:
                continue
            entry = name
        entry = entry.strip("[]").lstrip("*").lstrip(".")
        if entry and (origin.host == entry or origin.host.endswith(f".{entry}")):
            return True
    return False
