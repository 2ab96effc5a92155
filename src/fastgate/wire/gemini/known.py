"""What the readers of requests know of the members of a content."""

from typing import Final

from fastgate.wire.gemini.shapes import Content, Part
from fastgate.wire.unread import Known

_DATA: Final = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
CONTENT: Final = Known(Content, parts=Known(Part, needs=_DATA, mediaResolution=Known(also=("level",))))
