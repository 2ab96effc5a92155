"""The methods that stand behind a model in the path."""

from typing import Final

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.providers.interface import RequestPlan
from fastgate.wire.pieces import Body

ALT_SSE: Final = "alt=sse"


class _Batch(msgspec.Struct):
    requests: msgspec.Raw = msgspec.Raw()


_batches: Final = msgspec.json.Decoder(_Batch)


def content_verb(plan: RequestPlan) -> str:
    """For contents in and out."""
    if plan.endpoint is Endpoint.CONTENT_TOKENS:
        return "countTokens"
    return "streamGenerateContent" if plan.stream else "generateContent"


def embed_verb(body: Body) -> str:
    """The body alone tells one content from a batch."""
    return "batchEmbedContents" if bytes(_batches.decode(bytes(body)).requests) else "embedContent"
