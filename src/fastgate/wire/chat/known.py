"""What the reader of requests knows of their members."""

from typing import Final

from fastgate.wire.chat import shapes
from fastgate.wire.unread import Known, Unread

_CACHE: Final = Known(shapes.CacheControl, also=("type",))
_BREAKPOINT: Final = Known(shapes.CacheBreakpoint, also=("mode",))
_CONTENT: Final = Known(
    shapes.ContentPart,
    only=("type", ("text", "image_url", "input_audio", "file", "video_url", "refusal")),
    cache_control=_CACHE,
    prompt_cache_breakpoint=_BREAKPOINT,
)
_CALL: Final = Known(shapes.ToolCall, cache_control=_CACHE)
_MESSAGE: Final = Known(shapes.ChatMessage, content=_CONTENT, tool_calls=_CALL, cache_control=_CACHE)
_TOOL: Final = Known(shapes.ChatTool, kept=True, only=("type", ("function", "custom")), cache_control=_CACHE)
_ALLOWED: Final = Known(shapes.AllowedTools, tools=Known(shapes.AllowedTool, also=("type",)))
_REQUEST: Final = Known(
    shapes.ChatRequest,
    kept=True,
    messages=_MESSAGE,
    tools=_TOOL,
    tool_choice=Known(shapes.NamedChoice, allowed_tools=_ALLOWED),
    stream_options=Known(also=("include_usage",)),
)

UNREAD: Final = Unread(_REQUEST)
