"""The halves of formats that have no streams: embeddings and rankings come whole."""

from typing import Final, NoReturn

from fastgate.errors import GatewayError
from fastgate.wire.beside import NOTHING
from fastgate.wire.interface import Asked


class UnstreamedClient:
    """What `ClientFormat` wants for streams."""

    stream_type = b""
    takes_comments: Final = False

    def stream_writer(self, asked: Asked) -> NoReturn:
        """GatewayError `invalid_field`."""
        raise GatewayError("invalid_field", "This endpoint has no streams.", param="stream")


class UnstreamedProvider:
    """What `ProviderFormat` wants for streams."""

    beside = NOTHING

    def stream_reader(self) -> NoReturn:
        """TypeError: no request in this format asks for a stream."""
        raise TypeError("this format has no streams")

    def splitter(self, limit: int) -> NoReturn:
        """TypeError, as `stream_reader`."""
        raise TypeError("this format has no streams")

    def json_in(self, event: bytes) -> NoReturn:
        """TypeError, as `stream_reader`."""
        raise TypeError("this format has no streams")
