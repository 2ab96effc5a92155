"""Clients of every dialect: what each asks, and what it makes of an answer, as its vendor's SDK would."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from botocore.eventstream import EventStreamBuffer
from tests.support.upstreams import JSON, Call

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = "get_weather"


@dataclass
class Got:
    """`turn` is what the client puts into its history. `error` is the dialect's own, in a stream; `finished`:
    the stream ended in order."""

    text: str = ""
    thinking: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None
    model: str = ""
    usage: JSON | None = None
    turn: list[JSON] = field(default_factory=list)
    error: str = ""
    finished: bool = False


@dataclass(frozen=True)
class Result:
    call: Call
    text: str
    is_error: bool = False


class Client(Protocol):
    name: str

    def path(self, model: str, *, stream: bool) -> str: ...

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        """A user's turn."""

    def results(self, results: Sequence[Result]) -> list[JSON]: ...

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON: ...

    def whole(self, body: bytes) -> Got: ...

    def streamed(self, body: bytes) -> Got: ...

    def problem(self, status: int, body: bytes) -> str:
        """The message of an error; AssertionError if it is none of this dialect."""


def _json(text: str) -> Any:
    return msgspec.json.decode(text)


def sse_events(body: bytes) -> Iterable[tuple[str, str]]:
    """Name and data of each."""
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        fields = [line.partition(":")[::2] for line in lines]
        data = "\n".join(value.removeprefix(" ") for name, value in fields if name == "data")
        name = next((value.strip() for name, value in fields if name == "event"), "")
        if data:
            yield name, data


class ChatClient:
    name = "chat"

    def path(self, model: str, *, stream: bool) -> str:
        return "/v1/chat/completions"

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        parts: list[JSON] = [{"type": "text", "text": text}]
        if image is not None:
            parts.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}})
        return [{"role": "user", "content": parts}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        return [{"role": "tool", "tool_call_id": each.call.id, "content": each.text} for each in results]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"model": model, "messages": list(history)}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]
        return body

    def whole(self, body: bytes) -> Got:
        answer = _json(body.decode())
        (choice,) = answer["choices"]
        return self._got(choice["message"], choice["finish_reason"], answer["model"], answer.get("usage"))

    def _got(self, message: JSON, finish: str | None, model: str, usage: JSON | None) -> Got:
        calls = [
            Call(call["id"], call["function"]["name"], _json(call["function"]["arguments"]))
            for call in message.get("tool_calls") or ()
        ]
        thinking = message.get("reasoning_content") or ""
        return Got(message.get("content") or "", thinking, calls, finish, model, usage, [message])

    def streamed(self, body: bytes) -> Got:
        message: JSON = {"role": "assistant", "content": None}
        finish, model, usage, error, done = None, "", None, "", False
        for _, data in sse_events(body):
            assert not done
            if data == "[DONE]":
                done = True
                continue
            chunk = _json(data)
            if "error" in chunk:
                assert set(chunk["error"]) == {"message", "type", "param", "code"}
                error = chunk["error"]["message"]
                continue
            model, usage = chunk["model"], chunk.get("usage") or usage
            for choice in chunk["choices"]:
                assert choice["index"] == 0
                finish = choice["finish_reason"] or finish
                self._add(message, choice["delta"])
        if "tool_calls" in message:
            message["tool_calls"] = list(message["tool_calls"].values())
        got = self._got(message, finish, model, usage) if done else Got(message["content"] or "", error=error)
        got.finished = done
        return got

    def _add(self, message: JSON, delta: JSON) -> None:
        for name in ("content", "reasoning_content"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        message.setdefault("thinking_blocks", []).extend(delta.get("thinking_blocks") or ())
        for call in delta.get("tool_calls") or ():
            calls = message.setdefault("tool_calls", {})
            if call["index"] not in calls:
                calls[call["index"]] = {name: value for name, value in call.items() if name != "index"}
            else:
                calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]

    def problem(self, status: int, body: bytes) -> str:
        error = _json(body.decode())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return str(error["message"])


class ResponsesClient:
    name = "responses"

    def path(self, model: str, *, stream: bool) -> str:
        return "/v1/responses"

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        parts: list[JSON] = [{"type": "input_text", "text": text}]
        if image is not None:
            url = f"data:image/png;base64,{image}"
            parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
        return [{"role": "user", "content": parts}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        return [
            {"type": "function_call_output", "call_id": each.call.id, "output": each.text} for each in results
        ]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"model": model, "input": list(history), "store": False}
        body["include"] = ["reasoning.encrypted_content"]
        if stream:
            body["stream"] = True
        if tools:
            body["tools"] = [{"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}]
        return body

    def whole(self, body: bytes) -> Got:
        return self._got(_json(body.decode()))

    def _got(self, response: JSON) -> Got:
        items = response["output"]
        calls = [
            Call(item["call_id"], item["name"], _json(item["arguments"]))
            for item in items
            if item["type"] == "function_call"
        ]
        text = "".join(
            part["text"]
            for item in items
            if item["type"] == "message"
            for part in item["content"]
            if part["type"] == "output_text"
        )
        thinking = "".join(
            part["text"]
            for item in items
            if item["type"] == "reasoning"
            for part in (item.get("content") or item["summary"])
        )
        return Got(
            text, thinking, calls, response["status"], response["model"], response.get("usage"), items
        )

    def streamed(self, body: bytes) -> Got:
        got, text, error = None, "", ""
        for number, (name, data) in enumerate(sse_events(body)):
            assert got is None
            event = _json(data)
            assert (event["type"], event["sequence_number"]) == (name, number)
            match event["type"]:
                case "response.output_text.delta":
                    text += event["delta"]
                case "response.completed" | "response.incomplete":
                    got = self._got(event["response"])
                    assert got.text == text
                case "response.failed":
                    error = event["response"]["error"]["message"]
                case "error":
                    error = event["message"]
        if got is None:
            return Got(text, error=error)
        got.finished = True
        return got

    def problem(self, status: int, body: bytes) -> str:
        error = _json(body.decode())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return str(error["message"])


class MessagesClient:
    name = "messages"

    def path(self, model: str, *, stream: bool) -> str:
        return "/v1/messages"

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        blocks: list[JSON] = [{"type": "text", "text": text}]
        if image is not None:
            source = {"type": "base64", "media_type": "image/png", "data": image}
            blocks.append({"type": "image", "source": source})
        return [{"role": "user", "content": blocks}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        blocks = [
            {
                "type": "tool_result",
                "tool_use_id": each.call.id,
                "content": each.text,
                "is_error": each.is_error,
            }
            for each in results
        ]
        return [{"role": "user", "content": blocks}]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"model": model, "max_tokens": 8_000, "messages": list(history)}
        if stream:
            body["stream"] = True
        if tools:
            body["tools"] = [{"name": TOOL, "input_schema": SCHEMA}]
        return body

    def whole(self, body: bytes) -> Got:
        return self._got(_json(body.decode()))

    def _got(self, message: JSON) -> Got:
        content = message["content"]
        calls = [Call(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
        turn = [{"role": "assistant", "content": content}]
        text, thinking = (
            "".join(block[kind] for block in content if block["type"] == kind) for kind in ("text", "thinking")
        )
        return Got(text, thinking, calls, message["stop_reason"], message["model"], message["usage"], turn)

    def streamed(self, body: bytes) -> Got:
        events = []
        for name, data in sse_events(body):
            events.append(_json(data))
            assert events[-1]["type"] == name
        return self.read_events(events)

    def read_events(self, events: Iterable[JSON]) -> Got:
        message: JSON = {"content": [], "usage": {}}
        inputs: dict[int, str] = {}
        error, stopped = "", False
        for event in events:
            assert not stopped
            match event["type"]:
                case "message_start":
                    message = {**event["message"], "content": []}
                case "content_block_start":
                    assert event["index"] == len(message["content"])
                    message["content"].append(dict(event["content_block"]))
                case "content_block_delta":
                    self._add(message["content"][event["index"]], event["delta"], inputs, event["index"])
                case "message_delta":
                    message["stop_reason"] = event["delta"]["stop_reason"]
                    message["usage"] = {**message["usage"], **event["usage"]}
                case "message_stop":
                    stopped = True
                case "error":
                    error = event["error"]["message"]
        for index, written in inputs.items():
            message["content"][index]["input"] = _json(written or "{}")
        if not stopped:
            text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
            return Got(text, error=error)
        got = self._got(message)
        got.finished = True
        return got

    def _add(self, block: JSON, delta: JSON, inputs: dict[int, str], index: int) -> None:
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
            case "signature_delta":
                block["signature"] = delta["signature"]
            case "input_json_delta":
                inputs[index] = inputs.get(index, "") + delta["partial_json"]

    def problem(self, status: int, body: bytes) -> str:
        answer = _json(body.decode())
        assert answer["type"] == "error"
        assert set(answer["error"]) >= {"type", "message"}
        return str(answer["error"]["message"])


class InvokeClient(MessagesClient):
    """A client of Claude on Bedrock."""

    name = "invoke"

    def path(self, model: str, *, stream: bool) -> str:
        return f"/model/{model}/invoke" + ("-with-response-stream" if stream else "")

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body = super().body(model, history, stream=False, tools=tools)
        del body["model"]
        return {**body, "anthropic_version": "bedrock-2023-05-31"}

    def streamed(self, body: bytes) -> Got:
        events: list[JSON] = []
        error = ""
        for headers, payload in frames(body):
            if headers[":message-type"] == "exception":
                error = payload["message"]
            else:
                events.append(_json(base64.b64decode(payload["bytes"]).decode()))
        got = self.read_events(events)
        got.error = error
        return got

    def problem(self, status: int, body: bytes) -> str:
        return str(_json(body.decode())["message"])


def frames(body: bytes) -> Iterable[tuple[JSON, Any]]:
    """Headers and payload of each frame, by botocore, which checks the checksums."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    for message in buffer:
        yield message.headers, msgspec.json.decode(message.payload)


class ConverseClient:
    name = "converse"

    def path(self, model: str, *, stream: bool) -> str:
        return f"/model/{model}/converse" + ("-stream" if stream else "")

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        blocks: list[JSON] = [{"text": text}]
        if image is not None:
            blocks.append({"image": {"format": "png", "source": {"bytes": image}}})
        return [{"role": "user", "content": blocks}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        blocks = [
            {
                "toolResult": {
                    "toolUseId": each.call.id,
                    "content": [{"text": each.text}],
                    "status": "error" if each.is_error else "success",
                }
            }
            for each in results
        ]
        return [{"role": "user", "content": blocks}]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"messages": list(history)}
        if tools:
            body["toolConfig"] = {"tools": [{"toolSpec": {"name": TOOL, "inputSchema": {"json": SCHEMA}}}]}
        return body

    def whole(self, body: bytes) -> Got:
        answer = _json(body.decode())
        return self._got(answer["output"]["message"]["content"], answer["stopReason"], answer["usage"])

    def _got(self, content: list[JSON], finish: str, usage: JSON) -> Got:
        uses = [block["toolUse"] for block in content if "toolUse" in block]
        calls = [Call(use["toolUseId"], use["name"], use["input"]) for use in uses]
        thoughts = [block["reasoningContent"] for block in content if "reasoningContent" in block]
        thinking = "".join(each["reasoningText"]["text"] for each in thoughts if "reasoningText" in each)
        text = "".join(block.get("text", "") for block in content)
        return Got(text, thinking, calls, finish, "", usage, [{"role": "assistant", "content": content}])

    def streamed(self, body: bytes) -> Got:
        blocks: dict[int, JSON] = {}
        inputs: dict[int, str] = {}
        finish, usage, error = None, None, ""
        for headers, payload in frames(body):
            assert usage is None, "metadata is the last event"
            if headers[":message-type"] == "exception":
                error = payload["message"]
                continue
            match headers[":event-type"]:
                case "contentBlockStart":
                    blocks[payload["contentBlockIndex"]] = payload["start"]
                    inputs[payload["contentBlockIndex"]] = ""
                case "contentBlockDelta":
                    self._add(blocks, inputs, payload["contentBlockIndex"], payload["delta"])
                case "messageStop":
                    finish = payload["stopReason"]
                case "metadata":
                    usage = payload["usage"]
        for index, written in inputs.items():
            blocks[index]["toolUse"]["input"] = _json(written or "{}")
        content = [block for _, block in sorted(blocks.items())]
        if finish is None or usage is None:
            return Got("".join(block.get("text", "") for block in content), error=error)
        got = self._got(content, finish, usage)
        got.finished = True
        return got

    def _add(self, blocks: dict[int, JSON], inputs: dict[int, str], index: int, delta: JSON) -> None:
        if "text" in delta:
            block = blocks.setdefault(index, {"text": ""})
            block["text"] += delta["text"]
        elif "toolUse" in delta:
            inputs[index] += delta["toolUse"]["input"]
        else:
            thought = delta["reasoningContent"]
            if "redactedContent" in thought:
                blocks[index] = {"reasoningContent": thought}
                return
            block = blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": ""}}})
            written = block["reasoningContent"]["reasoningText"]
            written["text"] += thought.get("text", "")
            if "signature" in thought:
                written["signature"] = thought["signature"]

    def problem(self, status: int, body: bytes) -> str:
        return str(_json(body.decode())["message"])


class GeminiClient:
    name = "gemini"

    def path(self, model: str, *, stream: bool) -> str:
        return f"/v1beta/models/{model}:" + ("streamGenerateContent" if stream else "generateContent")

    def ask(self, text: str, image: str | None = None) -> list[JSON]:
        parts: list[JSON] = [{"text": text}]
        if image is not None:
            parts.append({"inlineData": {"mimeType": "image/png", "data": image}})
        return [{"role": "user", "parts": parts}]

    def results(self, results: Sequence[Result]) -> list[JSON]:
        parts = []
        for each in results:
            response = {"error" if each.is_error else "output": each.text}
            function = {"name": each.call.name, "response": response}
            parts.append({"functionResponse": function | ({"id": each.call.id} if each.call.id else {})})
        return [{"role": "user", "parts": parts}]

    def body(self, model: str, history: Sequence[JSON], *, stream: bool, tools: bool = False) -> JSON:
        body: JSON = {"contents": list(history)}
        if tools:
            body["tools"] = [{"functionDeclarations": [{"name": TOOL, "parametersJsonSchema": SCHEMA}]}]
        return body

    def whole(self, body: bytes) -> Got:
        return self._got([_json(body.decode())])

    def streamed(self, body: bytes) -> Got:
        """The array, which is what is streamed where the query does not say `alt=sse`."""
        return self._got(_json(body.decode()))

    def _got(self, answers: list[JSON]) -> Got:
        """Each chunk is a content of its own in the history, as in that of Google's SDK."""
        got = Got()
        parts: list[JSON] = []
        for answer in answers:
            if "error" in answer:
                assert set(answer["error"]) >= {"code", "message", "status"}
                got.error = answer["error"]["message"]
                continue
            got.model = answer.get("modelVersion", got.model)
            got.usage = answer.get("usageMetadata", got.usage)
            for candidate in answer.get("candidates", ()):
                content = candidate.get("content") or {}
                parts += content.get("parts") or ()
                got.turn += [content] if content.get("parts") else []
                got.finish = candidate.get("finishReason", got.finish)
        for part in parts:
            if "functionCall" in part:
                call = part["functionCall"]
                got.calls.append(Call(call.get("id", ""), call["name"], call.get("args", {})))
            elif part.get("thought"):
                got.thinking += part["text"]
            else:
                got.text += part.get("text", "")
        got.finished = got.finish is not None and not got.error
        return got

    def problem(self, status: int, body: bytes) -> str:
        error = _json(body.decode())["error"]
        assert (error["code"], bool(error["status"])) == (status, True)
        return str(error["message"])


CLIENTS: dict[str, Client] = {
    each.name: each
    for each in (
        ChatClient(),
        ResponsesClient(),
        MessagesClient(),
        InvokeClient(),
        ConverseClient(),
        GeminiClient(),
    )
}
