"""What Anthropic's own SDK says of bodies of the Messages API: its types, and its client on given bytes."""

from typing import Any, Final

import httpx2
import msgspec
from anthropic import Anthropic
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter

# Gone from the types with version 2026-10-21 of the API, and taken by the version that is written for.
_SAMPLING: Final = ("temperature", "top_p", "top_k")

_requests: Final = TypeAdapter(MessageCreateParamsNonStreaming)


def checked_request(body: dict[str, Any]) -> dict[str, Any]:
    """The body as plain values. AssertionError: the SDK's types have no place for a part of it; pydantic's
    ValidationError: it does not fit them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    typed = {name: value for name, value in plain.items() if name not in (*_SAMPLING, "stream")}
    assert _exhausted(_requests.validate_python(typed)) == typed
    return plain


def _exhausted(value: Any) -> Any:
    """Iterables are validated when they are read."""
    if isinstance(value, dict):
        return {name: _exhausted(each) for name, each in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return [_exhausted(each) for each in value]


def _client(answer: bytes, content_type: str, status: int = 200) -> Anthropic:
    """A client that gets these bytes for whatever it asks, and takes nothing that its types do not have."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=answer, headers={"content-type": content_type})

    return Anthropic(
        api_key="k",
        base_url="http://messages.test",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(respond)),
        _strict_response_validation=True,
    )


_ASKS: Final[dict[str, Any]] = {
    "model": "m",
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "hi"}],
}


def read_by_sdk(answer: bytes, status: int = 200) -> Message:
    """What the SDK makes of a whole answer; it raises its own errors."""
    with _client(answer, "application/json", status) as client:
        message = client.messages.create(**_ASKS)
    assert isinstance(message, Message)
    return message


def events_by_sdk(stream: bytes) -> list[RawMessageStreamEvent]:
    """Each event validated."""
    with _client(stream, "text/event-stream") as client:
        return list(client.messages.create(**_ASKS, stream=True))


def message_by_sdk(stream: bytes) -> Message:
    """What the SDK has put together at the end of a stream."""
    with _client(stream, "text/event-stream") as client, client.messages.stream(**_ASKS) as events:
        return events.get_final_message()
