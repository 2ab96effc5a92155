"""What aimock answers, in its own format; the first match wins."""

from typing import Any

_USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
_REPORT = '{"city":"Paris","degrees":21}'


def _error(status: int, message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": code}, "status": status}


FIXTURES: list[dict[str, Any]] = [
    {
        "match": {"model": "no-such-model"},
        "response": _error(404, "no such model", "invalid_request_error", "model_not_found"),
    },
    {
        "match": {"userMessage": "RATE"},
        "response": {**_error(429, "slow down", "rate_limit_error"), "retryAfter": 1},
    },
    {"match": {"userMessage": "BAD"}, "response": _error(400, "bad request", "invalid_request_error")},
    {
        "match": {"userMessage": "weather", "hasToolResult": False},
        "response": {"toolCalls": [{"id": "call_1", "name": "get_weather", "arguments": {"city": "Paris"}}]},
    },
    {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "Sunny."}},
    {"match": {"userMessage": "structured"}, "response": {"content": _REPORT, "usage": _USAGE}},
    {"match": {"endpoint": "transcription"}, "response": {"transcription": {"text": "Good morning."}}},
    {"match": {"endpoint": "speech"}, "response": {"audio": "UklGRgAAAABXQVZF", "format": "wav"}},
    {"match": {"endpoint": "image"}, "response": {"images": [{"b64Json": "iVBORw0KGgo="}]}},
    {
        "match": {"endpoint": "chat"},
        "response": {"content": "Hello! Grüße, 你好 🦊. This text is cut into chunks.", "usage": _USAGE},
    },
]
