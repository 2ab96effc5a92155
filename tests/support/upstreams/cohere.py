"""Cohere's chat."""

from typing import Any

import msgspec
from tests.support.builders import sse
from tests.support.upstreams.script import JSON, Call, Heard, Say, as_json, halves


class CohereUpstream:
    name, dialect, model = "up_cohere", "cohere", "command-a-reasoning-08-2025"
    base_path, stream_type = "", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        counts = {"input_tokens": 10, "output_tokens": 3}
        return {"billed_units": counts, "tokens": counts} if say.usage is None else say.usage

    def _call(self, call: Call) -> JSON:
        function = {"name": call.name, "arguments": as_json(call.arguments)}
        return {"id": call.id, "type": "function", "function": function}

    def whole(self, say: Say) -> JSON:
        content: list[JSON] = []
        if say.thinking:
            content.append({"type": "thinking", "thinking": say.thinking})
        if say.text:
            content.append({"type": "text", "text": say.text})
        message: JSON = {"role": "assistant", "content": content}
        if say.calls:
            message["tool_calls"] = [self._call(call) for call in say.calls]
        reason = "TOOL_CALL" if say.calls else "COMPLETE"
        return {"id": "c-1", "finish_reason": reason, "message": message, "usage": self._usage(say)}

    def stream(self, say: Say) -> list[bytes]:
        out: list[JSON] = [
            {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}}
        ]
        texts = [(kind, text) for kind, text in (("thinking", say.thinking), ("text", say.text)) if text]
        for index, (kind, text) in enumerate(texts):
            out.append(self._content("start", index, {"type": kind, kind: ""}))
            out += [self._content("delta", index, {kind: piece}) for piece in halves(text)]
            out.append({"type": "content-end", "index": index})
        for index, call in enumerate(say.calls):
            whole = self._call(call)
            first, rest = halves(whole["function"]["arguments"])
            whole["function"] = {"name": call.name, "arguments": ""}
            out.append(self._tool("start", index, whole))
            for piece in (first, rest):
                out.append(self._tool("delta", index, {"function": {"arguments": piece}}))
            out.append({"type": "tool-call-end", "index": index})
        reason = "TOOL_CALL" if say.calls else "COMPLETE"
        out.append({"type": "message-end", "delta": {"finish_reason": reason, "usage": self._usage(say)}})
        return [sse(event, event["type"]) for event in out]

    def _content(self, what: str, index: int, content: JSON) -> JSON:
        return {"type": f"content-{what}", "index": index, "delta": {"message": {"content": content}}}

    def _tool(self, what: str, index: int, call: JSON) -> JSON:
        return {"type": f"tool-call-{what}", "index": index, "delta": {"message": {"tool_calls": call}}}

    def heard(self, body: JSON) -> list[Heard]:
        out: list[Heard] = []
        for message in body["messages"]:
            role, content = message["role"], message.get("content")
            if role == "tool":
                out.append(Heard("user", "result", "".join(_documents(content)), id=message["tool_call_id"]))
                content = None
            parts: list[JSON] = (
                [{"type": "text", "text": content}] if isinstance(content, str) else content or []
            )
            for part in parts:
                match part["type"]:
                    case "text":
                        out.append(Heard(role, "text", part["text"]))
                    case "thinking":
                        out.append(Heard(role, "thinking", part["thinking"]))
                    case "image_url":
                        out.append(Heard(role, "image", part["image_url"]["url"].rpartition(",")[2]))
                    case kind:
                        raise AssertionError(kind)
            for call in message.get("tool_calls") or ():
                function = call["function"]
                arguments = msgspec.json.decode(function["arguments"])
                out.append(Heard(role, "call", id=call["id"], name=function["name"], arguments=arguments))
        return out

    def cap(self, body: JSON) -> int | None:
        return body.get("max_tokens")

    def problem(self, message: str) -> JSON:
        return {"id": "c-1", "message": message}


def _documents(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [each["text"] if each["type"] == "text" else each["document"]["data"] for each in content]
