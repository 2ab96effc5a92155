"""A provider that speaks OpenAI's chat completions."""

import msgspec
from tests.support.builders import sse
from tests.support.upstreams.script import JSON, Heard, Say, as_json, halves


class ChatUpstream:
    name, dialect, model = "up_chat", "openai", "gpt-4o-2024-08-06"
    base_path, stream_type = "/v1", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return (
            {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}
            if say.usage is None
            else say.usage
        )

    def whole(self, say: Say) -> JSON:
        message: JSON = {"role": "assistant", "content": say.text or None, "refusal": None}
        if say.thinking:
            message["reasoning_content"] = say.thinking
        if say.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": as_json(call.arguments)},
                }
                for call in say.calls
            ]
        reason = "tool_calls" if say.calls else "stop"
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            "usage": self._usage(say),
        }

    def stream(self, say: Say) -> list[bytes]:
        deltas: list[JSON] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": piece} for piece in halves(say.thinking) if piece]
        deltas += [{"content": piece} for piece in halves(say.text) if piece]
        for index, call in enumerate(say.calls):
            first, rest = halves(as_json(call.arguments))
            function = {"name": call.name, "arguments": ""}
            deltas.append(
                {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
            )
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in (first, rest)
            ]
        out = [sse(self._chunk([self._choice(delta)])) for delta in deltas]
        out.append(sse(self._chunk([self._choice({}, "tool_calls" if say.calls else "stop")])))
        out.append(sse({**self._chunk([]), "usage": self._usage(say)}))
        return [*out, b"data: [DONE]\n\n"]

    def _choice(self, delta: JSON, reason: str | None = None) -> JSON:
        return {"index": 0, "delta": delta, "finish_reason": reason}

    def _chunk(self, choices: list[JSON]) -> JSON:
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self.model,
            "choices": choices,
        }

    def heard(self, body: JSON) -> list[Heard]:
        out: list[Heard] = []
        for message in body["messages"]:
            role, content = message["role"], message.get("content")
            if message.get("reasoning_content"):
                out.append(Heard(role, "thinking", message["reasoning_content"]))
            if role == "tool":
                text = content if isinstance(content, str) else "".join(each["text"] for each in content)
                out.append(Heard("user", "result", text, id=message["tool_call_id"]))
                content = None
            parts: list[JSON] = (
                [{"type": "text", "text": content}] if isinstance(content, str) else content or []
            )
            for part in parts:
                if part["type"] == "image_url":
                    out.append(Heard(role, "image", part["image_url"]["url"].rpartition(",")[2]))
                elif part["text"]:
                    out.append(Heard(role, "text", part["text"]))
            for call in message.get("tool_calls") or ():
                function = call["function"]
                google = (call.get("extra_content") or {}).get("google") or {}
                out.append(
                    Heard(
                        role,
                        "call",
                        id=call["id"],
                        name=function["name"],
                        arguments=msgspec.json.decode(function["arguments"]),
                        signature=google.get("thought_signature", ""),
                    )
                )
        return out

    def cap(self, body: JSON) -> int | None:
        return body.get("max_completion_tokens", body.get("max_tokens"))

    def problem(self, message: str) -> JSON:
        return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
