"""What the reader of requests knows of the members of content blocks."""

from typing import Final

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


CACHE_POINT: Final = Known(shapes.CachePoint)
BLOCK: Final = Known(
    _Block, kept=True, toolResult=Known(shapes.ToolResultBlock, content=Known(_Block, kept=True))
)
