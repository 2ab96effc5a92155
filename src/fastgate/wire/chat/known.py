"""What the reader of requests knows of their members."""

from typing import Final

from fastgate.wire.chat import shapes
from fastgate.wire.unread import Kinds, Known, Unread

_CACHE: Final = Known(shapes.CacheControl, also=("type",))
_POINT: Final = Known(shapes.CacheBreakpoint, also=("mode",))
_TEXT: Final = Known(also=("text",), cache_control=_CACHE, prompt_cache_breakpoint=_POINT)
_IMAGE: Final = Known(image_url=Known(shapes.ImageUrl), cache_control=_CACHE, prompt_cache_breakpoint=_POINT)
_FILE: Final = Known(
    file=Known(shapes.File, one_of=[("file_id", "file_data")]),
    cache_control=_CACHE,
    prompt_cache_breakpoint=_POINT,
)
_SOUND: Final = Known(input_audio=Known(shapes.InputAudio))
_VIDEO: Final = Known(video_url=Known(shapes.VideoUrl))
_REFUSAL: Final = Known(also=("refusal",))
_CONTENT: Final = Kinds(
    "type",
    {
        "text": _TEXT,
        "image_url": _IMAGE,
        "file": _FILE,
        "input_audio": _SOUND,
        "video_url": _VIDEO,
        "refusal": _REFUSAL,
    },
)
_CALL: Final = Known(shapes.ToolCall, cache_control=_CACHE)
_THOUGHT: Final = Kinds(
    "type",
    {
        "thinking": Known(also=("thinking", "signature")),
        "redacted_thinking": Known(also=("data",)),
    },
)
_SAID: Final = Known(also=("name",), content=_CONTENT, cache_control=_CACHE)
_RESULT: Final = Known(also=("name", "tool_call_id"), content=_CONTENT, cache_control=_CACHE)
_ANSWER: Final = Known(
    also=("name", "refusal", "audio", "reasoning_content", "reasoning"),
    one_of=[("reasoning_content", "reasoning")],
    content=_CONTENT,
    cache_control=_CACHE,
    tool_calls=_CALL,
    function_call=Known(shapes.FunctionCall),
    thinking_blocks=_THOUGHT,
)
_MESSAGE: Final = Kinds(
    "role",
    {
        "system": _SAID,
        "developer": _SAID,
        "user": _SAID,
        "assistant": _ANSWER,
        "tool": _RESULT,
        "function": _SAID,
    },
)
_TOOL: Final = Kinds(
    "type",
    {
        "function": Known(kept=True, function=Known(shapes.Function), cache_control=_CACHE),
        "custom": Known(kept=True, custom=Known(shapes.CustomTool), cache_control=_CACHE),
    },
)
_ALLOWED: Final = Known(shapes.AllowedTools, tools=Known(shapes.AllowedTool, also=("type",)))
_CHOICE: Final = Kinds(
    "type",
    {
        "function": Known(function=Known(shapes.Named)),
        "custom": Known(custom=Known(shapes.Named)),
        "allowed_tools": Known(allowed_tools=_ALLOWED),
    },
)
_REQUEST: Final = Known(
    shapes.ChatRequest,
    one_of=[
        ("max_completion_tokens", "max_tokens"),
        ("tools", "functions"),
        ("tool_choice", "function_call"),
        ("user", "safety_identifier"),
    ],
    kept=True,
    messages=_MESSAGE,
    tools=_TOOL,
    tool_choice=_CHOICE,
    stream_options=Known(also=("include_usage",)),
)

UNREAD: Final = Unread(_REQUEST)
