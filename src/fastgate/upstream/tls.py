"""TLS contexts: built off the event loop, and once, because loading the system's CAs is expensive."""

import asyncio
import ssl
from typing import NamedTuple

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network


class _Material(NamedTuple):
    ca_file: str | None
    client_cert: str | None
    client_key: str | None
    verify: bool


class TlsContexts:
    """One context for each set of CAs, client certificate and verification."""

    def __init__(self) -> None:
        self._contexts: dict[_Material, ssl.SSLContext] = {}
        self._building = asyncio.Lock()

    async def get(self, network: Network) -> ssl.SSLContext:
        """Raises UpstreamError (TLS) if a file cannot be used."""
        material = _Material(
            network.ca_file, network.client_cert, network.client_key, verify=network.verify_tls
        )
        context = self._contexts.get(material)
        if context is not None:
            return context
        async with self._building:
            context = self._contexts.get(material)
            if context is None:
                context = await asyncio.to_thread(_build, material)
                self._contexts[material] = context
        return context


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
