"""What an endpoint asks of the pipeline."""

from enum import Enum
from typing import NamedTuple

from fastgate.domain.endpoint import Endpoint
from fastgate.observability.catalogue import OTHER


class BodyKind(Enum):
    JSON = "json"
    FORM = "multipart"
    NONE = "none"


class Operation(NamedTuple):
    """`endpoint` is None for what is only refused. `path` is the upstream's, relative to its base URL.
    `binary` answers are relayed as they come.
    """

    endpoint: Endpoint | None
    path: str
    body: BodyKind = BodyKind.JSON
    method: bytes = b"POST"
    binary: bool = False
    usage_in_stream: bool = False

    @property
    def label(self) -> str:
        """Label of metrics and log lines."""
        return OTHER if self.endpoint is None else self.endpoint.value
