"""What OpenAI's own SDK says of bodies of chat completions and completions: its types, and its client on
given bytes."""

from typing import Any, Final

import httpx2
import msgspec
from openai import OpenAI
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter

_whole_requests: Final = TypeAdapter(CompletionCreateParamsNonStreaming)
_stream_requests: Final = TypeAdapter(CompletionCreateParamsStreaming)


def checked_request(body: dict[str, Any]) -> dict[str, Any]:
    """The body as plain values. AssertionError: the SDK's types have no place for a part of it; pydantic's
    ValidationError: it does not fit them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    requests = _stream_requests if plain.get("stream") else _whole_requests
    assert _exhausted(requests.validate_python(plain)) == plain
    return plain


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


def _sdk(*, strict: bool) -> OpenAI:
    return OpenAI(
        api_key="k",
        base_url="http://chat.test",
        max_retries=0,
        http_client=httpx2.Client(transport=_transport),
        _strict_response_validation=strict,
    )


# For all tests: to make one takes a hundred times as long as a call.
_strict: Final = _sdk(strict=True)
_lenient: Final = _sdk(strict=False)


def _client(answer: bytes, content_type: str, status: int = 200, *, strict: bool = True) -> OpenAI:
    """A client that gets these bytes for what it asks next. A strict one takes nothing that its types do not
    have."""
    _transport.response = httpx2.Response(status, content=answer, headers={"content-type": content_type})
    return _strict if strict else _lenient


_ASKS: Final[dict[str, Any]] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def read_by_sdk(answer: bytes, status: int = 200) -> ChatCompletion:
    """What the SDK makes of a whole answer; it raises its own errors."""
    client = _client(answer, "application/json", status)
    completion: ChatCompletion = client.chat.completions.create(**_ASKS)
    return completion


def chunks_by_sdk(stream: bytes) -> list[ChatCompletionChunk]:
    """Each chunk validated."""
    client = _client(stream, "text/event-stream")
    return list(client.chat.completions.create(**_ASKS, stream=True))


def completion_by_sdk(stream: bytes) -> ChatCompletion:
    """What the SDK has put together at the end of a stream."""
    client = _client(stream, "text/event-stream")
    with client.chat.completions.stream(**_ASKS) as events:
        return events.get_final_completion()


def legacy_by_sdk(answer: bytes) -> Completion:
    client = _client(answer, "application/json")
    return client.completions.create(model="m", prompt="hi")


def legacy_chunks_by_sdk(stream: bytes) -> list[Completion]:
    """Its types have no `finish_reason` of null, as the API sends it in all chunks but the last of a choice;
    that apart each is validated."""
    client = _client(stream, "text/event-stream", strict=False)
    chunks = list(client.completions.create(model="m", prompt="hi", stream=True))
    for chunk in chunks:
        said = chunk.to_dict()
        choices: Any = said["choices"]
        for choice in choices:
            choice["finish_reason"] = choice["finish_reason"] or "stop"
        Completion.model_validate(said)
    return chunks
