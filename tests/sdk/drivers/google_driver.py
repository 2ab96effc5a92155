"""google-genai 3.x: contents, embeddings, the counting of tokens, and the list of models."""

import base64
from collections.abc import Callable
from typing import Any

from google import genai
from google.genai import errors, types

Task = dict[str, Any]
Seen = Any


def connect(url: str, key: str) -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, timeout=20_000))


def disconnect(client: genai.Client) -> None:
    client.close()


def raised(error: Exception) -> Seen:
    if isinstance(error, errors.APIError):
        return {"raised": type(error).__name__, "status": error.code}
    raise error


def _content(task: Task) -> list[types.Part]:
    parts = [types.Part(text=task["text"])]
    if "image" in task:
        data = base64.b64decode(task["image"])
        parts.append(types.Part.from_bytes(data=data, mime_type="image/png"))
    if "image_url" in task:
        parts.append(types.Part.from_uri(file_uri=task["image_url"], mime_type="image/png"))
    return parts


def _options(model: str, task: Task, *turns: Any) -> dict[str, Any]:
    config: dict[str, Any] = {"system_instruction": task["system"], "max_output_tokens": 2048}
    if "tool" in task:
        tool = task["tool"]
        declaration = types.FunctionDeclaration(
            name=tool["name"], description=tool["description"], parameters_json_schema=tool["parameters"]
        )
        config["tools"] = [types.Tool(function_declarations=[declaration])]
    if "schema" in task:
        config |= {"response_mime_type": "application/json", "response_json_schema": task["schema"]}
    if "stop" in task:
        config["stop_sequences"] = [task["stop"]]
    if "think" in task:
        config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    contents = [types.Content(role="user", parts=_content(task)), *turns]
    return {"model": model, "contents": contents, "config": types.GenerateContentConfig(**config)}


def _seen(chunks: list[types.GenerateContentResponse]) -> Seen:
    said: dict[str, Any] = {"text": "", "thoughts": "", "calls": [], "finish": None}
    for chunk in chunks:
        for candidate in chunk.candidates or ():
            for part in (candidate.content.parts if candidate.content else None) or ():
                if part.function_call:
                    said["calls"].append([part.function_call.name, part.function_call.args])
                else:
                    said["thoughts" if part.thought else "text"] += part.text or ""
            if candidate.finish_reason:
                said["finish"] = candidate.finish_reason.value
    usage = next(chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata)
    reasoning = usage.thoughts_token_count or 0
    return {
        **said,
        "usage": {
            "input": usage.prompt_token_count,
            "cached": usage.cached_content_token_count or 0,
            "output": (usage.candidates_token_count or 0) + reasoning,
            "reasoning": reasoning,
        },
    }


def plain(client: genai.Client, model: str, task: Task) -> Seen:
    return _seen([client.models.generate_content(**_options(model, task))])


def stream(client: genai.Client, model: str, task: Task) -> Seen:
    return _seen(list(client.models.generate_content_stream(**_options(model, task))))


def _said(answer: types.GenerateContentResponse) -> types.Content:
    assert answer.candidates
    content = answer.candidates[0].content
    assert content
    return content


def loop(client: genai.Client, model: str, task: Task) -> Seen:
    """Calls, their results, and what the model says then."""
    answer = client.models.generate_content(**_options(model, task))
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": task["result"]}
            )
        )
        for call in answer.function_calls or ()
    ]
    turns = (_said(answer), types.Content(role="user", parts=results))
    return _seen([client.models.generate_content(**_options(model, task, *turns))])


def again(client: genai.Client, model: str, task: Task) -> Seen:
    """A second turn, on what the first one said and thought."""
    answer = client.models.generate_content(**_options(model, task))
    turns = (_said(answer), types.Content(role="user", parts=[types.Part(text=task["next"])]))
    return _seen([client.models.generate_content(**_options(model, task, *turns))])


def stream_again(client: genai.Client, model: str, task: Task) -> Seen:
    """As `again`, with all parts of the first turn's stream."""
    chunks = client.models.generate_content_stream(**_options(model, task))
    parts = [part for chunk in chunks for part in chunk.parts or ()]
    turns = (
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=[types.Part(text=task["next"])]),
    )
    return _seen([client.models.generate_content(**_options(model, task, *turns))])


def count(client: genai.Client, model: str, task: Task) -> Seen:
    return client.models.count_tokens(model=model, contents=task["text"]).total_tokens


def models(client: genai.Client, model: str, task: Task) -> Seen:
    return f"models/{model}" in [each.name for each in client.models.list()]


def embed(client: genai.Client, model: str, task: Task) -> Seen:
    answer = client.models.embed_content(model=model, contents=task["texts"])
    return {"vectors": [each.values for each in answer.embeddings or ()]}


CALLS: dict[str, Callable[[genai.Client, str, Task], Seen]] = {
    "plain": plain,
    "stream": stream,
    "loop": loop,
    "again": again,
    "stream_again": stream_again,
    "count": count,
    "models": models,
    "embed": embed,
}
