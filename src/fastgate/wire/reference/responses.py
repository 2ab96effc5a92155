"""Responses: how a request says each feature."""

from typing import Any, Final

from fastgate.wire.reference.samples import (
    ARGUMENTS_TEXT,
    ASKED,
    PAPER,
    PDF,
    PICTURE,
    PIXEL,
    PLAIN,
    SCHEMA,
    Said,
)

_USER: Final = {"role": "user", "content": ASKED}
_FUNCTION: Final = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": SCHEMA,
    "strict": False,
}
_TOOLS: Final = [_FUNCTION, {**_FUNCTION, "name": "hear"}]
_ANSWER: Final = {"role": "assistant", "content": "It is red."}


def _with(*parts: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [*parts, {"type": "input_text", "text": ASKED}]}]}


def _called(*results: Any) -> dict[str, Any]:
    calls = [
        {"type": "function_call", "call_id": f"call_{index}", "name": name, "arguments": ARGUMENTS_TEXT}
        for index, name in zip(range(len(results)), ("look", "hear"), strict=False)
    ]
    outputs = [
        {"type": "function_call_output", "call_id": f"call_{index}", "output": result}
        for index, result in enumerate(results)
    ]
    return {"tools": _TOOLS, "input": [_USER, *calls, *outputs]}


def _chosen(choice: Any) -> dict[str, Any]:
    return {"tools": _TOOLS, "tool_choice": choice}


PLAIN_REQUEST: Final = {"model": "m", "input": [_USER]}

SAID: Final[Said] = {
    "system message": {"instructions": "Be brief."},
    "developer message": {"input": [{"role": "developer", "content": "Be brief."}, _USER]},
    "system message later on": {"input": [_USER, _ANSWER, {"role": "system", "content": "Be brief."}, _USER]},
    "several turns": {"input": [_USER, _ANSWER, _USER]},
    "image, base64": _with({"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}),
    "image, URL": _with({"type": "input_image", "image_url": PICTURE}),
    "PDF, base64": _with({"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"}),
    "PDF, URL": _with({"type": "input_file", "file_url": PAPER}),
    "text document": _with(
        {
            "type": "input_file",
            "file_data": "data:text/plain;base64,QSB0ZXh0IG9mIGl0cyBvd24u",
        }
    ),
    "title of a document": _with(
        {"type": "input_file", "filename": "it", "file_data": f"data:application/pdf;base64,{PDF}"}
    ),
    "tools": {"tools": _TOOLS},
    "strict tools": {"tools": [{**tool, "strict": True} for tool in _TOOLS]},
    "tools that take free text": {"tools": [{"type": "custom", "name": "look", "description": "Looks."}]},
    "the provider's own tools": {"tools": [{"type": "web_search"}]},
    "tool call and result": _called(PLAIN),
    "parallel calls and results": _called(PLAIN, "Something else."),
    "image in a tool result": _called(
        [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]
    ),
    "tool choice: auto": _chosen("auto"),
    "tool choice: none": _chosen("none"),
    "tool choice: any": _chosen("required"),
    "tool choice: one": _chosen({"type": "function", "name": "look"}),
    "tool choice: some": _chosen(
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    ),
    "one call at a time": {**_chosen("auto"), "parallel_tool_calls": False},
    "JSON of any kind": {"text": {"format": {"type": "json_object"}}},
    "JSON by a schema": {
        "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}
    },
    "output cap": {"max_output_tokens": 77},
    "temperature": {"temperature": 0.5},
    "temperature above 1": {"temperature": 1.5},
    "`top_p`": {"top_p": 0.5},
    "logprobs": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "reasoning effort": {"reasoning": {"effort": "low"}},
    "reasoning off": {"reasoning": {"effort": "none"}},
    "verbosity": {"text": {"verbosity": "low"}},
    "cache key": {"prompt_cache_key": "k"},
    "service tier": {"service_tier": "flex"},
    "end user": {"user": "u"},
    "metadata": {"metadata": {"a": "b"}},
    "a field unknown here": {"brand_new": 1},
}
