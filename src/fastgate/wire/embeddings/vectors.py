"""Vectors as base64: 32-bit floats, the low byte first."""

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest

Vector = tuple[float, ...]


def to_base64(vector: Sequence[float]) -> str:
    """A number beyond the range of 32 bits becomes infinity, as casting it does."""
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except OverflowError:
        packed = struct.pack(f"<{len(vector)}f", *(_narrowed(value) for value in vector))
    return b64encode(packed).decode()


def from_base64(text: str) -> Vector:
    """ValueError: not base64, or not of whole floats."""
    packed = b64decode(text, validate=True)
    if len(packed) % 4:
        raise ValueError(f"{len(packed)} bytes are no whole number of floats")
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def floats_of(reply: EmbeddingReply) -> tuple[Vector, ...]:
    """The vectors of floats; those of another type where the provider gave no other."""
    vectors = reply.vectors
    return vectors["float"] if "float" in vectors else next(iter(vectors.values()), ())


def asked_types(request: EmbeddingRequest) -> tuple[str, ...]:
    """The types to ask a provider for: base64 is made here, from floats."""
    types = ["float" if each == "base64" else each for each in request.types]
    return tuple(dict.fromkeys(types)) or ("float",)


def _narrowed(value: float) -> float:
    limit = 3.4028234663852886e38
    return value if -limit <= value <= limit else float("inf") * (1 if value > 0 else -1)
