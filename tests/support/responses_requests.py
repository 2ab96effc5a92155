"""Conversations as bodies for the Responses API: written here only, since no provider of that format is ever
translated to."""

from typing import Any

import msgspec

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Choosing,
    Conversation,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from fastgate.wire.responses.seal import encrypted_of

Written = dict[str, Any]


def body_of(conversation: Conversation) -> Written:
    """Of a conversation that this format can say."""
    body: Written = {
        "model": "m",
        "input": [item for message in conversation.messages for item in _items(message)],
        "max_output_tokens": conversation.max_output_tokens,
        "temperature": conversation.temperature,
        "top_p": conversation.top_p,
        "top_logprobs": conversation.top_logprobs,
        "service_tier": conversation.service_tier,
        "user": conversation.user,
        "metadata": conversation.metadata,
        "store": conversation.store,
        "prompt_cache_key": conversation.prompt_cache_key,
        "parallel_tool_calls": conversation.parallel_tools,
        "tools": [_tool(tool) for tool in conversation.tools if isinstance(tool, Tool)],
        "text": _text_config(conversation),
    }
    if conversation.reasoning is not None and conversation.reasoning.effort is not None:
        body["reasoning"] = {"effort": conversation.reasoning.effort.value}
    if conversation.tool_choice is not None:
        body["tool_choice"] = _choice(conversation.tool_choice, conversation)
    return {name: value for name, value in body.items() if value not in (None, {})}


def _items(message: Message) -> list[Written]:
    items: list[Written] = []
    for part in message.parts:
        match part:
            case Thinking():
                thought = [{"type": "summary_text", "text": part.text}] if part.text else []
                encrypted = encrypted_of(part)
                items.append({"type": "reasoning", "id": "rs_1", "summary": thought})
                if encrypted is not None:
                    items[-1]["encrypted_content"] = encrypted
            case ToolUse():
                items.append(_call(part))
            case ToolResult():
                items.append(
                    {
                        "type": "function_call_output",
                        "call_id": part.id,
                        "output": [_content(each, message.role) for each in part.parts],
                    }
                )
            case _:
                content = _content(part, message.role)
                if items and items[-1]["type"] == "message":
                    items[-1]["content"].append(content)
                else:
                    items.append(_message(message.role, content))
    return items


def _message(role: Role, content: Written) -> Written:
    item: Written = {"type": "message", "role": role.value, "content": [content]}
    if role is Role.ASSISTANT:
        item |= {"id": "msg_1", "status": "completed"}
    return item


def _call(use: ToolUse) -> Written:
    if use.custom:
        return {"type": "custom_tool_call", "call_id": use.id, "name": use.name, "input": use.arguments}
    return {"type": "function_call", "call_id": use.id, "name": use.name, "arguments": use.arguments}


def _content(part: Part, role: Role) -> Written:
    match part:
        case Text() if role is Role.ASSISTANT:
            return {"type": "output_text", "text": part.text, "annotations": []}
        case Text():
            return _marked({"type": "input_text", "text": part.text}, part.cache)
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Image():
            image: Written = {"type": "input_image", "detail": part.detail or "auto"}
            return _marked(image | _image_source(part.source), part.cache)
        case Document():
            return _marked({"type": "input_file", **_file(part)}, part.cache)
        case Audio():
            kind = {"audio/wav": "wav", "audio/mpeg": "mp3"}[part.source.media_type]
            return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": kind}}
        case _:
            raise AssertionError(f"there is no {type(part).__name__} in this format")


def _image_source(source: Source) -> Written:
    if source.file_id is not None:
        return {"file_id": source.file_id}
    return {"image_url": source.url or f"data:{source.media_type};base64,{source.data}"}


def _file(part: Document) -> Written:
    source = part.source
    named = {} if part.title is None else {"filename": part.title}
    if source.file_id is not None:
        return {"file_id": source.file_id, **named}
    if source.url is not None:
        return {"file_url": source.url, **named}
    return {"file_data": f"data:{source.media_type};base64,{source.data}", **named}


def _marked(part: Written, cache: CacheFor | None) -> Written:
    if cache is CacheFor.DEFAULT:
        part["prompt_cache_breakpoint"] = {"mode": "explicit"}
    elif cache is not None:
        part["prompt_cache_breakpoint"] = {"mode": "explicit", "ttl": "12h"}
    return part


def _tool(tool: Tool) -> Written:
    said: Written = {"type": "custom" if tool.custom else "function", "name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if not tool.custom:
        said["parameters"] = None if tool.parameters is None else msgspec.json.decode(tool.parameters)
        said["strict"] = tool.strict
    return said


def _choice(choice: ToolChoice, conversation: Conversation) -> str | Written:
    kinds = {
        tool.name: "custom" if tool.custom else "function"
        for tool in conversation.tools
        if isinstance(tool, Tool)
    }
    named = [{"type": kinds[name], "name": name} for name in choice.names]
    if not named:
        return choice.choosing.value
    if len(named) == 1 and choice.choosing is Choosing.REQUIRED:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.choosing.value, "tools": named}


def _text_config(conversation: Conversation) -> Written:
    config: Written = {}
    schema = conversation.output_schema
    if schema is not None and schema.schema is None:
        config["format"] = {"type": "json_object"}
    elif schema is not None:
        said: Written = {"type": "json_schema", "name": schema.name, "description": schema.description}
        said |= {"schema": msgspec.json.decode(schema.schema or b"{}"), "strict": schema.strict}
        config["format"] = {name: value for name, value in said.items() if value is not None}
    if conversation.verbosity is not None:
        config["verbosity"] = conversation.verbosity
    return config
