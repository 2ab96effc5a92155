"""Answers of the formats that no client speaks, so that nothing of the gateway writes them."""

from collections.abc import Mapping
from typing import Any, Final

from fastgate.domain.format import Format
from fastgate.wire.reference.samples import ARGUMENTS, ARGUMENTS_TEXT, JSON, PLAIN


def _cohere(content: Any = None, *, finish: str = "COMPLETE", cached: int | None = None, **more: Any) -> JSON:
    tokens = {"input_tokens": 1_000, "output_tokens": 500}
    usage: JSON = {"billed_units": tokens, "tokens": tokens}
    if cached is not None:
        usage["cached_tokens"] = cached
    logprobs = more.pop("logprobs", None)
    answer = {
        "id": "answer_1",
        "finish_reason": finish,
        "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": PLAIN}] if content is None else content,
            **more,
        },
        "usage": usage,
    }
    return answer if logprobs is None else {**answer, "logprobs": logprobs}


def _cohere_call(id_: str, name: str) -> JSON:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": ARGUMENTS_TEXT}}


def _ollama(content: str = PLAIN, *, done: str = "stop", logprobs: Any = None, **more: Any) -> JSON:
    answer = {
        "model": "m",
        "created_at": "2026-11-01T00:00:00Z",
        "message": {"role": "assistant", "content": content, **more},
        "done": True,
        "done_reason": done,
        "prompt_eval_count": 1_000,
        "eval_count": 500,
    }
    return answer if logprobs is None else {**answer, "logprobs": logprobs}


def _ollama_call(name: str) -> JSON:
    return {"function": {"name": name, "arguments": ARGUMENTS}}


NATIVE: Final[Mapping[Format, Mapping[str, JSON]]] = {
    Format.COHERE_CHAT: {
        "": _cohere(),
        "tool call": _cohere([], finish="TOOL_CALL", tool_calls=[_cohere_call("call_0", "look")]),
        "parallel calls": _cohere(
            [],
            finish="TOOL_CALL",
            tool_calls=[_cohere_call("call_0", "look"), _cohere_call("call_1", "hear")],
        ),
        "thinking": _cohere([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": PLAIN}]),
        "logprobs": _cohere(logprobs=[{"token_ids": [1], "text": PLAIN, "logprobs": [-0.5]}]),
        "finish: output cap": _cohere(finish="MAX_TOKENS"),
        "usage: from the cache": _cohere(cached=300),
    },
    Format.OLLAMA_CHAT: {
        "": _ollama(),
        "tool call": _ollama("", tool_calls=[_ollama_call("look")]),
        "parallel calls": _ollama("", tool_calls=[_ollama_call("look"), _ollama_call("hear")]),
        "text before a call": _ollama(tool_calls=[_ollama_call("look")]),
        "thinking": _ollama(thinking="Hm."),
        "logprobs": _ollama(logprobs=[{"token": PLAIN, "logprob": -0.5}]),
        "finish: output cap": _ollama(done="length"),
    },
}
"""By feature, "" is the plain one."""
