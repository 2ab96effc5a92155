"""What an endpoint asks of the pipeline."""

from enum import Enum
from typing import NamedTuple

from fastgate.domain.endpoint import Endpoint


class BodyKind(Enum):
    JSON = "json"
    FORM = "multipart"
    NONE = "none"


class Operation(NamedTuple):
    """`path` is the upstream's, relative to its base URL. `binary` answers are relayed as they come."""

    endpoint: Endpoint
    path: str
    body: BodyKind = BodyKind.JSON
    method: bytes = b"POST"
    binary: bool = False
    usage_in_stream: bool = False
