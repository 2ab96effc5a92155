"""The URLs of providers and proxies: one rule for the configuration's check and for the connection."""

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_LABEL: Final = re.compile(r"[a-z0-9_~-]{1,63}")
_MAX_HOST: Final = 253
_PATH: Final = re.compile(r"[\x21-\x7e]*")


class BaseUrl(NamedTuple):
    """`host` is an ASCII name or an address without brackets; `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        """The URL in one spelling: ASCII, lower-case host, no default port, no slash at the end."""
        host = authority(self.host, None if self.port == DEFAULT_PORTS[self.scheme] else self.port)
        return f"{self.scheme}://{host}{self.path}"


class ProxyUrl(NamedTuple):
    """`userinfo` is `user:password`, unquoted; None where the URL has none."""

    host: str
    port: int
    userinfo: str | None


def base_url(url: str) -> BaseUrl:
    """Split the URL that paths are put behind. ValueError, whose message repeats nothing of it."""
    parts, port = _split(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("the URL must start with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL must not contain a user name or password")
    if "?" in url or "#" in url:
        raise ValueError("the URL must not contain a query or a fragment")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("the path of the URL must be percent-encoded ASCII")
    return BaseUrl(parts.scheme, _host(parts), port or DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))


def proxy_url(url: str) -> ProxyUrl:
    """Split `http://[user:password@]host[:port]`. ValueError, whose message repeats nothing of it."""
    parts, port = _split(url if "://" in url else f"http://{url}")
    if parts.scheme != "http":
        raise ValueError("only http:// proxies are supported: the URL is `http://host:port`")
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        raise ValueError("the URL of a proxy ends with its port: `http://host:port`")
    userinfo = None
    if parts.username is not None:
        userinfo = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return ProxyUrl(_host(parts), port or DEFAULT_PORTS["http"], userinfo)


def authority(host: str, port: int | None) -> str:
    """`host[:port]`, an IPv6 address in brackets."""
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _split(url: str) -> tuple[SplitResult, int | None]:
    # urlsplit would take some of these out without a word
    if any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError("the URL must not contain spaces or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the URL has an invalid host or port") from None
    if port == 0:
        raise ValueError("the URL has an invalid host or port")
    return parts, port


def _host(parts: SplitResult) -> str:
    """The host as it goes onto the wire and to the resolver."""
    host = parts.hostname
    if not host:
        raise ValueError("the URL has no host")
    try:
        if ":" in host:
            ipaddress.IPv6Address(host)
            return host
        encoded = host if host.isascii() else host.encode("idna").decode()
    except ValueError:  # a UnicodeError is one
        raise ValueError("the URL has an invalid host") from None
    labels = encoded.removesuffix(".").split(".")
    if len(encoded) > _MAX_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("the URL has an invalid host")
    return encoded
