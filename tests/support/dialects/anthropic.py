"""Anthropic's Messages, and the same behind Bedrock's InvokeModel."""

import base64
from collections.abc import Iterable, Sequence

from tests.support.dialects.client import SCHEMA, TOOL, Got, Result, frames, from_json, sse_events
from tests.support.upstreams.script import JSON, Call


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
        return self._got(from_json(body.decode()))

    def _got(self, message: JSON) -> Got:
        content = message["content"]
        calls = [Call(b["id"], b["name"], b["input"]) for b in content if b["type"] == "tool_use"]
        turn = [{"role": "assistant", "content": content}]
        text = "".join(block["text"] for block in content if block["type"] == "text")
        thinking = "".join(block["thinking"] for block in content if block["type"] == "thinking")
        finish, usage = message["stop_reason"], message.get("usage")
        return Got(text, thinking, calls, finish, message["model"], usage, turn)

    def streamed(self, body: bytes) -> Got:
        events = []
        for name, data in sse_events(body):
            events.append(from_json(data))
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
                case _:
                    pass
        for index, written in inputs.items():
            message["content"][index]["input"] = from_json(written or "{}")
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
            case _:
                pass

    def problem(self, status: int, body: bytes) -> str:
        answer = from_json(body.decode())
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
                events.append(from_json(base64.b64decode(payload["bytes"]).decode()))
        got = self.read_events(events)
        got.error = error
        return got

    def problem(self, status: int, body: bytes) -> str:
        return str(from_json(body.decode())["message"])
