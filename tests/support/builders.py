"""Bodies in OpenAI's wire format, and the HTTP/1.1 bytes around them: what a scripted upstream sends."""

import gzip
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

Headers = Sequence[tuple[str, str]]

JSON_TYPE = ("content-type", "application/json")
SSE_TYPE = ("content-type", "text/event-stream")
DONE = b"data: [DONE]\n\n"


def usage(prompt_tokens: int = 10, completion_tokens: int = 3) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def chat_completion(text: str = "Hello there", model: str = "gpt-4o", **usage_counts: int) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": usage(**usage_counts),
        "service_tier": "default",
    }


def chat_chunk(
    delta: dict[str, Any] | None, model: str = "gpt-4o", finish_reason: str | None = None, **extra: Any
) -> dict[str, Any]:
    """One chunk; `delta=None` gives the usage chunk's empty `choices`."""
    choices = []
    if delta is not None:
        choices.append({"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason})
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "choices": choices,
        **extra,
    }


def chat_events(
    pieces: Iterable[str] = ("Hello", " there"), model: str = "gpt-4o", *, with_usage: bool = True
) -> list[bytes]:
    """A whole stream, an event an item: role, pieces, finish, usage, `[DONE]`."""
    events = [chat_chunk({"role": "assistant", "content": "", "refusal": None}, model)]
    events += [chat_chunk({"content": piece}, model) for piece in pieces]
    events.append(chat_chunk({}, model, "stop"))
    if with_usage:
        events.append(chat_chunk(None, model, usage=usage()))
    return [sse(event) for event in events] + [DONE]


def error_body(
    message: str = "The server had an error.",
    type: str = "server_error",
    code: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event with `data` as JSON."""
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + msgspec.json.encode(data) + b"\n\n"


def head(status: int, headers: Headers, reason: str = "X") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {reason}\r\n{lines}\r\n".encode("latin-1")


def response(status: int, body: Any, headers: Headers = ()) -> bytes:
    """A response with Content-Length; a body that isn't bytes is sent as JSON."""
    if isinstance(body, bytes):
        data = body
    else:
        data = msgspec.json.encode(body)
        headers = (JSON_TYPE, *headers)
    return head(status, (*headers, ("content-length", str(len(data))))) + data


def gzipped(status: int, body: Any, headers: Headers = ()) -> bytes:
    data = gzip.compress(msgspec.json.encode(body))
    return response(status, data, (JSON_TYPE, ("content-encoding", "gzip"), *headers))


def stream_head(headers: Headers = ()) -> bytes:
    return head(200, (SSE_TYPE, ("transfer-encoding", "chunked"), *headers))


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def split(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
