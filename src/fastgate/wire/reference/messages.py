"""Messages: how a request says each feature."""

from typing import Any, Final

from fastgate.wire.reference.samples import (
    ARGUMENTS,
    ASKED,
    PAPER,
    PDF,
    PICTURE,
    PIXEL,
    PLAIN,
    SCHEMA,
    TWO_TEXTS,
    Said,
)

_USER: Final = {"role": "user", "content": ASKED}
_TOOL: Final = {"name": "look", "description": "Looks.", "input_schema": SCHEMA}
_TOOLS: Final = [_TOOL, {**_TOOL, "name": "hear"}]
_ANSWER: Final = {"role": "assistant", "content": "It is red."}
_PIXEL: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
_TEXT: Final = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": PLAIN},
}


def _with(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": ASKED}]}]}


def _called(*results: Any, **more: Any) -> dict[str, Any]:
    calls = [
        {"type": "tool_use", "id": f"call_{index}", "name": name, "input": ARGUMENTS}
        for index, name in zip(range(len(results)), ("look", "hear"), strict=False)
    ]
    answers = [
        {"type": "tool_result", "tool_use_id": f"call_{index}", "content": result, **more}
        for index, result in enumerate(results)
    ]
    turns = [_USER, {"role": "assistant", "content": calls}, {"role": "user", "content": answers}]
    return {"tools": _TOOLS, "messages": turns}


def _chosen(kind: str, **more: Any) -> dict[str, Any]:
    return {"tools": _TOOLS, "tool_choice": {"type": kind, **more}}


def _marked(**more: str) -> dict[str, Any]:
    return _with({"type": "text", "text": PLAIN, "cache_control": {"type": "ephemeral", **more}})


PLAIN_REQUEST: Final = {"model": "m", "max_tokens": 4096, "messages": [_USER]}

SAID: Final[Said] = {
    "system message": {"system": "Be brief."},
    "system message later on": {
        "messages": [_USER, _ANSWER, {"role": "system", "content": "Be brief."}, _USER]
    },
    "several turns": {"messages": [_USER, _ANSWER, _USER]},
    "image, base64": _with(_PIXEL),
    "image, URL": _with({"type": "image", "source": {"type": "url", "url": PICTURE}}),
    "PDF, base64": _with(
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    ),
    "PDF, URL": _with({"type": "document", "source": {"type": "url", "url": PAPER}}),
    "text document": _with(_TEXT),
    "title of a document": _with({**_TEXT, "title": "it"}),
    "tools": {"tools": _TOOLS},
    "strict tools": {"tools": [{**tool, "strict": True} for tool in _TOOLS]},
    "the provider's own tools": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "tool call and result": _called(PLAIN),
    "parallel calls and results": _called(PLAIN, "Something else."),
    "failed tool": _called(PLAIN, is_error=True),
    "image in a tool result": _called([_PIXEL]),
    "tool choice: auto": _chosen("auto"),
    "tool choice: none": _chosen("none"),
    "tool choice: any": _chosen("any"),
    "tool choice: one": _chosen("tool", name="look"),
    "one call at a time": _chosen("auto", disable_parallel_tool_use=True),
    "JSON by a schema": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "output cap": {"max_tokens": 77},
    "stop sequences": {"stop_sequences": ["END"]},
    "temperature": {"temperature": 0.5},
    "`top_p`": {"top_p": 0.5},
    "`top_k`": {"top_k": 5},
    "reasoning effort": {"output_config": {"effort": "low"}},
    "reasoning budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "reasoning off": {"thinking": {"type": "disabled"}},
    TWO_TEXTS: _with({"type": "text", "text": PLAIN}),
    "cache marker": _marked(),
    "cache marker, 1 hour": _marked(ttl="1h"),
    "citations of a document": _with({**_TEXT, "citations": {"enabled": True}}),
    "service tier": {"service_tier": "standard_only"},
    "end user": {"metadata": {"user_id": "u"}},
    "a field unknown here": {"brand_new": 1},
}
