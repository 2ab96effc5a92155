"""openai-python, 1.x and 3.x: chat completions, responses, completions of old, embeddings, and the list of
models."""

import json
from collections.abc import Callable
from typing import Any

import openai
from openai import OpenAI

Task = dict[str, Any]
Seen = Any


def connect(url: str, key: str) -> OpenAI:
    return OpenAI(
        base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20, _strict_response_validation=True
    )


def disconnect(client: OpenAI) -> None:
    client.close()


def raised(error: Exception) -> Seen:
    if not isinstance(error, openai.OpenAIError):
        raise error
    return {"raised": type(error).__name__, "status": getattr(error, "status_code", None)}


def _messages(task: Task, content: Any) -> list[Any]:
    return [{"role": "system", "content": task["system"]}, {"role": "user", "content": content}]


def _create(client: OpenAI, model: str, task: Task, *turns: Any, **more: Any) -> Any:
    messages = [*_messages(task, more.pop("content", task["text"])), *turns]
    return client.chat.completions.create(model=model, messages=messages, **more)


def _seen(answer: Any) -> Seen:
    (choice,) = answer.choices
    message = choice.message
    return {
        "text": message.content or "",
        "thoughts": getattr(message, "reasoning_content", ""),
        "calls": [
            [call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or ()
        ],
        "finish": choice.finish_reason,
        "usage": _usage(answer.usage),
    }


def _usage(usage: Any) -> Seen:
    cached, reasoning = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "input": usage.prompt_tokens,
        "cached": cached.cached_tokens or 0 if cached else 0,
        "output": usage.completion_tokens,
        "reasoning": reasoning.reasoning_tokens or 0 if reasoning else 0,
    }


def _streamed(stream: Any) -> Seen:
    """Put together by hand: 1.x and 3.x have different helpers for it."""
    text, thoughts, finish, usage = "", "", None, None
    calls: dict[int, list[str]] = {}
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            thoughts += getattr(choice.delta, "reasoning_content", None) or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                if call.id:
                    calls[call.index] = [call.function.name, ""]
                calls[call.index][1] += call.function.arguments or ""
    return {
        "text": text,
        "thoughts": thoughts,
        "calls": [[name, json.loads(arguments)] for name, arguments in calls.values()],
        "finish": finish,
        "usage": _usage(usage),
    }


def plain(client: OpenAI, model: str, task: Task) -> Seen:
    return _seen(_create(client, model, task, **_options(task)))


def stream(client: OpenAI, model: str, task: Task) -> Seen:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return _streamed(_create(client, model, task, **_options(task), **options))


def lax_stream(client: OpenAI, model: str, task: Task) -> Seen:
    """Of a provider whose chunks are not all as the SDK's types have them."""
    return stream(_lax(client), model, task)


def _lax(client: OpenAI) -> OpenAI:
    lax = client.with_options()
    lax._strict_response_validation = False
    return lax


def _options(task: Task) -> dict[str, Any]:
    options: dict[str, Any] = {"max_tokens": 2048}
    if "tool" in task:
        options["tools"] = [{"type": "function", "function": task["tool"]}]
    if "schema" in task:
        schema = {"name": "report", "schema": task["schema"], "strict": True}
        options["response_format"] = {"type": "json_schema", "json_schema": schema}
    if "stop" in task:
        options["stop"] = [task["stop"]]
    if "think" in task:
        options["reasoning_effort"] = "medium"
    if (url := _image_url(task)) is not None:
        image = {"type": "image_url", "image_url": {"url": url}}
        options["content"] = [{"type": "text", "text": task["text"]}, image]
    return options


def _image_url(task: Task) -> str | None:
    return f"data:image/png;base64,{task['image']}" if "image" in task else task.get("image_url")


def loop(client: OpenAI, model: str, task: Task) -> Seen:
    """Calls, their results, and what the model says then."""
    options = _options(task)
    message = _create(client, model, task, **options).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": task["result"]} for call in message.tool_calls
    ]
    said = message.model_dump(exclude_unset=True, exclude_none=True)
    return _seen(_create(client, model, task, said, *results, **options))


def again(client: OpenAI, model: str, task: Task) -> Seen:
    """A second turn, on what the first one said and thought."""
    options = _options(task)
    message = _create(client, model, task, **options).choices[0].message
    said = message.model_dump(exclude_unset=True, exclude_none=True)
    return _seen(_create(client, model, task, said, {"role": "user", "content": task["next"]}, **options))


def responses(client: OpenAI, model: str, task: Task) -> Seen:
    return _seen_response(client.responses.create(model=model, **_response_options(task)))


def responses_stream(client: OpenAI, model: str, task: Task) -> Seen:
    """A failure is an event, and no exception of the SDK's."""
    events = list(client.responses.create(model=model, **_response_options(task), stream=True))
    if events[-1].type == "response.failed":
        return {"raised": events[-1].response.error.code, "status": None}
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    seen = _seen_response(events[-1].response)
    assert seen["text"] == deltas, (seen["text"], deltas)
    return seen


def responses_loop(client: OpenAI, model: str, task: Task) -> Seen:
    options = _response_options(task)
    output = client.responses.create(model=model, **options).output
    results = [
        {"type": "function_call_output", "call_id": item.call_id, "output": task["result"]}
        for item in output
        if item.type == "function_call"
    ]
    options["input"] += [*(item.model_dump(exclude_unset=True) for item in output), *results]
    return _seen_response(client.responses.create(model=model, **options))


def responses_again(client: OpenAI, model: str, task: Task) -> Seen:
    options = _response_options(task)
    output = client.responses.create(model=model, **options).output
    next_turn = {"role": "user", "content": task["next"]}
    options["input"] += [*(item.model_dump(exclude_unset=True) for item in output), next_turn]
    return _seen_response(client.responses.create(model=model, **options))


def _response_options(task: Task) -> dict[str, Any]:
    content: Any = task["text"]
    if (url := _image_url(task)) is not None:
        image = {"type": "input_image", "detail": "auto", "image_url": url}
        content = [{"type": "input_text", "text": task["text"]}, image]
    options: dict[str, Any] = {
        "instructions": task["system"],
        "input": [{"role": "user", "content": content}],
        "max_output_tokens": 2048,
    }
    if "tool" in task:
        options["tools"] = [{"type": "function", "strict": False, **task["tool"]}]
    if "schema" in task:
        schema = {"type": "json_schema", "name": "report", "schema": task["schema"], "strict": True}
        options["text"] = {"format": schema}
    if "think" in task:
        options["reasoning"] = {"effort": "medium", "summary": "auto"}
        options["include"] = ["reasoning.encrypted_content"]
    return options


def _seen_response(response: Any) -> Seen:
    calls = [item for item in response.output if item.type == "function_call"]
    thoughts = [item for item in response.output if item.type == "reasoning"]
    usage = response.usage
    return {
        "text": response.output_text,
        "thoughts": "".join(part.text for item in thoughts for part in (item.summary or item.content or ())),
        "calls": [[call.name, json.loads(call.arguments)] for call in calls],
        "finish": response.status,
        "usage": {
            "input": usage.input_tokens,
            "cached": usage.input_tokens_details.cached_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.output_tokens_details.reasoning_tokens,
        },
    }


def completions(client: OpenAI, model: str, task: Task) -> Seen:
    answer = client.completions.create(model=model, **_prompt(task))
    (choice,) = answer.choices
    return _seen_completion(choice.text, choice.finish_reason, answer.usage)


def completions_stream(client: OpenAI, model: str, task: Task) -> Seen:
    """The SDK's types have no `finish_reason` of null, which is what the API has in all chunks but one."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    text, finish, usage = "", None, None
    for chunk in _lax(client).completions.create(model=model, **_prompt(task), **options):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.text
            finish = choice.finish_reason or finish
    return _seen_completion(text, finish, usage)


def _prompt(task: Task) -> dict[str, Any]:
    options: dict[str, Any] = {"prompt": f"{task['system']}\n\n{task['text']}", "max_tokens": 2048}
    return options | ({"stop": [task["stop"]]} if "stop" in task else {})


def _seen_completion(text: str, finish: str | None, usage: Any) -> Seen:
    return {"text": text, "thoughts": "", "calls": [], "finish": finish, "usage": _usage(usage)}


def models(client: OpenAI, model: str, task: Task) -> Seen:
    return model in [each.id for each in client.models.list()]


def embed(client: OpenAI, model: str, task: Task) -> Seen:
    """The SDK asks for base64 unasked, and decodes it; its strict mode cannot do that."""
    return _vectors(_lax(client).embeddings.create(model=model, input=task["texts"]))


def embed_floats(client: OpenAI, model: str, task: Task) -> Seen:
    return _vectors(client.embeddings.create(model=model, input=task["texts"], encoding_format="float"))


def embed_tokens(client: OpenAI, model: str, task: Task) -> Seen:
    tokens = [[15339, 1917], [11]]
    return _vectors(client.embeddings.create(model=model, input=tokens, encoding_format="float"))


def _vectors(answer: Any) -> Seen:
    return {"vectors": [list(each.embedding) for each in answer.data], "input": answer.usage.prompt_tokens}


CALLS: dict[str, Callable[[OpenAI, str, Task], Seen]] = {
    "plain": plain,
    "stream": stream,
    "loop": loop,
    "again": again,
    "responses": responses,
    "responses_stream": responses_stream,
    "responses_loop": responses_loop,
    "responses_again": responses_again,
    "completions": completions,
    "completions_stream": completions_stream,
    "lax_stream": lax_stream,
    "models": models,
    "embed": embed,
    "embed_floats": embed_floats,
    "embed_tokens": embed_tokens,
}
