"""What the readers of requests know of the members of a content."""

from typing import Final

from fastgate.wire.gemini.shapes import Blob, Content, FileData, FunctionCall, FunctionResponse
from fastgate.wire.unread import Kinds, Known

_RESOLUTION: Final = Known(also=("level",))
_PART: Final = Kinds(
    None,
    {
        "text": Known(also=("text", "thought", "thoughtSignature", "videoMetadata")),
        "functionCall": Known(also=("thoughtSignature", "videoMetadata"), functionCall=Known(FunctionCall)),
        "functionResponse": Known(also=("videoMetadata",), functionResponse=Known(FunctionResponse)),
        "inlineData": Known(
            also=("thoughtSignature", "videoMetadata"),
            inlineData=Known(Blob),
            mediaResolution=_RESOLUTION,
        ),
        "fileData": Known(
            also=("thoughtSignature", "videoMetadata"),
            fileData=Known(FileData),
            mediaResolution=_RESOLUTION,
        ),
    },
)
CONTENT: Final = Known(Content, parts=_PART)
