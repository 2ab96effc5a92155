"""Providers of every format: what each answers for a neutral script, and what it was told, neutrally read.

Written by hand from the vendors' documents, and by nothing of `fastgate`.
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from zlib import crc32

import msgspec
from tests.support.builders import LAST_CHUNK, chunk, head, response, sse
from tests.support.fake_provider import Request
from tests.support.replies import Reply, reply

JSON = dict[str, Any]


@dataclass(frozen=True)
class Call:
    id: str
    name: str
    arguments: JSON


@dataclass(frozen=True)
class Say:
    """An answer. `usage` is what the vendor's own usage object says, instead of the usual 10 and 3 tokens."""

    text: str = ""
    thinking: str = ""
    signature: str = ""
    calls: tuple[Call, ...] = ()
    usage: JSON | None = None


@dataclass(frozen=True)
class Heard:
    """One part of a conversation. `kind`: text, image, thinking, call, result."""

    role: str
    kind: str
    text: str = ""
    id: str = ""
    name: str = ""
    signature: str = ""
    is_error: bool = False
    arguments: JSON = field(default_factory=dict)


class Upstream(Protocol):
    """`path` of its answers, whole and streamed."""

    name: str
    dialect: str
    model: str
    base_path: str
    stream_type: str

    def whole(self, say: Say) -> JSON: ...

    def stream(self, say: Say) -> list[bytes]:
        """The events, each whole; the last one is terminal."""

    def heard(self, body: JSON) -> list[Heard]: ...

    def cap(self, body: JSON) -> int | None:
        """The bound on its output."""

    def problem(self, message: str) -> JSON:
        """The body of an error."""


def answer(upstream: Upstream, say: Say, *, stream: bool) -> Reply:
    if not stream:
        return reply(response(200, upstream.whole(say)))
    return events(upstream, upstream.stream(say))


def events(upstream: Upstream, stream: Sequence[bytes], *after: Any) -> Reply:
    """A stream of these events, and then `after` in the place of the regular end."""
    start = head(200, (("content-type", upstream.stream_type), ("transfer-encoding", "chunked")))
    return reply(start, *(chunk(event) for event in stream), *(after or (LAST_CHUNK,)))


def heard(upstream: Upstream, request: Request) -> list[Heard]:
    return upstream.heard(request.json())


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


# --- OpenAI's chat completions -------------------------------------------------------------------------


class ChatUpstream:
    name, dialect, model = "up_chat", "openai", "gpt-4o-2024-08-06"
    base_path, stream_type = "/v1", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return say.usage or {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}

    def whole(self, say: Say) -> JSON:
        message: JSON = {"role": "assistant", "content": say.text or None, "refusal": None}
        if say.thinking:
            message["reasoning_content"] = say.thinking
        if say.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": _json(call.arguments)},
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
        deltas += [{"reasoning_content": piece} for piece in _halves(say.thinking) if piece]
        deltas += [{"content": piece} for piece in _halves(say.text) if piece]
        for index, call in enumerate(say.calls):
            first, rest = _halves(_json(call.arguments))
            function = {"name": call.name, "arguments": ""}
            deltas.append(
                {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
            )
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in (first, rest)
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
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
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


# --- Anthropic's Messages ------------------------------------------------------------------------------


class MessagesUpstream:
    name, dialect, model = "up_messages", "anthropic", "claude-sonnet-4-6"
    base_path, stream_type = "", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return say.usage or {"input_tokens": 10, "output_tokens": 3}

    def _blocks(self, say: Say) -> list[JSON]:
        blocks: list[JSON] = []
        if say.thinking:
            blocks.append({"type": "thinking", "thinking": say.thinking, "signature": say.signature})
        if say.text:
            blocks.append({"type": "text", "text": say.text, "citations": None})
        for call in say.calls:
            blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
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
        started["usage"] = {**usage, "output_tokens": 1}
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
            for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                out.append(_heard_block(role, block))
        return out

    def cap(self, body: JSON) -> int | None:
        return body.get("max_tokens")

    def problem(self, message: str) -> JSON:
        return {"type": "error", "error": {"type": "api_error", "message": message}, "request_id": "req_1"}


def _opened(block: JSON) -> tuple[JSON, list[JSON]]:
    match block["type"]:
        case "text":
            pieces = [{"type": "text_delta", "text": piece} for piece in _halves(block["text"])]
            return {**block, "text": ""}, pieces
        case "thinking":
            pieces = [
                {"type": "thinking_delta", "thinking": piece} for piece in _halves(block["thinking"])
            ]
            pieces.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, pieces
        case _:
            pieces = [
                {"type": "input_json_delta", "partial_json": piece} for piece in _halves(_json(block["input"]))
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


# --- Bedrock ------------------------------------------------------------------------------------------

EVENT_STREAM = "application/vnd.amazon.eventstream"


def frame(payload: Any, name: str, kind: str = "event") -> bytes:
    """One of AWS' event streams."""
    headers = b""
    for key, value in ((f":{kind}-type", name), (":content-type", "application/json"), (":message-type", kind)):
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    checked = prelude + struct.pack(">I", crc32(prelude)) + headers + data
    return checked + struct.pack(">I", crc32(checked))


class ConverseUpstream:
    name, dialect, model = "up_converse", "bedrock", "amazon.nova-pro-v1:0"
    base_path, stream_type = "", EVENT_STREAM

    def _usage(self, say: Say) -> JSON:
        return say.usage or {"inputTokens": 10, "outputTokens": 3, "totalTokens": 13}

    def whole(self, say: Say) -> JSON:
        content: list[JSON] = []
        if say.thinking:
            thought = {"text": say.thinking, "signature": say.signature}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if say.text:
            content.append({"text": say.text})
        for call in say.calls:
            content.append({"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}})
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
            for delta in deltas:
                out.append(frame({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta"))
            out.append(frame({"contentBlockIndex": index}, "contentBlockStop"))
            index += 1

        if say.thinking:
            thoughts: list[JSON] = [{"text": piece} for piece in _halves(say.thinking)]
            thoughts.append({"signature": say.signature})
            block(None, [{"reasoningContent": thought} for thought in thoughts])
        if say.text:
            block(None, [{"text": piece} for piece in _halves(say.text)])
        for call in say.calls:
            pieces = [{"toolUse": {"input": piece}} for piece in _halves(_json(call.arguments))]
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
                text = "".join(each.get("text") or _json(each["json"]) for each in value["content"])
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


# --- Gemini -------------------------------------------------------------------------------------------


class GeminiUpstream:
    """Calls have no ids, as from the Gemini API itself."""

    name, dialect, model = "up_gemini", "gemini", "gemini-2.5-flash"
    base_path, stream_type = "/v1beta", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        return say.usage or {"promptTokenCount": 10, "candidatesTokenCount": 3, "totalTokenCount": 13}

    def _parts(self, say: Say) -> list[JSON]:
        """The signature is on the first call, else on the text."""
        parts: list[JSON] = []
        if say.thinking:
            parts.append({"text": say.thinking, "thought": True})
        if say.text:
            parts.append({"text": say.text})
        parts += [{"functionCall": {"name": call.name, "args": call.arguments}} for call in say.calls]
        if say.signature:
            signed = next((part for part in parts if "functionCall" in part), parts[-1])
            signed["thoughtSignature"] = say.signature
        return parts

    def _answer(self, parts: list[JSON], usage: JSON | None, reason: str | None) -> JSON:
        candidate: JSON = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason is not None:
            candidate["finishReason"] = reason
        said: JSON = {"candidates": [candidate], "modelVersion": self.model, "responseId": "resp-1"}
        return said if usage is None else {**said, "usageMetadata": usage}

    def whole(self, say: Say) -> JSON:
        return self._answer(self._parts(say), self._usage(say), "STOP")

    def stream(self, say: Say) -> list[bytes]:
        parts, usage = self._parts(say), self._usage(say)
        some = {name: count for name, count in usage.items() if name == "promptTokenCount"}
        chunks = [self._answer([part], some, None) for part in parts[:-1]]
        chunks.append(self._answer(parts[-1:], usage, "STOP"))
        return [b"data: " + msgspec.json.encode(each) + b"\r\n\r\n" for each in chunks]

    def heard(self, body: JSON) -> list[Heard]:
        system = body.get("systemInstruction") or {"parts": []}
        out = [Heard("system", "text", part["text"]) for part in system["parts"]]
        for content in body["contents"]:
            role = "assistant" if content["role"] == "model" else "user"
            out += [self._heard(role, part) for part in content["parts"]]
        return out

    def _heard(self, role: str, part: JSON) -> Heard:
        signature = part.get("thoughtSignature", "")
        if "text" in part:
            kind = "thinking" if part.get("thought") else "text"
            return Heard(role, kind, part["text"], signature=signature)
        if "inlineData" in part:
            return Heard(role, "image", part["inlineData"]["data"])
        if "functionCall" in part:
            call = part["functionCall"]
            return Heard(
                role,
                "call",
                id=call.get("id", ""),
                name=call["name"],
                arguments=call.get("args", {}),
                signature=signature,
            )
        result = part["functionResponse"]
        is_error = "error" in result["response"]
        text = "".join(str(each) for each in result["response"].values())
        return Heard(
            role, "result", text, id=result.get("id", ""), name=result["name"], is_error=is_error
        )

    def cap(self, body: JSON) -> int | None:
        return (body.get("generationConfig") or {}).get("maxOutputTokens")

    def problem(self, message: str) -> JSON:
        return {"error": {"code": 500, "message": message, "status": "INTERNAL"}}


# --- Ollama and Cohere ---------------------------------------------------------------------------------


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
        counts = say.usage or {"prompt_eval_count": 10, "eval_count": 3}
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
        lines = [{"thinking": piece} for piece in _halves(say.thinking) if piece]
        lines += [{"content": piece} for piece in _halves(say.text) if piece]
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


class CohereUpstream:
    name, dialect, model = "up_cohere", "cohere", "command-a-reasoning-08-2025"
    base_path, stream_type = "", "text/event-stream"

    def _usage(self, say: Say) -> JSON:
        counts = {"input_tokens": 10, "output_tokens": 3}
        return say.usage or {"billed_units": counts, "tokens": counts}

    def _call(self, call: Call) -> JSON:
        function = {"name": call.name, "arguments": _json(call.arguments)}
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
        out: list[JSON] = [{"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}}]
        texts = [(kind, text) for kind, text in (("thinking", say.thinking), ("text", say.text)) if text]
        for index, (kind, text) in enumerate(texts):
            out.append(self._content("start", index, {"type": kind, kind: ""}))
            out += [self._content("delta", index, {kind: piece}) for piece in _halves(text)]
            out.append({"type": "content-end", "index": index})
        for index, call in enumerate(say.calls):
            whole = self._call(call)
            first, rest = _halves(whole["function"]["arguments"])
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
                out.append(
                    Heard("user", "result", "".join(_documents(content)), id=message["tool_call_id"])
                )
                content = None
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
                match part["type"]:
                    case "text":
                        out.append(Heard(role, "text", part["text"]))
                    case "thinking":
                        out.append(Heard(role, "thinking", part["thinking"]))
                    case "image_url":
                        out.append(Heard(role, "image", part["image_url"]["url"].rpartition(",")[2]))
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


UPSTREAMS: dict[str, Upstream] = {
    each.name: each
    for each in (
        ChatUpstream(),
        MessagesUpstream(),
        ConverseUpstream(),
        ClaudeConverseUpstream(),
        InvokeUpstream(),
        GeminiUpstream(),
        CohereUpstream(),
        OllamaUpstream(),
    )
}
"""By the name of the provider."""
