"""anthropic-python, 0.x and 2.x: messages, the counting of tokens, and the list of models."""

from collections.abc import Callable
from typing import Any

import anthropic
from anthropic import Anthropic

Task = dict[str, Any]
Seen = Any


def connect(url: str, key: str) -> Anthropic:
    return Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20, _strict_response_validation=True)


def disconnect(client: Anthropic) -> None:
    client.close()


def raised(error: Exception) -> Seen:
    if not isinstance(error, anthropic.AnthropicError):
        raise error
    return {"raised": type(error).__name__, "status": getattr(error, "status_code", None)}


def _content(task: Task) -> Any:
    if "image" in task:
        source = {"type": "base64", "media_type": "image/png", "data": task["image"]}
    elif "image_url" in task:
        source = {"type": "url", "url": task["image_url"]}
    else:
        return task["text"]
    return [{"type": "text", "text": task["text"]}, {"type": "image", "source": source}]


def _options(model: str, task: Task, *turns: Any) -> dict[str, Any]:
    options: dict[str, Any] = {
        "model": model,
        "max_tokens": 2048,
        "system": task["system"],
        "messages": [{"role": "user", "content": _content(task)}, *turns],
    }
    if "tool" in task:
        tool = task["tool"]
        described = {"name": tool["name"], "description": tool["description"]}
        options["tools"] = [{**described, "input_schema": tool["parameters"]}]
    if "schema" in task:
        format_ = {"type": "json_schema", "schema": task["schema"]}
        options["extra_body"] = {"output_config": {"format": format_}}
    if "stop" in task:
        options["stop_sequences"] = [task["stop"]]
    if "think" in task:
        options["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    return options


def _seen(message: Any) -> Seen:
    said: dict[str, Any] = {"text": "", "thoughts": "", "calls": []}
    for block in message.content:
        if block.type == "text":
            said["text"] += block.text
        elif block.type == "thinking":
            said["thoughts"] += block.thinking
        elif block.type == "tool_use":
            said["calls"].append([block.name, block.input])
    usage = message.usage
    written, cached = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    details = getattr(usage, "output_tokens_details", None)
    return {
        **said,
        "finish": message.stop_reason,
        "usage": {
            "input": usage.input_tokens + written + cached,
            "cached": cached,
            "output": usage.output_tokens,
            "reasoning": details.thinking_tokens if details else 0,
        },
    }


def plain(client: Anthropic, model: str, task: Task) -> Seen:
    return _seen(client.messages.create(**_options(model, task)))


def stream(client: Anthropic, model: str, task: Task) -> Seen:
    with client.messages.stream(**_options(model, task)) as events:
        return _seen(events.get_final_message())


def events(client: Anthropic, model: str, task: Task) -> Seen:
    """Each event is validated; the types of those that are not about content."""
    events = [event.type for event in client.messages.create(**_options(model, task), stream=True)]
    return [event for event in events if not event.startswith("content_block") and event != "ping"]


def loop(client: Anthropic, model: str, task: Task) -> Seen:
    """Calls, their results, and what the model says then."""
    answer = client.messages.create(**_options(model, task))
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": task["result"]}
        for block in answer.content
        if block.type == "tool_use"
    ]
    turns = ({"role": "assistant", "content": answer.content}, {"role": "user", "content": results})
    return _seen(client.messages.create(**_options(model, task, *turns)))


def again(client: Anthropic, model: str, task: Task) -> Seen:
    """A second turn, on what the first one said and thought."""
    answer = client.messages.create(**_options(model, task))
    turns = ({"role": "assistant", "content": answer.content}, {"role": "user", "content": task["next"]})
    return _seen(client.messages.create(**_options(model, task, *turns)))


def stream_again(client: Anthropic, model: str, task: Task) -> Seen:
    """As `again`, with the first turn put together from its stream."""
    with client.messages.stream(**_options(model, task)) as events:
        content = events.get_final_message().content
    turns = ({"role": "assistant", "content": content}, {"role": "user", "content": task["next"]})
    return _seen(client.messages.create(**_options(model, task, *turns)))


def count(client: Anthropic, model: str, task: Task) -> Seen:
    options = _options(model, task)
    del options["max_tokens"]
    return client.messages.count_tokens(**options).input_tokens


def models(client: Anthropic, model: str, task: Task) -> Seen:
    return model in [each.id for each in client.models.list()]


CALLS: dict[str, Callable[[Anthropic, str, Task], Seen]] = {
    "plain": plain,
    "stream": stream,
    "events": events,
    "loop": loop,
    "again": again,
    "stream_again": stream_again,
    "count": count,
    "models": models,
}
