"""What the reader of requests knows of the members of content blocks."""

from typing import Any, Final

import msgspec

from fastgate.wire.converse import shapes
from fastgate.wire.unread import Known


class _Block(msgspec.Struct):
    """A union; a block of any other kind is kept whole."""

    image: shapes.MediaBlock
    video: shapes.MediaBlock
    audio: shapes.MediaBlock
    document: shapes.DocumentBlock
    toolUse: shapes.ToolUseBlock
    reasoningContent: shapes.ReasoningBlock
    citationsContent: shapes.CitationsBlock
    cachePoint: shapes.CachePoint


_SOURCE: Final = Known(shapes.Bytes, one_of=[("bytes", "s3Location")])
_FILE: Final = Known(shapes.MediaBlock, source=_SOURCE)
_DOCUMENT: Final = Known(
    shapes.DocumentBlock,
    source=Known(shapes.DocumentSource, one_of=[("text", "bytes", "s3Location", "content")]),
)
CACHE_POINT: Final = Known(shapes.CachePoint)
_KINDS: Final[dict[str, Any]] = {
    "image": _FILE,
    "video": _FILE,
    "audio": _FILE,
    "document": _DOCUMENT,
    "reasoningContent": Known(shapes.ReasoningBlock, one_of=[("redactedContent", "reasoningText")]),
}
BLOCK: Final = Known(
    _Block,
    kept=True,
    toolResult=Known(shapes.ToolResultBlock, content=Known(_Block, kept=True, **_KINDS)),
    **_KINDS,
)
