"""A provider that speaks Anthropic's Messages."""

from typing import Any

from tests.support.builders import sse
from tests.support.upstreams.script import JSON, Heard, Say, as_json, halves


class MessagesUpstream:
    name, dialect, model = "up_messages", "anthropic", "claude-sonnet-4-6"
    base_path, stream_type = "", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return {"input_tokens": 10, "output_tokens": 3} if say.usage is None else say.usage

    def _blocks(self, say: Say) -> list[JSON]:
        blocks: list[JSON] = []
        if say.thinking:
            blocks.append({"type": "thinking", "thinking": say.thinking, "signature": say.signature})
        if say.text:
            blocks.append({"type": "text", "text": say.text, "citations": None})
        blocks += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
            for call in say.calls
        ]
        return blocks

    def whole(self, say: Say) -> JSON:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": self._blocks(say),
            "stop_reason": "tool_use" if say.calls else "end_turn",
            "stop_sequence": None,
            "usage": self._usage(say),
        }

    def payloads(self, say: Say) -> list[JSON]:
        usage = self._usage(say)
        started = {**self.whole(say), "content": [], "stop_reason": None}
        started["usage"] = usage and {**usage, "output_tokens": 1}
        out: list[JSON] = [{"type": "message_start", "message": started}, {"type": "ping"}]
        for index, block in enumerate(self._blocks(say)):
            empty, deltas = _opened(block)
            out.append({"type": "content_block_start", "index": index, "content_block": empty})
            out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            out.append({"type": "content_block_stop", "index": index})
        reason = "tool_use" if say.calls else "end_turn"
        delta = {"stop_reason": reason, "stop_sequence": None}
        out.append({"type": "message_delta", "delta": delta, "usage": usage})
        return [*out, {"type": "message_stop"}]

    def stream(self, say: Say) -> list[bytes]:
        return [sse(payload, payload["type"]) for payload in self.payloads(say)]

    def heard(self, body: JSON) -> list[Heard]:
        out = [Heard("system", "text", text) for text in _texts(body.get("system"))]
        for message in body["messages"]:
            role, content = message["role"], message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            out += [_heard_block(role, block) for block in blocks]
        return out

    def cap(self, body: JSON) -> int | None:
        return body.get("max_tokens")

    def problem(self, message: str) -> JSON:
        return {"type": "error", "error": {"type": "api_error", "message": message}, "request_id": "req_1"}


def _opened(block: JSON) -> tuple[JSON, list[JSON]]:
    match block["type"]:
        case "text":
            pieces = [{"type": "text_delta", "text": piece} for piece in halves(block["text"])]
            return {**block, "text": ""}, pieces
        case "thinking":
            pieces = [{"type": "thinking_delta", "thinking": piece} for piece in halves(block["thinking"])]
            pieces.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, pieces
        case _:
            pieces = [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in halves(as_json(block["input"]))
            ]
            return {**block, "input": {}}, pieces


def _texts(content: Any) -> list[str]:
    return [content] if isinstance(content, str) else [each["text"] for each in content or ()]


def _heard_block(role: str, block: JSON) -> Heard:
    match block["type"]:
        case "text":
            return Heard(role, "text", block["text"])
        case "image":
            return Heard(role, "image", block["source"]["data"])
        case "thinking":
            return Heard(role, "thinking", block["thinking"], signature=block["signature"])
        case "tool_use":
            return Heard(role, "call", id=block["id"], name=block["name"], arguments=block["input"])
        case "tool_result":
            text = "".join(_texts(block.get("content")))
            is_error = block.get("is_error", False)
            return Heard(role, "result", text, id=block["tool_use_id"], is_error=is_error)
        case kind:
            raise AssertionError(kind)
