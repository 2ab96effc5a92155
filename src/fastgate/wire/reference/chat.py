"""Chat completions: how a request says each feature."""

from typing import Any, Final

from fastgate.wire.reference.samples import (
    ARGUMENTS_TEXT,
    ASKED,
    FILM,
    PAPER,
    PDF,
    PICTURE,
    PIXEL,
    PLAIN,
    SCHEMA,
    SOUND,
    TWO_TEXTS,
    Said,
)

_USER: Final = {"role": "user", "content": ASKED}
_FUNCTION: Final = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
_TOOLS: Final[list[dict[str, Any]]] = [
    {"type": "function", "function": _FUNCTION},
    {"type": "function", "function": {**_FUNCTION, "name": "hear"}},
]
_ANSWER: Final = {"role": "assistant", "content": "It is red."}


def _with(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts, {"type": "text", "text": ASKED}]}]}


def _called(*results: Any) -> dict[str, Any]:
    calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ARGUMENTS_TEXT}}
        for index, name in zip(range(len(results)), ("look", "hear"), strict=False)
    ]
    answers = [
        {"role": "tool", "tool_call_id": f"call_{index}", "content": result}
        for index, result in enumerate(results)
    ]
    call = {"role": "assistant", "content": None, "tool_calls": calls}
    return {"tools": _TOOLS, "messages": [_USER, call, *answers]}


def _chosen(choice: Any) -> dict[str, Any]:
    return {"tools": _TOOLS, "tool_choice": choice}


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _file(data: str, **more: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, **more}}


def _marked(**more: str) -> dict[str, Any]:
    return _with({"type": "text", "text": PLAIN, "cache_control": {"type": "ephemeral", **more}})


PLAIN_REQUEST: Final = {"model": "m", "messages": [_USER]}

SAID: Final[Said] = {
    "system message": {"messages": [{"role": "system", "content": "Be brief."}, _USER]},
    "developer message": {"messages": [{"role": "developer", "content": "Be brief."}, _USER]},
    "system message later on": {
        "messages": [_USER, _ANSWER, {"role": "system", "content": "Be brief."}, _USER]
    },
    "several turns": {"messages": [_USER, _ANSWER, _USER]},
    "image, base64": _with(_image(f"data:image/png;base64,{PIXEL}")),
    "image, URL": _with(_image(PICTURE)),
    "PDF, base64": _with(_file(f"data:application/pdf;base64,{PDF}")),
    "PDF, URL": _with(_file(PAPER)),
    "text document": _with(_file("data:text/plain;base64,QSB0ZXh0IG9mIGl0cyBvd24u")),
    "title of a document": _with(_file(f"data:application/pdf;base64,{PDF}", filename="it")),
    "audio": _with({"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}),
    "video": _with({"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{FILM}"}}),
    "tools": {"tools": _TOOLS},
    "strict tools": {
        "tools": [{**tool, "function": {**tool["function"], "strict": True}} for tool in _TOOLS]
    },
    "tools that take free text": {
        "tools": [{"type": "custom", "custom": {"name": "look", "description": "Looks."}}]
    },
    "tool call and result": _called(PLAIN),
    "parallel calls and results": _called(PLAIN, "Something else."),
    "tool choice: auto": _chosen("auto"),
    "tool choice: none": _chosen("none"),
    "tool choice: any": _chosen("required"),
    "tool choice: one": _chosen({"type": "function", "function": {"name": "look"}}),
    "tool choice: some": _chosen(
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "look"}}],
            },
        }
    ),
    "one call at a time": {**_chosen("auto"), "parallel_tool_calls": False},
    "JSON of any kind": {"response_format": {"type": "json_object"}},
    "JSON by a schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
        }
    },
    "output cap": {"max_completion_tokens": 77},
    "stop sequences": {"stop": ["END"]},
    "temperature": {"temperature": 0.5},
    "temperature above 1": {"temperature": 1.5},
    "`top_p`": {"top_p": 0.5},
    "`top_k`": {"top_k": 5},
    "penalties": {"frequency_penalty": 0.5, "presence_penalty": 0.5},
    "seed": {"seed": 7},
    "several answers": {"n": 2},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "logit bias": {"logit_bias": {"50256": -100}},
    "reasoning effort": {"reasoning_effort": "low"},
    "reasoning budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "reasoning off": {"reasoning_effort": "none"},
    "verbosity": {"verbosity": "low"},
    TWO_TEXTS: _with({"type": "text", "text": PLAIN}),
    "cache marker": _marked(),
    "cache marker, 1 hour": _marked(ttl="1h"),
    "cache key": {"prompt_cache_key": "k"},
    "service tier": {"service_tier": "flex"},
    "end user": {"user": "u"},
    "metadata": {"metadata": {"a": "b"}},
    "a field unknown here": {"brand_new": 1},
}
