"""A conversation that is written for a server of chat completions and read again is the same one."""

from itertools import groupby

import msgspec
from hypothesis import given
from tests.support.chat_schema import checked_request
from tests.support.conversations import SCALARS, Feature, Says, conversations
from tests.support.wire_targets import target

from fastgate.domain.conversation import (
    Conversation,
    Document,
    Message,
    Part,
    Places,
    Role,
    Text,
    Thinking,
    ToolResult,
    merged,
)
from fastgate.domain.format import Format
from fastgate.wire.chat import CLIENT, PROVIDER
from fastgate.wire.interface import Losses

SDKS = Says(
    Format.CHAT,
    {
        Feature.SYSTEM,
        Feature.LATE_SYSTEM,
        Feature.NAMES,
        Feature.IMAGE_DATA,
        Feature.IMAGE_URLS,
        Feature.IMAGE_DETAIL,
        Feature.DOCUMENT_DATA,
        Feature.FILE_IDS,
        Feature.AUDIO,
        Feature.TOOLS,
        Feature.CUSTOM_TOOLS,
        Feature.STRICT_TOOLS,
        Feature.REFUSALS,
    },
    set(SCALARS) - {"top_k", "thinking_budget"},
)
GATEWAYS = Says(
    Format.CHAT,
    {*SDKS.features, Feature.VIDEO, Feature.PLAIN_THINKING},
    SDKS.fields,
)


def again(conversation: Conversation) -> Conversation:
    losses = Losses()
    body = PROVIDER.write_request(conversation, target("gpt-5.5"), losses)
    assert not losses.names
    return CLIENT.read_request(msgspec.json.encode(body), None)


def comparable(conversation: Conversation) -> Conversation:
    """Texts that stand together are one, and the parts of an assistant's message have one order."""
    messages = tuple(
        msgspec.structs.replace(message, parts=_joined(message)) for message in merged(conversation.messages)
    )
    return msgspec.structs.replace(conversation, messages=messages, places=Places())


def _joined(message: Message) -> tuple[Part, ...]:
    parts = [_plain(part) for part in message.parts]
    if message.role is Role.ASSISTANT:
        thoughts = "".join(part.text for part in parts if isinstance(part, Thinking))
        rest: list[Part] = [part for part in parts if not isinstance(part, Thinking)]
        parts = [Thinking(text=thoughts, format=Format.CHAT), *rest] if thoughts else rest
    between = "" if message.role is Role.ASSISTANT else "\n"
    out: list[Part] = []
    only_text = all(isinstance(part, Text | ToolResult) for part in parts) or message.role is Role.ASSISTANT
    for is_text, group in groupby(parts, lambda part: isinstance(part, Text)):
        same = list(group)
        if is_text and only_text:
            out.append(Text(text=between.join(part.text for part in same if isinstance(part, Text))))
        else:
            out += same
    return tuple(out)


def _plain(part: Part) -> Part:
    if isinstance(part, ToolResult):
        texts = "\n".join(each.text for each in part.parts if isinstance(each, Text))
        return ToolResult(id=part.id, parts=(Text(text=texts),))
    if isinstance(part, Document) and part.source.data is not None and part.title is None:
        return msgspec.structs.replace(part, title="document.pdf")
    return part


@given(conversations(SDKS))
def test_all_that_the_sdk_can_say(conversation: Conversation) -> None:
    checked_request(PROVIDER.write_request(conversation, target("gpt-5.5"), Losses()))
    assert comparable(again(conversation)) == comparable(conversation)


@given(conversations(GATEWAYS))
def test_all_that_servers_take_besides(conversation: Conversation) -> None:
    assert comparable(again(conversation)) == comparable(conversation)


EVERYTHING = Says(Format.MESSAGES, set(Feature), set(SCALARS))


@given(conversations(EVERYTHING))
def test_anything_can_be_written(conversation: Conversation) -> None:
    body = msgspec.json.encode(PROVIDER.write_request(conversation, target(), Losses()))
    assert CLIENT.read_request(body, None).messages
