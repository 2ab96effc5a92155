"""Content codings of a provider that compresses although identity was asked for."""

import zlib
from typing import Final

from fastgate.domain.failure import FailureKind, UpstreamError

_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS


class Decoder:
    """Inflates a stream piece by piece; a caller's bound on the output holds whatever the input says."""

    __slots__ = ("_gzip", "_inflate", "_tail", "pending")

    def __init__(self, coding: bytes) -> None:
        """`coding` is the value of Content-Encoding. Raises UpstreamError (PROTOCOL) unless it is one of
        gzip and deflate."""
        name = coding.strip().lower()
        self._tail = b""
        self.pending = False
        self._inflate: zlib._Decompress | None = None
        self._gzip = name in {b"gzip", b"x-gzip"}
        if not self._gzip and name != b"deflate":
            raise UpstreamError(FailureKind.PROTOCOL, "the response has an unknown content encoding")

    def decode(self, data: bytes, max_output: int) -> bytes:
        """At most `max_output` bytes. `pending` says afterwards that the next call may give more even
        without new data. Raises UpstreamError (PROTOCOL).
        """
        if self._tail:
            data = self._tail + data
        if not data and not self.pending:
            return b""
        if self._inflate is None:
            # "deflate" means zlib's format (RFC 9110 8.4.1.2), but some senders leave its header out.
            wbits = _GZIP if self._gzip else _ZLIB if data[0] & 0x8F == 0x08 else _RAW
            self._inflate = zlib.decompressobj(wbits)
        try:
            output = self._inflate.decompress(data, max_output)
        except zlib.error:
            raise UpstreamError(FailureKind.PROTOCOL, "the compressed response is corrupt") from None
        if self._inflate.unused_data:
            raise UpstreamError(FailureKind.PROTOCOL, "data after the end of the compressed response")
        self._tail = self._inflate.unconsumed_tail
        # A full output buffer may have left more inside the inflater, with no input left over.
        self.pending = len(output) == max_output
        return output

    def finish(self) -> None:
        """The input is complete. Raises UpstreamError (PROTOCOL) if the stream inside it is not."""
        if self._inflate is not None and not self._inflate.eof:
            raise UpstreamError(FailureKind.PROTOCOL, "the compressed response is truncated")


def decoder_for(index: dict[bytes, bytes]) -> Decoder | None:
    """What a response with these headers needs. Raises UpstreamError (PROTOCOL)."""
    coding = index.get(b"content-encoding", b"")
    return None if coding.strip().lower() in {b"", b"identity"} else Decoder(coding)
