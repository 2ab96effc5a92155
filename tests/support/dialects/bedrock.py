"""Bedrock's Converse."""

from collections.abc import Sequence

from tests.support.dialects.client import SCHEMA, TOOL, Got, Result, frames, from_json
from tests.support.upstreams.script import JSON, Call


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
        answer = from_json(body.decode())
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
                case _:
                    pass
        for index, written in inputs.items():
            blocks[index]["toolUse"]["input"] = from_json(written or "{}")
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
        return str(from_json(body.decode())["message"])
