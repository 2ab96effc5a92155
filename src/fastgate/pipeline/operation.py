"""What an endpoint asks of the pipeline."""

from enum import Enum

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import Format
from fastgate.observability.catalogue import OTHER


class BodyKind(Enum):
    JSON = "json"
    FORM = "multipart"
    NONE = "none"


class Operation:
    """`endpoint` is None for what no provider is asked. `path` is the upstream's, relative to its base URL.
    `format` is the one of its body, where that can be translated into another; `errors` the one that its
    errors are written in. `streams` is None where the body says whether it streams. `binary` answers are
    relayed as they come. `label` is for metrics and log lines.
    """

    __slots__ = (
        "_endpoint",
        "binary",
        "body",
        "errors",
        "format",
        "label",
        "method",
        "path",
        "streams",
        "usage_in_stream",
    )

    def __init__(
        self,
        endpoint: Endpoint | None,
        path: str,
        body: BodyKind = BodyKind.JSON,
        method: bytes = b"POST",
        *,
        format: Format | None = None,  # the word of the field
        errors: Format | None = None,
        streams: bool | None = None,
        binary: bool = False,
        usage_in_stream: bool = False,
        label: str = OTHER,
    ) -> None:
        self._endpoint = endpoint
        self.path = path
        self.body = body
        self.method = method
        self.format = format
        self.errors = errors or format or Format.CHAT
        self.streams = streams
        self.binary = binary
        self.usage_in_stream = usage_in_stream
        self.label: str = label if endpoint is None else endpoint.value

    @property
    def endpoint(self) -> Endpoint:
        """For the phases behind the router: what has no endpoint is refused there."""
        assert self._endpoint is not None
        return self._endpoint
