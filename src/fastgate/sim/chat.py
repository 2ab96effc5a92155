"""POST /chat/completions and the legacy /completions."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fastgate.sim.answer import Answer, Tool, answer
from fastgate.sim.reply import DONE, Reply, encode, event, json_reply
from fastgate.sim.request import Request, converted, new_id, now_s
from fastgate.sim.usage import completion_usage, content_tokens, text_tokens

Cap = Annotated[int, Meta(ge=1)]
Choices = Annotated[int, Meta(ge=1, le=128)]


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class Message(msgspec.Struct):
    role: str
    content: Any = None


class FunctionTool(msgspec.Struct):
    function: Tool


class JsonSchema(msgspec.Struct):
    schema: Any = None


class ResponseFormat(msgspec.Struct):
    type: str = "text"
    json_schema: JsonSchema | None = None


class ChatBody(msgspec.Struct):
    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Choices | None = 1
    tools: list[Any] | None = None
    tool_choice: Any = None
    response_format: ResponseFormat | None = None
    max_tokens: Cap | None = None
    max_completion_tokens: Cap | None = None


class CompletionBody(msgspec.Struct):
    model: str
    prompt: str | list[Any] | None = ""
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Choices | None = 1
    max_tokens: Cap | None = 16


_chat_decoder = msgspec.json.Decoder(ChatBody)
_completion_decoder = msgspec.json.Decoder(CompletionBody)


def chat_completions(request: Request) -> Reply:
    body = request.decode(_chat_decoder)
    request.check_model(body.model)
    format_ = body.response_format
    schema = None
    if format_ is not None and format_.type != "text":
        schema = format_.json_schema.schema if format_.json_schema else {"type": "object"}
    reply = answer(
        request.behaviour.tokens,
        (body.max_completion_tokens, body.max_tokens),
        tools=_functions(body.tools or []),
        tool_choice=body.tool_choice,
        after_tool_result=body.messages[-1].role == "tool",
        schema=schema,
    )
    choices = body.n or 1
    prompt_tokens = sum(3 + content_tokens(message.content) for message in body.messages)
    usage = completion_usage(prompt_tokens, choices * reply.tokens)
    common = {"id": new_id("chatcmpl-"), "created": now_s(), "model": body.model}
    if not body.stream:
        message = _message(reply)
        return json_reply(
            {
                **common,
                "object": "chat.completion",
                "choices": [
                    {
                        "index": i,
                        "message": message,
                        "logprobs": None,
                        "finish_reason": reply.finish_reason,
                    }
                    for i in range(choices)
                ],
                "usage": usage,
                "service_tier": "default",
                "system_fingerprint": "fp_simulated",
            },
            tokens=reply.tokens,
        )
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    common |= {
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": "fp_simulated",
    }
    return Reply(
        chunks=list(_chat_events(reply, common, choices, usage if with_usage else None)),
        instant=choices,
        content_type=b"text/event-stream",
    )


def _functions(tools: list[Any]) -> list[Tool]:
    """Tools of other types are accepted and not called."""
    return [
        converted(tool, FunctionTool, "tools").function
        for tool in tools
        if isinstance(tool, dict) and tool.get("type") == "function"
    ]


def _message(reply: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if reply.tool is None:
        message["content"] = reply.text
    else:
        function = {"name": reply.tool, "arguments": reply.text}
        message["tool_calls"] = [{"id": new_id("call_"), "type": "function", "function": function}]
    return message


def _chat_events(
    reply: Answer, common: dict[str, Any], choices: int, usage: dict[str, Any] | None
) -> Iterator[bytes]:
    """Chunks are put together from bytes: under load this is the simulation's cost."""
    opening = b"data: %b" % encode(common)[:-1]
    usage_field = b"" if usage is None else b',"usage":null'

    def chunk(index: int, delta: bytes, finish_reason: bytes = b"null") -> bytes:
        return b'%b,"choices":[{"index":%d,"delta":%b,"logprobs":null,"finish_reason":%b}]%b}\n\n' % (
            opening,
            index,
            delta,
            finish_reason,
            usage_field,
        )

    for index in range(choices):
        yield chunk(index, _first_delta(reply))
    if reply.tool is None:
        before, after = b'{"content":', b"}"
    else:
        before, after = b'{"tool_calls":[{"index":0,"function":{"arguments":', b"}}]}"
    for piece in reply.encoded:
        delta = before + piece + after
        for index in range(choices):
            yield chunk(index, delta)
    for index in range(choices):
        yield chunk(index, b"{}", encode(reply.finish_reason))
    if usage is not None:
        yield event({**common, "choices": [], "usage": usage})
    yield DONE


def _first_delta(reply: Answer) -> bytes:
    if reply.tool is None:
        return b'{"role":"assistant","content":"","refusal":null}'
    function = {"name": reply.tool, "arguments": ""}
    call = {"index": 0, "id": new_id("call_"), "type": "function", "function": function}
    return encode({"role": "assistant", "content": None, "tool_calls": [call]})


def completions(request: Request) -> Reply:
    body = request.decode(_completion_decoder)
    request.check_model(body.model)
    reply = answer(request.behaviour.tokens, (body.max_tokens,))
    prompts, prompt_tokens = _prompts(body.prompt)
    choices = prompts * (body.n or 1)
    usage = completion_usage(prompt_tokens, choices * reply.tokens)
    common = {
        "id": new_id("cmpl-"),
        "object": "text_completion",
        "created": now_s(),
        "model": body.model,
        "system_fingerprint": "fp_simulated",
    }

    def choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}

    if not body.stream:
        answers = [choice(index, reply.text, reply.finish_reason) for index in range(choices)]
        return json_reply({**common, "choices": answers, "usage": usage}, tokens=reply.tokens)
    last = reply.tokens - 1
    chunks = [
        event({**common, "choices": [choice(index, piece, reply.finish_reason if at == last else None)]})
        for at, piece in enumerate(reply.pieces)
        for index in range(choices)
    ]
    if body.stream_options is not None and body.stream_options.include_usage:
        chunks.append(event({**common, "choices": [], "usage": usage}))
    return Reply(chunks=[*chunks, DONE], instant=0, content_type=b"text/event-stream")


def _prompts(prompt: str | list[Any] | None) -> tuple[int, int]:
    """How many prompts a `prompt` holds, and their tokens: texts, or arrays of token ids."""
    if not isinstance(prompt, list):
        return 1, text_tokens(prompt or "")
    if prompt and isinstance(prompt[0], int):
        return 1, len(prompt)
    return max(1, len(prompt)), sum(
        text_tokens(item) if isinstance(item, str) else len(item) for item in prompt
    )
