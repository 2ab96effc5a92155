"""POST /embeddings: unit vectors that depend on the input only, as floats or base64."""

import base64
import hashlib
import math
import struct
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fastgate.sim.reply import Reply, json_reply
from fastgate.sim.request import Request, converted
from fastgate.sim.usage import text_tokens

_DIMENSIONS = 256


class EmbeddingsBody(msgspec.Struct):
    model: str
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[int, Meta(ge=1, le=4096)] | None = None


_Inputs = Annotated[list[str | list[int]], Meta(min_length=1)]
_decoder = msgspec.json.Decoder(EmbeddingsBody)


def embeddings(request: Request) -> Reply:
    body = request.decode(_decoder)
    request.check_model(body.model)
    inputs = _inputs(body.input)
    tokens = sum(text_tokens(item) if isinstance(item, str) else len(item) for item in inputs)
    dimensions = body.dimensions or _DIMENSIONS
    vectors = [_vector(msgspec.json.encode(item), dimensions) for item in inputs]
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, body.encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_reply({"object": "list", "data": data, "model": body.model, "usage": usage})


def _inputs(given: str | list[Any]) -> list[str | list[int]]:
    """A text, texts, token ids, or arrays of token ids."""
    if isinstance(given, str):
        return [given]
    if given and all(isinstance(item, int) for item in given):
        return [given]
    return converted(given, _Inputs, "input")


@lru_cache(maxsize=256)
def _vector(key: bytes, dimensions: int) -> tuple[float, ...]:
    raw = hashlib.shake_128(key).digest(dimensions)
    values = [byte - 127.5 for byte in raw]  # never zero, so the norm isn't either
    norm = math.sqrt(sum(value * value for value in values))
    return tuple(value / norm for value in values)


def _encoded(vector: tuple[float, ...], encoding_format: str | None) -> str | tuple[float, ...]:
    if encoding_format != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
