"""What a response repeats of its request: all members that strict clients want, as OpenAI's API fills in what
the client left out."""

from typing import Any, Final

import msgspec

from fastgate.wire.interface import raw
from fastgate.wire.reading import MEMBERS, Members

_tools: Final = msgspec.json.Decoder(list[Members])

_REASONING: Final[dict[str, Any]] = {"effort": None, "summary": None}
_TEXT: Final[dict[str, Any]] = {"format": {"type": "text"}}
_FUNCTION: Final[dict[str, Any]] = {"description": None, "parameters": None, "strict": None}

UNSAID: Final[dict[str, Any]] = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": _REASONING,
    "safety_identifier": None,
    "temperature": 1.0,
    "text": _TEXT,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def echo_of(members: Members) -> Members:
    """Of a request's members, which are of the right types. Copied: the body that they are part of is large,
    and a stream may be long."""
    echo = {name: members[name].copy() for name in UNSAID if bytes(members.get(name, b"null")) != b"null"}
    for name, whole in (("reasoning", _REASONING), ("text", _TEXT)):
        if name in echo:
            echo[name] = raw({**whole, **MEMBERS.decode(echo[name])})
    if "tools" in echo:
        echo["tools"] = raw([_tool(tool) for tool in _tools.decode(echo["tools"])])
    return echo


def _tool(tool: Members) -> dict[str, Any]:
    return {**_FUNCTION, **tool} if bytes(tool.get("type", b"")) == b'"function"' else tool
