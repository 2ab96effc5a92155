"""TLS contexts: built off the event loop and kept, because loading the system's CAs is expensive."""

import asyncio
import os
import ssl
from typing import NamedTuple

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network
from fastgate.observability import log


class _Material(NamedTuple):
    ca_file: str | None
    client_cert: str | None
    client_key: str | None
    verify: bool


_Stamp = tuple[tuple[int, int, int], ...]


class _Built(NamedTuple):
    """`stamp` is of the files as they were looked at last."""

    context: ssl.SSLContext
    stamp: _Stamp


class TlsContexts:
    """One context for each set of CAs, client certificate and verification.

    Files are looked at for each new connection: a renewed certificate is used from the next one on. One
    that cannot be used leaves the former in use.
    """

    def __init__(self) -> None:
        self._built: dict[_Material, _Built] = {}
        self._building = asyncio.Lock()

    async def get(self, network: Network) -> ssl.SSLContext:
        """Raises UpstreamError (TLS) if a file cannot be used."""
        material = _Material(
            network.ca_file, network.client_cert, network.client_key, verify=network.verify_tls
        )
        stamp = await _stamp(material)
        built = self._built.get(material)
        if built is None or built.stamp != stamp:
            async with self._building:
                built = self._built.get(material)
                if built is None or built.stamp != stamp:
                    built = self._built[material] = _Built(await self._renewed(material, built), stamp)
        return built.context

    @staticmethod
    async def _renewed(material: _Material, former: _Built | None) -> ssl.SSLContext:
        try:
            return await asyncio.to_thread(_build, material)
        except UpstreamError as exc:
            if former is None:
                raise
            log.event("warning", "changed TLS files cannot be used; the former stay", reason=exc.message)
            return former.context


async def _stamp(material: _Material) -> _Stamp:
    """Changes when a file does. Not on the event loop: they may be on a network's file system."""
    paths = [path for path in (material.ca_file, material.client_cert, material.client_key) if path]
    return await asyncio.to_thread(lambda: tuple(map(_stamp_of, paths))) if paths else ()


def _stamp_of(path: str) -> tuple[int, int, int]:
    """Of a file that is not there as of one that was never changed: reading it tells what is wrong."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino


def _build(material: _Material) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=material.ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise UpstreamError(FailureKind.TLS, f"network.ca_file cannot be used: {_reason(exc)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not material.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if material.client_cert is not None:
        try:
            context.load_cert_chain(material.client_cert, material.client_key)
        except (OSError, ssl.SSLError) as exc:
            raise UpstreamError(
                FailureKind.TLS, f"network.client_cert or client_key cannot be used: {_reason(exc)}"
            ) from None
    return context


def handshake_error(exc: OSError) -> UpstreamError:
    """What a client is told about a failed handshake."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return UpstreamError(FailureKind.TLS, f"the certificate is not trusted: {exc.verify_message}")
    return UpstreamError(FailureKind.TLS, f"the TLS handshake failed: {_reason(exc)}")


def _reason(exc: OSError) -> str:
    """OpenSSL's or the system's constant text, without names of files."""
    if isinstance(exc, ssl.SSLError) and exc.reason:
        return exc.reason.lower().replace("_", " ")
    return exc.strerror or "the peer closed the connection"
