"""Requests for chat completions whose translations are compared."""

from typing import Any

ASKED = {"role": "user", "content": "What is the weather in Bern?"}
SYSTEM = {"role": "system", "content": "Be brief."}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
PDF = "JVBERi0xLjQKJSVFT0YK"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": f"Gets the {name}.", "parameters": SCHEMA},
    }
    for name in ("weather", "time")
]


def _call(index: int, name: str) -> dict[str, Any]:
    function = {"name": name, "arguments": '{"city": "Bern"}'}
    return {"id": f"call_{index}", "type": "function", "function": function}


def _with(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]}


PLAIN = {"messages": [ASKED], "max_tokens": 100}

REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "system": {"messages": [SYSTEM, ASKED]},
    "several turns": {
        "messages": [SYSTEM, ASKED, {"role": "assistant", "content": "Which Bern?"}, ASKED],
    },
    "sampling": {"temperature": 0.5, "top_p": 0.9},
    "stop": {"stop": ["END", "STOP"]},
    "end user": {"user": "u-1"},
    "tools": {"tools": TOOLS},
    "choice auto": {"tools": TOOLS, "tool_choice": "auto"},
    "choice none": {"tools": TOOLS, "tool_choice": "none"},
    "choice any": {"tools": TOOLS, "tool_choice": "required"},
    "choice one": {
        "tools": TOOLS,
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    },
    "one call at a time": {"tools": TOOLS, "parallel_tool_calls": False},
    "tool loop": {
        "tools": TOOLS,
        "messages": [
            ASKED,
            {"role": "assistant", "content": "One moment.", "tool_calls": [_call(0, "weather")]},
            {"role": "tool", "tool_call_id": "call_0", "content": "sunny"},
        ],
    },
    "parallel loop": {
        "tools": TOOLS,
        "messages": [
            ASKED,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [_call(0, "weather"), _call(1, "time")],
            },
            {"role": "tool", "tool_call_id": "call_0", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
        ],
    },
    "image": _with({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}),
    "document": _with(
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "it.pdf"}}
    ),
    "cache marker": {
        "messages": [
            {
                "role": "system",
                "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            },
            ASKED,
        ]
    },
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        }
    },
    "effort": {"reasoning_effort": "low", "max_tokens": 4000},
    "budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4000},
}
"""By name; each takes the place of members of `PLAIN`."""
