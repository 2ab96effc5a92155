"""OpenAI's chat completions and Responses."""

from collections.abc import Sequence

from tests.support.dialects.client import SCHEMA, TOOL, Got, Result, from_json, sse_events
from tests.support.upstreams.script import JSON, Call


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
        answer = from_json(body.decode())
        (choice,) = answer["choices"]
        return self._got(choice["message"], choice["finish_reason"], answer["model"], answer.get("usage"))

    def _got(self, message: JSON, finish: str | None, model: str, usage: JSON | None) -> Got:
        calls = [
            Call(call["id"], call["function"]["name"], from_json(call["function"]["arguments"]))
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
            chunk = from_json(data)
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
        error = from_json(body.decode())["error"]
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
        return self._got(from_json(body.decode()))

    def _got(self, response: JSON) -> Got:
        items = response["output"]
        calls = [
            Call(item["call_id"], item["name"], from_json(item["arguments"]))
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
        return Got(text, thinking, calls, response["status"], response["model"], response.get("usage"), items)

    def streamed(self, body: bytes) -> Got:
        got, text, error = None, "", ""
        for number, (name, data) in enumerate(sse_events(body)):
            assert got is None
            event = from_json(data)
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
                case _:
                    pass
        if got is None:
            return Got(text, error=error)
        got.finished = True
        return got

    def problem(self, status: int, body: bytes) -> str:
        error = from_json(body.decode())["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return str(error["message"])
