"""Where a call goes: scheme, host and port, and how they are reached. The key of a connection pool."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastgate.domain.snapshot import Network
from fastgate.upstream.head import VISIBLE_ASCII

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, repr=False)
class Origin:
    """Connections are shared by calls whose origins are equal, `network` included.

    `host` is an ASCII name or an address without brackets. `authority` is the value for `Host`.
    """

    scheme: str
    host: str
    port: int
    network: Network = field(default_factory=Network)
    authority: bytes = field(init=False, compare=False)
    _hash: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        authority = host_and_port(self.host, None if self.port == DEFAULT_PORTS[self.scheme] else self.port)
        object.__setattr__(self, "authority", authority)
        # Hashing the twelve fields of `network` for each call would cost a microsecond.
        object.__setattr__(self, "_hash", hash((self.scheme, self.host, self.port, self.network)))

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        """Without the network, whose proxy may carry a password."""
        return f"Origin({self.scheme}://{host_and_port(self.host, self.port).decode()})"

    @staticmethod
    def parse(base_url: str, network: Network) -> "tuple[Origin, str]":
        """Split an http(s) URL into its origin and its path without a slash at the end.

        Raises ValueError, whose message does not repeat the URL.
        """
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError:
            raise ValueError("the URL has an invalid host or port") from None
        if parts.scheme not in DEFAULT_PORTS:
            raise ValueError("the URL must start with http:// or https://")
        if parts.username is not None or parts.password is not None:
            raise ValueError("the URL must not contain a user name or password")
        if "?" in base_url or "#" in base_url:
            raise ValueError("the URL must not contain a query or a fragment")
        if parts.path.encode().translate(None, VISIBLE_ASCII):
            raise ValueError("the path of the URL must be percent-encoded ASCII")
        host = ascii_host(parts.hostname)
        return (
            Origin(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port, network),
            parts.path.rstrip("/"),
        )


def ascii_host(host: str | None) -> str:
    """The host as it goes onto the wire and to the resolver. Raises ValueError."""
    if not host:
        raise ValueError("the URL has no host")
    try:
        encoded = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the URL has an invalid host") from None
    if encoded.startswith(".") or encoded.encode().translate(None, VISIBLE_ASCII):
        raise ValueError("the URL has an invalid host")
    return encoded


def host_and_port(host: str, port: int | None) -> bytes:
    """`host[:port]`, an IPv6 address in brackets."""
    name = f"[{host}]" if ":" in host else host
    return (name if port is None else f"{name}:{port}").encode()
