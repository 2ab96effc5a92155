"""The text in OpenAI's bodies and events, to count its tokens where no usage is reported.

Nothing here raises on odd content: what is not understood counts as nothing.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from fastgate._core.sse import event_data
from fastgate.wire.lenient import UNREADABLE

# Published by OpenAI, in its cookbook ("How to count tokens", "Images and vision").
_PER_MESSAGE: Final = 3
_PER_NAME: Final = 1
_BEFORE_ANSWER: Final = 3
_IMAGE: Final = 765  # 1024 x 1024; the size of what is sent is not known without decoding it
_SMALL_IMAGE: Final = 85  # `detail: low`

_MEDIA: Final = frozenset(
    {
        "image_url",
        "input_image",
        "image",
        "input_audio",
        "audio",
        "file",
        "input_file",
        "document",
        "video_url",
    }
)
_OUTPUT_KEYS: Final = (
    "name",
    "reasoning_content",
    "reasoning",
    "thinking",
    "summary",
    "content",
    "text",
    "refusal",
    "transcript",
    "audio",
    "tool_calls",
    "function_call",
    "function",
    "custom",
    "arguments",
    "input",
    "output",
)
_INPUT_KEYS: Final = ("role", *_OUTPUT_KEYS)
# The same thing said twice: of each pair the second is left out.
_TWICE: Final = (("reasoning_content", "reasoning"), ("content", "summary"))


class RequestText(NamedTuple):
    """The text to count, and the tokens beside it: of the format, of media, of input given as tokens."""

    pieces: list[str]
    tokens: int


class _Request(msgspec.Struct):
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    instructions: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()
    functions: msgspec.Raw = msgspec.Raw()
    response_format: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct):
    choices: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()
    text: msgspec.Raw = msgspec.Raw()


class _Call(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Call | None = None
    custom: _Call | None = None


class _Audio(msgspec.Struct):
    transcript: str | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Call | None = None
    audio: _Audio | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    type: str | None = None
    delta: str | None = None


_requests: Final = msgspec.json.Decoder(_Request)
_answers: Final = msgspec.json.Decoder(_Answer)
_events: Final = msgspec.json.Decoder(_Event)


def request_text(body: bytes) -> RequestText:
    """Of a JSON request for chat, completions, responses or embeddings."""
    try:
        request = _requests.decode(body)
    except UNREADABLE:
        return RequestText([], 0)
    walk = _Walk(_INPUT_KEYS)
    messages = _value(request.messages)
    items = _value(request.input)
    for conversation in (messages, items):
        if isinstance(conversation, list):
            walk.tokens += sum(_format_tokens(each) for each in conversation if isinstance(each, dict))
    if messages or items:
        walk.tokens += _BEFORE_ANSWER
    for value in (_value(request.instructions), messages, _value(request.prompt), items):
        walk.add(value)
    # Definitions and schemas: as they are written is close to how the model is shown them.
    for raw in (request.tools, request.functions, request.response_format):
        walk.pieces += [bytes(raw).decode(errors="replace")] if bytes(raw) else []
    return RequestText(walk.pieces, walk.tokens)


def answer_text(body: bytes) -> str:
    """What a complete answer delivers: text, refusals, reasoning, tool calls; of all choices."""
    try:
        answer = _answers.decode(body)
    except UNREADABLE:
        return ""
    walk = _Walk(_OUTPUT_KEYS)
    choices = _value(answer.choices)
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            walk.add([choice.get("message"), choice.get("text")])
    walk.add([_value(answer.output), _value(answer.text)])
    return "".join(walk.pieces)


def delta_text(event: bytes) -> str:
    """What one raw event of a stream adds to the answer; "" for events that only repeat or frame it."""
    data = event_data(event)
    try:
        decoded = _events.decode(data)
    except UNREADABLE:
        return _odd_delta_text(data)
    if decoded.choices is None:
        return decoded.delta or "" if _is_text(decoded.type) else ""
    pieces: list[str | None] = []
    for choice in decoded.choices:
        pieces.append(choice.text)
        delta = choice.delta
        if delta is not None:
            pieces += (delta.reasoning_content or delta.reasoning, delta.content, delta.refusal)
            if delta.audio is not None:
                pieces.append(delta.audio.transcript)
            for call in delta.tool_calls or ():
                pieces += _call_text(call.function) + _call_text(call.custom)
            pieces += _call_text(delta.function_call)
    return "".join(piece for piece in pieces if piece)


def _odd_delta_text(data: bytes) -> str:
    """Of a vendor that fills the fields with other types, such as lists of parts."""
    walk = _Walk(_OUTPUT_KEYS)
    event = _value(msgspec.Raw(data))
    choices = event.get("choices") if isinstance(event, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            walk.add([choice.get("delta"), choice.get("text")])
    return "".join(walk.pieces)


def _is_text(type_: str | None) -> bool:
    """`response.output_text.delta` and its kin; the deltas of sound are base64."""
    return type_ is not None and type_.endswith(".delta") and not type_.endswith("audio.delta")


def _call_text(call: _Call | None) -> tuple[str | None, ...]:
    return () if call is None else (call.name, call.arguments, call.input)


def _format_tokens(message: dict[str, Any]) -> int:
    return _PER_MESSAGE + (_PER_NAME if message.get("name") else 0)


def _value(raw: msgspec.Raw) -> Any:
    """None if it is absent or no JSON."""
    if not bytes(raw):
        return None
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


class _Walk:
    """Collects text in its order, from values nested however deep."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.pieces: list[str] = []
        self.tokens = 0
        self._keys = tuple(keys)

    def add(self, value: Any) -> None:
        stack = [value]
        while stack:
            value = stack.pop()
            if isinstance(value, str):
                self.pieces.append(value)
            elif isinstance(value, list):
                if value and isinstance(value[0], int):
                    self.tokens += len(value)
                else:
                    stack.extend(reversed(value))
            elif isinstance(value, dict):
                if _is_media(value.get("type")):
                    self.tokens += _media_tokens(value)
                else:
                    stack.extend(reversed(self._members(value)))

    def _members(self, value: dict[str, Any]) -> list[Any]:
        skipped = {second for first, second in _TWICE if value.get(first)}
        found = [(key, value[key]) for key in self._keys if key in value and key not in skipped]
        return [
            msgspec.json.encode(member).decode()
            if key == "arguments" and not isinstance(member, str)
            else member
            for key, member in found
        ]


def _is_media(type_: Any) -> bool:
    return isinstance(type_, str) and type_ in _MEDIA


def _media_tokens(part: dict[str, Any]) -> int:
    image = part.get("image_url")
    detail = image.get("detail") if isinstance(image, dict) else part.get("detail")
    return _SMALL_IMAGE if detail == "low" else _IMAGE
