"""`fastgate health`: for the health check of a container, and for scripts that wait for the gateway."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from fastgate.cli.errors import CommandError, UsageError
from fastgate.cli.options import ConfigOption

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from fastgate.cli.written import Written

_PATH: Final = "/health/ready"
_LARGEST_ANSWER: Final = 4096


class _Address(NamedTuple):
    host: str
    port: int | None
    tls: bool
    prefix: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' * self.tls}://{host}{port}{self.prefix}"


def health(
    url: Annotated[
        str | None,
        typer.Option(help="Where the gateway is; default is the address that the configuration names."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=600, metavar="SECONDS", help="How long it may take to answer.")
    ] = 2.0,
    config: ConfigOption = None,
) -> None:
    """Ask the gateway whether it takes requests: exit code 0 if it does, 1 if not, with the reason.

    No proxy is used, and a certificate is not checked: it need not name the address that is asked.
    """
    refusal = ""
    for address in _configured(config) if url is None else [_parsed(url)]:
        refusal = _refusal(address, timeout)
        if not refusal:
            print(f"{address}: ready")
            return
    raise CommandError(refusal)


def _refusal(address: _Address, timeout: float) -> str:
    """Why the gateway takes no requests there, "" where it does."""
    from http.client import HTTPException

    connection = _connection(address, timeout)
    try:
        connection.request("GET", address.prefix + _PATH)
        answer = connection.getresponse()
        body = answer.read(_LARGEST_ANSWER)
    except TimeoutError:
        return f"{address}: no answer within {timeout:g} s"
    except (OSError, HTTPException) as error:
        return f"{address}: {getattr(error, 'strerror', None) or error}"
    finally:
        connection.close()
    if answer.status == 200:
        return ""
    return f"{address}: not ready: {_status(body) or f'{_PATH} is answered with {answer.status}'}"


def _connection(address: _Address, timeout: float) -> "HTTPConnection":
    from http.client import HTTPConnection, HTTPSConnection

    if not address.tls:
        return HTTPConnection(address.host, address.port, timeout=timeout)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(address.host, address.port, timeout=timeout, context=context)


def _status(body: bytes) -> str:
    """What the gateway's own answer says, "" if it is none of it."""
    import msgspec

    try:
        return msgspec.json.decode(body, type=dict[str, str]).get("status", "")
    except msgspec.MsgspecError:
        return ""


def _parsed(url: str) -> _Address:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--url {url}: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--url {url}: that is no URL such as http://127.0.0.1:8080")
    return _Address(host, port, parts.scheme == "https", parts.path.rstrip("/"))


def _configured(config: Path | None) -> "list[_Address]":
    """Where the gateway listens. A file that somebody has broken or removed does not make a gateway sick that
    runs on: then the environment says where, as it does in the container, and HTTPS is tried as well as HTTP.
    Only `--config` has to name one that can be opened."""
    from fastgate.cli.written import Unreadable, Written

    try:
        written = Written.read(config)
    except (Unreadable, OSError) as error:
        if config is not None and isinstance(error, OSError):
            raise
        written = Written.environment()
        return [_address(written, tls) for tls in (False, True)]
    return [_address(written, written.find("server", "tls") is not None)]


def _address(written: "Written", tls: bool) -> _Address:
    from ipaddress import ip_address

    from fastgate.config.server_settings import Server

    default = Server()
    host = written.find("server", "host")
    host = default.host if host is None else str(host)
    try:
        if (address := ip_address(host)).is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    except ValueError:
        pass  # a name
    port = written.find("server", "port")
    try:
        number = default.port if port is None else int(port)
    except (TypeError, ValueError):
        raise CommandError(f"{written.source} does not say which port the gateway has: give --url") from None
    if number == 0:
        raise CommandError("the gateway chose its port itself: give --url")
    return _Address(host, number, tls)
