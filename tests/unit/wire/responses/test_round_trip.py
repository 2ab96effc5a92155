"""A conversation that is said in this format is read as the same one, and an answer comes back as it was."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support.answers import replies, streams
from tests.support.conversations import SCALARS, Feature, Says, conversations
from tests.support.responses_requests import body_of
from tests.support.responses_schema import checked_request, events_by_sdk, read_by_sdk
from tests.support.wire_targets import asked

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.conversation import (
    Conversation,
    Image,
    Part,
    Role,
    Text,
    ToolResult,
    ToolUse,
    merged,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Delta, Finish, Reply
from fastgate.wire.interface import Losses
from fastgate.wire.responses import CLIENT

SAYS = Says(
    Format.RESPONSES,
    {
        Feature.SYSTEM,
        Feature.DEVELOPER,
        Feature.LATE_SYSTEM,
        Feature.IMAGE_DATA,
        Feature.IMAGE_URLS,
        Feature.IMAGE_DETAIL,
        Feature.DOCUMENT_DATA,
        Feature.DOCUMENT_URLS,
        Feature.FILE_IDS,
        Feature.TOOLS,
        Feature.CUSTOM_TOOLS,
        Feature.STRICT_TOOLS,
        Feature.ALLOWED_TOOLS,
        Feature.RESULT_IMAGES,
        Feature.THINKING,
        Feature.PLAIN_THINKING,
        Feature.CACHE,
        Feature.REFUSALS,
    },
    {
        "parallel_tools",
        "max_output_tokens",
        "temperature",
        "top_p",
        "output_schema",
        "json_object",
        "effort",
        "verbosity",
        "service_tier",
        "user",
        "metadata",
        "store",
        "prompt_cache_key",
    },
)
EVERY_THOUGHT = Says(
    Format.MESSAGES,
    {*SAYS.features, Feature.REDACTED, Feature.AUDIO} - {Feature.PLAIN_THINKING},
    SAYS.fields,
)
ANSWERS = Says(
    Format.MESSAGES,
    {
        Feature.TOOLS,
        Feature.CUSTOM_TOOLS,
        Feature.THINKING,
        Feature.REDACTED,
        Feature.SIGNATURES,
        Feature.REFUSALS,
    },
)
FINISHES = (Finish.STOP, Finish.LENGTH, Finish.FILTERED)

assert set(SAYS.fields) <= set(SCALARS)


def comparable(conversation: Conversation) -> dict[str, Any]:
    messages = [
        msgspec.structs.replace(message, parts=tuple(map(_plain, message.parts)))
        for message in merged(conversation.messages)
    ]
    said = msgspec.structs.asdict(conversation)
    return {**said, "messages": messages, "echo": None, "kept": None, "format": None, "places": None}


def _plain(part: Part) -> Part:
    """`auto` is what an image's detail is where nobody says it."""
    match part:
        case Image():
            return msgspec.structs.replace(part, detail=part.detail or "auto")
        case ToolResult():
            return msgspec.structs.replace(part, parts=tuple(map(_plain, part.parts)))
        case _:
            return part


def _unmarked(conversation: Conversation) -> Conversation:
    """Without the cache markers that have no place here: those of what a model has said, and of results."""

    def bare(role: Role, part: Part) -> Part:
        if isinstance(part, ToolUse | ToolResult) or (role is Role.ASSISTANT and isinstance(part, Text)):
            return msgspec.structs.replace(part, cache=None)
        return part

    messages = tuple(
        msgspec.structs.replace(message, parts=tuple(bare(message.role, part) for part in message.parts))
        for message in conversation.messages
    )
    tools = tuple(msgspec.structs.replace(tool, cache=None) for tool in conversation.tools)
    return msgspec.structs.replace(conversation, messages=messages, tools=tools)


@given(conversations(SAYS))
def test_requests(conversation: Conversation) -> None:
    said = _unmarked(conversation)
    read = CLIENT.read_request(checked_request(body_of(said)), None)
    assert comparable(read) == comparable(said)


@given(conversations(EVERY_THOUGHT))
def test_thoughts_of_another_vendor(conversation: Conversation) -> None:
    said = _unmarked(conversation)
    read = CLIENT.read_request(msgspec.json.encode(body_of(said)), None)
    assert comparable(read) == comparable(said)


def spoken(parts: tuple[Part, ...]) -> list[Part]:
    """Texts in a row are one, unless a seal stands between them."""
    out: list[Part] = []
    for part in parts:
        last = out[-1] if out else None
        if isinstance(part, Text) and isinstance(last, Text) and part.signature is None:
            out[-1] = msgspec.structs.replace(last, text=last.text + part.text)
        else:
            out.append(part)
    return out


def next_turn(output: list[dict[str, Any]]) -> list[Part]:
    """What is read of an answer's items, when the client sends them back."""
    body = {"model": "m", "input": [*output, {"role": "user", "content": "go on"}]}
    messages = CLIENT.read_request(msgspec.json.encode(body), None).messages
    return [part for message in messages[:-1] for part in message.parts]


_NOBODY = CLIENT.read_request(b'{"model":"m","input":"hi"}', None)


@given(replies(ANSWERS, finishes=FINISHES))
def test_answers_come_back(reply: Reply) -> None:
    answer = CLIENT.write_answer(reply, asked(_NOBODY), Losses())
    read_by_sdk(answer)
    response = msgspec.json.decode(answer)
    assert next_turn(response["output"]) == spoken(reply.choices[0].parts)
    assert (response["usage"] is None) == (reply.usage is None)


@given(streams(replies(ANSWERS, finishes=FINISHES)))
def test_a_stream_ends_in_the_same_answer(deltas: list[Delta]) -> None:
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = b"".join(writer.write([delta]) for delta in deltas) + writer.end()
    events_by_sdk(stream)
    whole = CLIENT.stream_writer(asked(_NOBODY))
    at_once = whole.write(deltas) + whole.end()
    assert _without_ids(_response(stream)) == _without_ids(_response(at_once))


@given(st.data())
def test_the_items_of_a_stream_are_read_as_what_was_said(data: st.DataObject) -> None:
    reply = data.draw(replies(ANSWERS, finishes=FINISHES))
    deltas = data.draw(streams(st.just(reply)))
    writer = CLIENT.stream_writer(asked(_NOBODY))
    response = _response(writer.write(deltas) + writer.end())
    # No delta tells the seal of a text.
    said = tuple(
        msgspec.structs.replace(part, signature=None) if isinstance(part, Text) else part
        for part in reply.choices[0].parts
    )
    assert next_turn(response["output"]) == spoken(said)


def _response(stream: bytes) -> dict[str, Any]:
    splitter = EventSplitter((), 1 << 22)
    splitter.feed(stream)
    last, _ = splitter.events()[-1]
    response: dict[str, Any] = msgspec.json.decode(event_data(last))["response"]
    return response


def _without_ids(response: dict[str, Any]) -> dict[str, Any]:
    output = [{**item, "id": None} for item in response["output"]]
    return {**response, "id": None, "output": output, "completed_at": None}
