"""The configured virtual keys as they are handed to whoever stores them."""

from typing import NamedTuple

from fastgate.domain.virtual_key import VirtualKey
from fastgate.store.keys import SecretRecord


class CompiledKeys(NamedTuple):
    """`secrets` pairs each digest with its record, whose source is the configuration."""

    keys: tuple[VirtualKey, ...]
    secrets: tuple[tuple[bytes, SecretRecord], ...]
    warnings: tuple[str, ...]
