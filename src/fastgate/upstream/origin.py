"""Where a call goes: scheme, host and port, and how they are reached. The key of a connection pool."""

from dataclasses import dataclass, field

from fastgate.domain.snapshot import Network
from fastgate.domain.url import DEFAULT_PORTS, authority, base_url


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
        host = authority(self.host, None if self.port == DEFAULT_PORTS[self.scheme] else self.port)
        object.__setattr__(self, "authority", host.encode())
        # Hashing the fields of `network` for each call would cost a microsecond.
        object.__setattr__(self, "_hash", hash((self.scheme, self.host, self.port, self.network)))

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        """Without the network, whose proxy may carry a password."""
        return f"Origin({self.scheme}://{authority(self.host, self.port)})"

    @staticmethod
    def parse(url: str, network: Network) -> "tuple[Origin, str]":
        """Split a base URL into its origin and its path without a slash at the end.

        Raises ValueError, whose message does not repeat the URL.
        """
        scheme, host, port, path = base_url(url)
        return Origin(scheme, host, port, network), path
