"""Ollama."""

from typing import Any

import msgspec
from tests.support.upstreams.script import JSON, Heard, Say, halves


class OllamaUpstream:
    """Calls have no ids."""

    name, dialect, model = "up_ollama", "ollama", "qwen3"
    base_path, stream_type = "", "application/x-ndjson"

    def _line(self, message: JSON, **more: Any) -> JSON:
        return {
            "model": self.model,
            "created_at": "2026-11-24T12:00:00Z",
            "message": {"role": "assistant", "content": "", **message},
            "done": False,
            **more,
        }

    def _end(self, say: Say) -> JSON:
        counts = {"prompt_eval_count": 10, "eval_count": 3} if say.usage is None else say.usage
        return {"done": True, "done_reason": "stop", "total_duration": 5, **counts}

    def _calls(self, say: Say) -> list[JSON]:
        return [{"function": {"name": call.name, "arguments": call.arguments}} for call in say.calls]

    def whole(self, say: Say) -> JSON:
        message: JSON = {"content": say.text}
        if say.thinking:
            message["thinking"] = say.thinking
        if say.calls:
            message["tool_calls"] = self._calls(say)
        return self._line(message, **self._end(say))

    def stream(self, say: Say) -> list[bytes]:
        lines: list[JSON] = [{"thinking": piece} for piece in halves(say.thinking) if piece]
        lines += [{"content": piece} for piece in halves(say.text) if piece]
        messages = [*lines, *({"tool_calls": [call]} for call in self._calls(say))]
        out = [self._line(message) for message in messages]
        return [msgspec.json.encode(line) + b"\n" for line in (*out, self._line({}, **self._end(say)))]

    def heard(self, body: JSON) -> list[Heard]:
        out: list[Heard] = []
        for message in body["messages"]:
            role = message["role"]
            if message.get("thinking"):
                out.append(Heard(role, "thinking", message["thinking"]))
            if role == "tool":
                out.append(Heard("user", "result", message["content"], name=message.get("tool_name", "")))
            elif message.get("content"):
                out.append(Heard(role, "text", message["content"]))
            out += [Heard(role, "image", image) for image in message.get("images") or ()]
            for call in message.get("tool_calls") or ():
                function = call["function"]
                out.append(Heard(role, "call", name=function["name"], arguments=function["arguments"]))
        return out

    def cap(self, body: JSON) -> int | None:
        return (body.get("options") or {}).get("num_predict")

    def problem(self, message: str) -> JSON:
        return {"error": message}
