"""What `fastgate models` tells about a model."""

import msgspec

from fastgate.domain.snapshot import Snapshot


class ModelReport(msgspec.Struct, frozen=True):
    """`groups` are deployment ids, in the order in which groups are tried."""

    model: str
    groups: list[list[str]]
    endpoints: list[str]


def collect(snapshot: Snapshot) -> list[ModelReport]:
    """The public models by name, then `provider/*` for providers that accept any name."""
    return []
