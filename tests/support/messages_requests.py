"""Requests in the neutral model, in few words, and what they are for the Messages API."""

from typing import Any

import msgspec
from tests.support.messages_schema import checked_request
from tests.support.wire_targets import target

from fastgate.domain.conversation import Conversation, Message, Part, Role, Text
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses
from fastgate.wire.messages import PROVIDER


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def says(role: Role, *parts: Part | str) -> Message:
    return Message(
        role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    )


def user(*parts: Part | str) -> Message:
    return says(Role.USER, *parts)


def chat(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(format=Format.CHAT, messages=messages or (user("hi"),), **fields)


def neutral(request: Conversation) -> Conversation:
    """Without what the reader keeps for Anthropic's other hosts, and without places."""
    fields = {name: getattr(request, name) for name in Conversation.__struct_fields__ if name != "places"}
    return Conversation(**fields)


def written(
    request: Conversation, model: str = "claude-sonnet-4-5", cap: int | None = None
) -> tuple[dict[str, Any], list[str]]:
    """The body, which fits the SDK's types, and the names of what is lost."""
    losses = Losses()
    return checked_request(PROVIDER.write_request(request, target(model, cap=cap), losses)), losses.names
