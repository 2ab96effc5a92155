"""POST /responses and what can be done with a stored response. Stored ones are kept in memory."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fastgate.sim.answer import Answer, Tool, answer
from fastgate.sim.reply import Reply, SimError, json_reply, named_event
from fastgate.sim.request import Request, converted, new_id, now_s
from fastgate.sim.usage import content_tokens, text_tokens

_MOST_STORED = 1_000  # a load test must not eat the memory


class TextFormat(msgspec.Struct):
    type: str = "text"
    schema: Any = None


class TextConfig(msgspec.Struct):
    format: TextFormat | None = None


class ResponsesBody(msgspec.Struct):
    model: str
    input: str | list[Any] = ""
    instructions: str | None = None
    stream: bool | None = False
    store: bool | None = True
    background: bool | None = False
    tools: list[Any] | None = None
    tool_choice: Any = "auto"
    text: TextConfig | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    previous_response_id: str | None = None
    metadata: dict[str, str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None


_decoder = msgspec.json.Decoder(ResponsesBody)


class Stored(msgspec.Struct):
    response: dict[str, Any]
    input_items: list[dict[str, Any]]


class Responses:
    """The endpoint with its memory: the newest thousand responses of this process."""

    def __init__(self) -> None:
        self._stored: OrderedDict[str, Stored] = OrderedDict()

    def create(self, request: Request) -> Reply:
        body = request.decode(_decoder)
        request.check_model(body.model)
        if body.previous_response_id is not None:
            self._find(body.previous_response_id)
        items = _input_items(body.input)
        reply = _answer(body, items, request.behaviour.tokens)
        response = _response(body, items, reply)
        if body.store is not False:
            self._stored[response["id"]] = Stored(response, items)
            if len(self._stored) > _MOST_STORED:
                self._stored.popitem(last=False)
        if not body.stream:
            return json_reply(response, tokens=reply.tokens)
        events = [named_event(event) for event in _numbered(_events(response, reply))]
        return Reply(chunks=events, instant=2, content_type=b"text/event-stream")

    def get(self, request: Request) -> Reply:
        return json_reply(self._find(request.segments[0]).response)

    def delete(self, request: Request) -> Reply:
        response_id = request.segments[0]
        self._find(response_id)
        del self._stored[response_id]
        return json_reply({"id": response_id, "object": "response", "deleted": True})

    def cancel(self, request: Request) -> Reply:
        response = self._find(request.segments[0]).response
        if not response["background"]:
            raise SimError(400, "Only a response made with background=true can be cancelled.")
        response["status"] = "cancelled"
        return json_reply(response)

    def input_items(self, request: Request) -> Reply:
        items = self._find(request.segments[0]).input_items
        ids = [item["id"] for item in items] or [""]
        listing = {"object": "list", "data": items, "has_more": False}
        return json_reply({**listing, "first_id": ids[0], "last_id": ids[-1]})

    def _find(self, response_id: str) -> Stored:
        if (stored := self._stored.get(response_id)) is None:
            raise SimError(404, f"Response with id '{response_id}' not found.")
        return stored


def _answer(body: ResponsesBody, items: list[dict[str, Any]], tokens: int) -> Answer:
    format_ = body.text.format if body.text else None
    schema = None
    if format_ is not None and format_.type != "text":
        schema = format_.schema or {"type": "object"}
    return answer(
        tokens,
        (body.max_output_tokens,),
        tools=[
            converted(tool, Tool, "tools")
            for tool in body.tools or []
            if isinstance(tool, dict) and tool.get("type") == "function"
        ],
        tool_choice=body.tool_choice,
        after_tool_result=bool(items) and items[-1].get("type") == "function_call_output",
        schema=schema,
    )


def _input_items(given: str | list[Any]) -> list[dict[str, Any]]:
    """The input as the list of items that OpenAI makes of it."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not all(isinstance(item, dict) for item in items):
        raise SimError(400, "Each input item must be an object.", param="input")
    return [_input_item(item) for item in items]


def _input_item(item: dict[str, Any]) -> dict[str, Any]:
    item = {"id": new_id("msg_"), **item}
    if "role" in item:
        item.setdefault("type", "message")
        if isinstance(item.get("content"), str):
            item["content"] = [{"type": "input_text", "text": item["content"]}]
    return item


def _response(body: ResponsesBody, items: list[dict[str, Any]], reply: Answer) -> dict[str, Any]:
    input_tokens = sum(3 + content_tokens(item.get("content", "")) for item in items)
    input_tokens += text_tokens(body.instructions) if body.instructions else 0
    cut = reply.finish_reason == "length"
    format_ = body.text.format if body.text else None
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": now_s(),
        "completed_at": now_s(),
        "status": "incomplete" if cut else "completed",
        "background": bool(body.background),
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": None,
        "metadata": body.metadata or {},
        "model": body.model,
        "output": [_output_item(reply)],
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": body.previous_response_id,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.store is not False,
        "temperature": 1.0 if body.temperature is None else body.temperature,
        "text": {"format": _echoed_format(format_), "verbosity": "medium"},
        "tool_choice": body.tool_choice,
        "tools": [_echoed_tool(tool) for tool in body.tools or []],
        "top_logprobs": 0,
        "top_p": 1.0 if body.top_p is None else body.top_p,
        "truncation": "disabled",
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": reply.tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + reply.tokens,
        },
        "user": body.user,
    }


def _echoed_format(format_: TextFormat | None) -> dict[str, Any]:
    if format_ is None or format_.type != "json_schema":
        return {"type": format_.type if format_ else "text"}
    return {
        "type": "json_schema",
        "name": "simulated",
        "schema": format_.schema,
        "strict": True,
        "description": None,
    }


def _echoed_tool(tool: Any) -> Any:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        return tool
    return {"strict": True, "parameters": None, "description": None, **tool}


def _output_item(reply: Answer) -> dict[str, Any]:
    if reply.tool is not None:
        return {
            "type": "function_call",
            "id": new_id("fc_"),
            "call_id": new_id("call_"),
            "name": reply.tool,
            "arguments": reply.text,
            "status": "completed",
        }
    return {
        "type": "message",
        "id": new_id("msg_"),
        "role": "assistant",
        "status": "completed" if reply.finish_reason == "stop" else "incomplete",
        "content": [_text_part(reply.text)],
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _events(response: dict[str, Any], reply: Answer) -> Iterator[dict[str, Any]]:
    """The events of a streamed response, without their sequence numbers."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
    begun["incomplete_details"] = None
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    item = response["output"][0]
    yield from _call_events(item, reply) if reply.tool is not None else _message_events(item, reply)
    ending = "incomplete" if response["status"] == "incomplete" else "completed"
    yield {"type": f"response.{ending}", "response": response}


def _message_events(item: dict[str, Any], reply: Answer) -> Iterator[dict[str, Any]]:
    begun = {**item, "status": "in_progress", "content": []}
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    part = item["content"][0]
    yield {"type": "response.output_item.added", "output_index": 0, "item": begun}
    yield {"type": "response.content_part.added", **at, "part": _text_part("")}
    for piece in reply.pieces:
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": reply.text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}


def _call_events(item: dict[str, Any], reply: Answer) -> Iterator[dict[str, Any]]:
    begun = {**item, "status": "in_progress", "arguments": ""}
    at = {"item_id": item["id"], "output_index": 0}
    yield {"type": "response.output_item.added", "output_index": 0, "item": begun}
    for piece in reply.pieces:
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    done = {"name": item["name"], "arguments": item["arguments"]}
    yield {"type": "response.function_call_arguments.done", **at, **done}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}


def _numbered(events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}
