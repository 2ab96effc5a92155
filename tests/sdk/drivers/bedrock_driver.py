"""boto3's bedrock-runtime: Converse, and InvokeModel with bodies of Claude's and Titan's."""

import base64
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError

Task = dict[str, Any]
Seen = Any


def connect(url: str, key: str) -> Any:
    """The virtual key is what requests are signed with the id of."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key="any", region_name="eu-west-1")
    return session.client("bedrock-runtime", endpoint_url=url, config=config)


def disconnect(client: Any) -> None:
    client.close()


def raised(error: Exception) -> Seen:
    if isinstance(error, EventStreamError):
        return {"raised": "EventStreamError", "code": error.response["Error"]["Code"]}
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # The class that the SDK makes of the service's model, by the name in the answer.
        return {"raised": type(error).__name__, "status": status}
    if isinstance(error, BotoCoreError):
        return {"raised": type(error).__name__}
    raise error


def _options(model: str, task: Task, *turns: Any) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"text": task["text"]}]
    if "image" in task:
        content.append({"image": {"format": "png", "source": {"bytes": base64.b64decode(task["image"])}}})
    options: dict[str, Any] = {
        "modelId": model,
        "system": [{"text": task["system"]}],
        "messages": [{"role": "user", "content": content}, *turns],
        "inferenceConfig": {"maxTokens": 2048},
    }
    if "tool" in task:
        tool = task["tool"]
        described = {"name": tool["name"], "description": tool["description"]}
        specification = {**described, "inputSchema": {"json": tool["parameters"]}}
        options["toolConfig"] = {"tools": [{"toolSpec": specification}]}
    if "schema" in task:
        definition = {"name": "report", "schema": json.dumps(task["schema"])}
        structure = {"type": "json_schema", "structure": {"jsonSchema": definition}}
        options["outputConfig"] = {"textFormat": structure}
    if "stop" in task:
        options["inferenceConfig"]["stopSequences"] = [task["stop"]]
    if "think" in task:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        options["additionalModelRequestFields"] = {"thinking": thinking}
    return options


def _seen(content: list[Any], finish: str, usage: Any) -> Seen:
    said: dict[str, Any] = {"text": "", "thoughts": "", "calls": []}
    for block in content:
        if "text" in block:
            said["text"] += block["text"]
        elif "toolUse" in block:
            said["calls"].append([block["toolUse"]["name"], block["toolUse"]["input"]])
        elif "reasoningText" in block.get("reasoningContent", ()):
            said["thoughts"] += block["reasoningContent"]["reasoningText"]["text"]
    cached = usage.get("cacheReadInputTokens", 0)
    return {
        **said,
        "finish": finish,
        "usage": {
            "input": usage["inputTokens"] + cached + usage.get("cacheWriteInputTokens", 0),
            "cached": cached,
            "output": usage["outputTokens"],
        },
    }


def _seen_answer(answer: Any) -> Seen:
    return _seen(answer["output"]["message"]["content"], answer["stopReason"], answer["usage"])


def plain(client: Any, model: str, task: Task) -> Seen:
    return _seen_answer(client.converse(**_options(model, task)))


def stream(client: Any, model: str, task: Task) -> Seen:
    return _seen(*_streamed(client, model, task))


def _streamed(client: Any, model: str, task: Task) -> tuple[list[Any], str, Any]:
    """Content, stop reason and usage. The SDK gives events only; one that just stops looks complete to it."""
    blocks: dict[int, dict[str, Any]] = {}
    finish, usage = None, None
    for event in _events(client.converse_stream(**_options(model, task))["stream"]):
        ((name, value),) = event.items()
        match name:
            case "contentBlockStart":
                blocks[value["contentBlockIndex"]] = {"toolUse": {**value["start"]["toolUse"], "input": ""}}
            case "contentBlockDelta":
                _add(blocks.setdefault(value["contentBlockIndex"], {}), value["delta"])
            case "messageStop":
                finish = value["stopReason"]
            case "metadata":
                usage = value["usage"]
            case _:
                pass
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    assert finish, "the stream just stopped"
    return list(blocks.values()), finish, usage


def _events(stream: Any) -> list[Any]:
    with closing(stream):
        return list(stream)


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "redactedContent" not in delta["reasoningContent"]:
        reasoning = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
        for name, piece in delta["reasoningContent"].items():
            reasoning[name] = reasoning.get(name, "") + piece


def loop(client: Any, model: str, task: Task) -> Seen:
    """Calls, their results, and what the model says then."""
    message = client.converse(**_options(model, task))["output"]["message"]
    results = [
        {"toolResult": {"toolUseId": block["toolUse"]["toolUseId"], "content": [{"text": task["result"]}]}}
        for block in message["content"]
        if "toolUse" in block
    ]
    return _seen_answer(
        client.converse(**_options(model, task, message, {"role": "user", "content": results}))
    )


def again(client: Any, model: str, task: Task) -> Seen:
    """A second turn, on what the first one said and thought."""
    message = client.converse(**_options(model, task))["output"]["message"]
    next_turn = {"role": "user", "content": [{"text": task["next"]}]}
    return _seen_answer(client.converse(**_options(model, task, message, next_turn)))


def stream_again(client: Any, model: str, task: Task) -> Seen:
    """As `again`, with the first turn put together from its stream."""
    content, _, _ = _streamed(client, model, task)
    turns = ({"role": "assistant", "content": content}, {"role": "user", "content": [{"text": task["next"]}]})
    return _seen_answer(client.converse(**_options(model, task, *turns)))


def _invoked(model: str, task: Task) -> dict[str, Any]:
    """A body as Claude takes it here."""
    content: list[dict[str, Any]] = [{"type": "text", "text": task["text"]}]
    if "image" in task:
        source = {"type": "base64", "media_type": "image/png", "data": task["image"]}
        content.append({"type": "image", "source": source})
    body: dict[str, Any] = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 2048,
        "system": task["system"],
        "messages": [{"role": "user", "content": content}],
    }
    if "tool" in task:
        tool = task["tool"]
        body["tools"] = [{"name": tool["name"], "input_schema": tool["parameters"]}]
    if "schema" in task:
        body["output_config"] = {"format": {"type": "json_schema", "schema": task["schema"]}}
    if "stop" in task:
        body["stop_sequences"] = [task["stop"]]
    if "think" in task:
        body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return {"modelId": model, "body": json.dumps(body)}


def _seen_message(message: Any) -> Seen:
    usage = message["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    return {
        "text": "".join(block["text"] for block in message["content"] if block["type"] == "text"),
        "thoughts": "".join(block["thinking"] for block in message["content"] if block["type"] == "thinking"),
        "calls": [
            [block["name"], block["input"]] for block in message["content"] if block["type"] == "tool_use"
        ],
        "finish": message["stop_reason"],
        "usage": {
            "input": usage["input_tokens"] + cached,
            "cached": cached,
            "output": usage["output_tokens"],
            "reasoning": (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0),
        },
    }


def invoke(client: Any, model: str, task: Task) -> Seen:
    return _seen_message(json.loads(client.invoke_model(**_invoked(model, task))["body"].read()))


def invoke_stream(client: Any, model: str, task: Task) -> Seen:
    message: dict[str, Any] = {}
    partial: dict[int, str] = {}
    stream = client.invoke_model_with_response_stream(**_invoked(model, task))["body"]
    for event in (json.loads(each["chunk"]["bytes"]) for each in _events(stream)):
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"])
            case "content_block_delta":
                delta, block = event["delta"], message["content"][event["index"]]
                if delta["type"] in {"text_delta", "thinking_delta"}:
                    name = delta["type"].removesuffix("_delta")
                    block[name] += delta[name]
                elif delta["type"] == "input_json_delta":
                    at = event["index"]
                    partial[at] = partial.get(at, "") + delta["partial_json"]
                    if partial[at].endswith("}"):
                        block["input"] = json.loads(partial[at])
            case "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            case _:
                pass
    return _seen_message(message)


def embed(client: Any, model: str, task: Task) -> Seen:
    answer = client.invoke_model(modelId=model, body=json.dumps({"inputText": task["texts"][0]}))
    body = json.loads(answer["body"].read())
    return {"vectors": [body["embedding"]], "input": body["inputTextTokenCount"]}


CALLS: dict[str, Callable[[Any, str, Task], Seen]] = {
    "plain": plain,
    "stream": stream,
    "loop": loop,
    "again": again,
    "stream_again": stream_again,
    "invoke": invoke,
    "invoke_stream": invoke_stream,
    "embed": embed,
}
