"""A request for a response, read into a `Conversation`.

What only OpenAI can do for a client (conversations and prompts that it stores, work in the background) is
refused: an answer without it would be one to another question. All else that has no neutral meaning is kept
as it was written (`extra`).
"""

import re
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Message, Places, Reasoning, Role, Schema, Text
from fastgate.domain.format import Format
from fastgate.wire.interface import raw
from fastgate.wire.reading import MEMBERS, Members, decoded, invalid, json_object, missing
from fastgate.wire.responses.echo import echo_of
from fastgate.wire.responses.item_reader import KNOWN_ITEMS, item_path, read_items
from fastgate.wire.responses.shapes import (
    Allowed,
    Choice,
    CustomTool,
    FunctionTool,
    ReasoningConfig,
    ResponsesConversation,
    ResponsesRequest,
    TextConfig,
)
from fastgate.wire.responses.tool_reader import read_choice, read_tools
from fastgate.wire.unread import Kinds, Known, Unread

_requests: Final = msgspec.json.Decoder(ResponsesRequest)

_ITEM: Final = re.compile(r"^input\[(\d+)\]")
_LOGPROBS: Final = "message.output_text.logprobs"
_ALWAYS_INCLUDED: Final = "reasoning.encrypted_content"
_REFUSED: Final = {
    "previous_response_id": "Only OpenAI has the response that this one is to follow",
    "conversation": "Only OpenAI has the conversation that this response is to be part of",
    "prompt": "Only OpenAI has the template that this names",
}
_ONE_TOOL: Final = Known(also=("name",))
_unread: Final = Unread(
    Known(
        ResponsesRequest,
        one_of=[("user", "safety_identifier")],
        kept=True,
        reasoning=Known(ReasoningConfig, one_of=[("summary", "generate_summary")]),
        input=KNOWN_ITEMS,
        tools=Kinds(
            "type",
            {
                "function": Known(FunctionTool, kept=True),
                "custom": Known(CustomTool, kept=True),
            },
        ),
        tool_choice=Kinds(
            "type",
            {
                "function": _ONE_TOOL,
                "custom": _ONE_TOOL,
                "allowed_tools": Known(also=("mode",), tools=Known(Allowed)),
            },
        ),
    )
)
_ASKS_NOTHING: Final = {"truncation": b'"disabled"', "context_management": b"[]"}


def read_request(body: bytes, earlier: int = 0) -> ResponsesConversation:
    """`earlier`: so many of its first items are not the client's own, but led to the response that it names.
    GatewayError `missing_field`, `invalid_field`."""
    request = decoded(_requests, body)
    members = MEMBERS.decode(body)
    _refuse_stored(request, members)
    extra = _extra(request, members)
    logprobs = _read_include(request, extra)
    messages, places = _messages(request, earlier)
    return ResponsesConversation(
        format=Format.RESPONSES,
        messages=messages,
        tools=read_tools(request.tools),
        tool_choice=_choice(request, members, extra),
        parallel_tools=request.parallel_tool_calls,
        max_output_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        logprobs=logprobs,
        top_logprobs=request.top_logprobs,
        output_schema=_schema(request.text),
        reasoning=None if request.reasoning is None else _reasoning(request.reasoning),
        verbosity=None if request.text is None else request.text.verbosity,
        service_tier=request.service_tier,
        user=request.user if request.user is not None else request.safety_identifier,
        metadata=request.metadata,
        store=request.store,
        prompt_cache_key=request.prompt_cache_key,
        extra=extra | _unread_in(body, earlier),
        options=request.provider_options or {},
        places=places,
        echo=echo_of(members),
    )


def _refuse_stored(request: ResponsesRequest, members: Members) -> None:
    for name, what in _REFUSED.items():
        if bytes(members.get(name, b"null")) != b"null":
            raise invalid(name, what)
    if request.background:
        raise invalid("background", "Only OpenAI answers in the background")


def _extra(request: ResponsesRequest, members: Members) -> Members:
    known = request.__struct_fields__
    extra = {
        name: value
        for name, value in members.items()
        if name not in known and bytes(value) not in (b"null", _ASKS_NOTHING.get(name))
    }
    if request.stream_options is not None and request.stream_options.include_obfuscation:
        extra["stream_options"] = members["stream_options"]
    return extra


def _read_include(request: ResponsesRequest, extra: Members) -> bool | None:
    """Whether logprobs are asked for. Encrypted reasoning is in every response that has it; what else can be
    included is of tools that OpenAI hosts."""
    asked = request.include or []
    rest = [each for each in asked if each not in (_LOGPROBS, _ALWAYS_INCLUDED)]
    if rest:
        extra["include"] = raw(rest)
    return True if _LOGPROBS in asked or request.top_logprobs else None


def _unread_in(body: bytes, earlier: int) -> Members:
    unread = _unread.of(body)
    if not earlier:
        return unread
    return {
        _ITEM.sub(lambda found: item_path(int(found[1]), earlier), path): value
        for path, value in unread.items()
    }


def _messages(request: ResponsesRequest, earlier: int) -> tuple[tuple[Message, ...], Places]:
    items = missing("input") if request.input is None else request.input
    messages, places = read_items(items, earlier)
    if request.instructions:
        messages.insert(0, Message(role=Role.SYSTEM, parts=(Text(text=request.instructions),)))
        places.insert(0, ("instructions",))
    return tuple(messages), Places(parts=tuple(places))


def _choice(request: ResponsesRequest, members: Members, extra: Members) -> Any:
    choice = read_choice(request.tool_choice)
    if choice is None and isinstance(request.tool_choice, Choice):
        extra["tool_choice"] = members["tool_choice"]
    return choice


def _schema(text: TextConfig | None) -> Schema | None:
    format_ = None if text is None else text.format
    if format_ is None or format_.type == "text":
        return None
    if format_.type == "json_object":
        return Schema()
    return Schema(
        schema=json_object(format_.schema, "text.format.schema") or missing("text.format.schema"),
        name=format_.name,
        description=format_.description,
        strict=format_.strict,
    )


def _reasoning(said: ReasoningConfig) -> Reasoning | None:
    summary = said.summary or said.generate_summary
    if said.effort is None and summary is None:
        return None
    return Reasoning(effort=said.effort, shown=None if summary is None else True)
