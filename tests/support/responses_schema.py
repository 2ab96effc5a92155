"""What OpenAI's own SDK and the types of Open Responses say of bodies and streams of the Responses API."""

from typing import Any, Final

import httpx2
import msgspec
import openresponses_types as open_types
from openai import OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from openresponses_types import types as open_events
from pydantic import BaseModel, TypeAdapter

_requests: Final = TypeAdapter(ResponseCreateParamsNonStreaming)

_OPEN_EVENTS: Final[dict[str, type[BaseModel]]] = {
    str(next(iter(event.model_fields["type"].annotation)).value): event
    for name, event in vars(open_events).items()
    if name.endswith("StreamingEvent")
}
_NOT_OPEN: Final = ("custom_tool_call", "image_generation_call")
"""Items that OpenAI has and Open Responses has not."""


def checked_request(body: dict[str, Any]) -> bytes:
    """The body as JSON. AssertionError: the SDK's types have no place for a part of it; pydantic's
    ValidationError: it does not fit them."""
    assert _exhausted(_requests.validate_python(body)) == body
    return msgspec.json.encode(body)


def _exhausted(value: Any) -> Any:
    """Iterables are validated when they are read."""
    if isinstance(value, dict):
        return {name: _exhausted(each) for name, each in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return [_exhausted(each) for each in value]


class _Answering(httpx2.BaseTransport):
    """Gives what it was told to, whatever it is asked."""

    def __init__(self) -> None:
        self.response = httpx2.Response(500)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self.response


_transport: Final = _Answering()

# For all tests: to make one takes a hundred times as long as a call.
_sdk: Final = OpenAI(
    api_key="k",
    base_url="http://responses.test",
    max_retries=0,
    http_client=httpx2.Client(transport=_transport),
    _strict_response_validation=True,
)


def _client(answer: bytes, content_type: str, status: int = 200) -> OpenAI:
    """A client that gets these bytes for what it asks next, and takes nothing that its types do not have."""
    _transport.response = httpx2.Response(status, content=answer, headers={"content-type": content_type})
    return _sdk


def read_by_sdk(answer: bytes, status: int = 200) -> Response:
    """What the SDK makes of a whole answer, which Open Responses has a type for, too."""
    response = _client(answer, "application/json", status).responses.create(model="m", input="hi")
    _check_open(open_types.ResponseResource, msgspec.json.decode(answer))
    return response


def events_by_sdk(stream: bytes) -> list[ResponseStreamEvent]:
    """Each event validated, also as one of Open Responses."""
    client = _client(stream, "text/event-stream")
    events = list(client.responses.create(model="m", input="hi", stream=True))
    for event in events:
        kind = _OPEN_EVENTS.get(event.type)
        if kind is not None:
            _check_open(kind, event.to_dict())
    return events


def response_by_sdk(stream: bytes) -> Response:
    """What the SDK has put together at the end of a stream."""
    client = _client(stream, "text/event-stream")
    with client.responses.stream(model="m", input="hi") as events:
        return events.get_final_response()


def _check_open(kind: type[BaseModel], value: dict[str, Any]) -> None:
    text = msgspec.json.encode(value).decode()
    if not any(name in text for name in _NOT_OPEN):
        kind.model_validate(value)
