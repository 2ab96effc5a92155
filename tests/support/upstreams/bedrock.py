"""Bedrock: Converse, and InvokeModel with Claude."""

import base64
import struct
from typing import Any
from zlib import crc32

import msgspec
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.script import JSON, Heard, Say, as_json, halves

EVENT_STREAM = "application/vnd.amazon.eventstream"


def frame(payload: Any, name: str, kind: str = "event") -> bytes:
    """One of AWS' event streams."""
    headers = b""
    pairs = ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind))
    for key, value in pairs:
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    checked = prelude + struct.pack(">I", crc32(prelude)) + headers + data
    return checked + struct.pack(">I", crc32(checked))


class ConverseUpstream:
    name, dialect, model = "up_converse", "bedrock", "amazon.nova-pro-v1:0"
    base_path, stream_type = "", EVENT_STREAM

    def _usage(self, say: Say) -> JSON:
        return {"inputTokens": 10, "outputTokens": 3, "totalTokens": 13} if say.usage is None else say.usage

    def whole(self, say: Say) -> JSON:
        content: list[JSON] = []
        if say.thinking:
            thought = {"text": say.thinking, "signature": say.signature}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if say.text:
            content.append({"text": say.text})
        content += [
            {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}
            for call in say.calls
        ]
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "tool_use" if say.calls else "end_turn",
            "usage": self._usage(say),
            "metrics": {"latencyMs": 1},
        }

    def stream(self, say: Say) -> list[bytes]:
        out = [frame({"role": "assistant"}, "messageStart")]
        index = 0

        def block(start: JSON | None, deltas: list[JSON]) -> None:
            nonlocal index
            if start is not None:
                out.append(frame({"contentBlockIndex": index, "start": start}, "contentBlockStart"))
            said = [{"contentBlockIndex": index, "delta": delta} for delta in deltas]
            out.extend(frame(each, "contentBlockDelta") for each in said)
            out.append(frame({"contentBlockIndex": index}, "contentBlockStop"))
            index += 1

        if say.thinking:
            thoughts: list[JSON] = [{"text": piece} for piece in halves(say.thinking)]
            thoughts.append({"signature": say.signature})
            block(None, [{"reasoningContent": thought} for thought in thoughts])
        if say.text:
            block(None, [{"text": piece} for piece in halves(say.text)])
        for call in say.calls:
            pieces = [{"toolUse": {"input": piece}} for piece in halves(as_json(call.arguments))]
            block({"toolUse": {"toolUseId": call.id, "name": call.name}}, pieces)
        out.append(frame({"stopReason": "tool_use" if say.calls else "end_turn"}, "messageStop"))
        out.append(frame({"usage": self._usage(say), "metrics": {"latencyMs": 1}}, "metadata"))
        return out

    def heard(self, body: JSON) -> list[Heard]:
        out = [Heard("system", "text", block["text"]) for block in body.get("system") or ()]
        for message in body["messages"]:
            out += [self._heard(message["role"], block) for block in message["content"]]
        return out

    def _heard(self, role: str, block: JSON) -> Heard:
        ((kind, value),) = block.items()
        match kind:
            case "text":
                return Heard(role, "text", value)
            case "image":
                return Heard(role, "image", value["source"]["bytes"])
            case "reasoningContent":
                thought = value["reasoningText"]
                return Heard(role, "thinking", thought["text"], signature=thought.get("signature", ""))
            case "toolUse":
                return Heard(
                    role, "call", id=value["toolUseId"], name=value["name"], arguments=value["input"]
                )
            case "toolResult":
                text = "".join(each.get("text") or as_json(each["json"]) for each in value["content"])
                is_error = value.get("status") == "error"
                return Heard(role, "result", text, id=value["toolUseId"], is_error=is_error)
            case _:
                raise AssertionError(kind)

    def cap(self, body: JSON) -> int | None:
        return (body.get("inferenceConfig") or {}).get("maxTokens")

    def problem(self, message: str) -> JSON:
        return {"message": message}


class ClaudeConverseUpstream(ConverseUpstream):
    name, model = "up_claude_converse", "anthropic.claude-sonnet-4-6"


class InvokeUpstream(MessagesUpstream):
    """Claude on Bedrock, by InvokeModel: what clients of the Messages API are taken to."""

    name, dialect, model = "up_invoke", "bedrock", "anthropic.claude-sonnet-4-6"
    stream_type = EVENT_STREAM

    def stream(self, say: Say) -> list[bytes]:
        return [self.chunked(payload) for payload in self.payloads(say)]

    def chunked(self, payload: JSON) -> bytes:
        encoded = base64.b64encode(msgspec.json.encode(payload)).decode()
        return frame({"bytes": encoded}, "chunk")

    def problem(self, message: str) -> JSON:
        return {"message": message}
