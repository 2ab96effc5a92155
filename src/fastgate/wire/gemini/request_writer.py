"""A `Conversation` as the body of `generateContent`."""

import re
from typing import Any, Final

from fastgate.domain.conversation import Choosing, Conversation, Tool, ToolChoice
from fastgate.domain.dialect import DialectName
from fastgate.domain.format import Format
from fastgate.wire.gemini.config_writer import generation_config
from fastgate.wire.gemini.contents_writer import ContentsWriter
from fastgate.wire.interface import Losses, Target
from fastgate.wire.unread import is_path, put_back
from fastgate.wire.unsaid import drop_extra, drop_unsaid, written

Member = dict[str, Any]

_TIERS: Final = {"default": "standard", "standard_only": "standard", "flex": "flex", "priority": "priority"}
_LABEL_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")
_UNSAID: Final = ("logit_bias", "verbosity", "user", "prompt_cache_key", "parallel_tools")
"""Fields of `Conversation` that Gemini has no words for."""
_PLACED: Final = ("generationConfig", "toolConfig")
"""Members that are there for what is put back into them."""


def write_request(conversation: Conversation, target: Target, losses: Losses) -> Member:
    """The body, with what only this format says where `conversation` was read from it."""
    vertex = target.dialect == DialectName.VERTEX
    body = ContentsWriter(conversation, target.model, losses, vertex=vertex).write()
    _put_tools(conversation, body, losses)
    config = generation_config(conversation, target, losses)
    if config:
        body["generationConfig"] = config
    _put_terms(conversation, body, losses, vertex=vertex)
    drop_unsaid(conversation, losses, *_UNSAID)
    if conversation.format is Format.GENERATE_CONTENT:
        _put_extra(conversation, body)
    return body


def _put_tools(conversation: Conversation, body: Member, losses: Losses) -> None:
    declarations: list[Member] = []
    others: list[Any] = []
    for index, tool in enumerate(conversation.tools):
        if not isinstance(tool, Tool):
            if tool.format is Format.GENERATE_CONTENT:
                others.append(tool.raw)
            else:
                losses.drop(f"tools[{index}]")
        elif tool.custom:
            losses.drop(f"tools[{index}]")
        else:
            own = conversation.format is Format.GENERATE_CONTENT
            declarations.append(_declaration(tool, index, losses, own=own))
    if declarations:
        body["tools"] = [{"functionDeclarations": declarations}, *others]
        if conversation.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _calling_config(conversation.tool_choice)}
        return
    if others:
        body["tools"] = others
    choice = conversation.tool_choice
    if choice is not None and choice.choosing is Choosing.REQUIRED:
        losses.drop(written(conversation, "tool_choice"))


def _declaration(tool: Tool, index: int, losses: Losses, *, own: bool) -> Member:
    """`own`: the conversation is of this format."""
    if tool.cache is not None:
        losses.drop(f"tools[{index}].cache_control")
    if tool.strict:
        losses.drop(f"tools[{index}].strict")
    declaration: Member = {"name": tool.name}
    if tool.description is not None:
        declaration["description"] = tool.description
    if tool.parameters is not None:
        declaration["parametersJsonSchema"] = tool.parameters
    if own:
        declaration.update(tool.extra)
    else:
        drop_extra(tool, f"tools[{index}]", losses)
    return declaration


def _calling_config(choice: ToolChoice) -> Member:
    """AUTO takes no names: VALIDATED is the same with them."""
    if choice.choosing is Choosing.NONE:
        return {"mode": "NONE"}
    auto = "VALIDATED" if choice.names else "AUTO"
    config: Member = {"mode": "ANY" if choice.choosing is Choosing.REQUIRED else auto}
    if choice.names:
        config["allowedFunctionNames"] = choice.names
    return config


def _put_terms(conversation: Conversation, body: Member, losses: Losses, *, vertex: bool) -> None:
    """Of the call, not of the answer: tier, storing, labels."""
    tier = conversation.service_tier
    if tier is not None and tier != "auto":
        if tier in _TIERS and not vertex:
            body["serviceTier"] = _TIERS[tier]
        elif _TIERS.get(tier) != "standard":
            losses.drop(written(conversation, "service_tier"))
    if conversation.store is not None and not vertex:
        body["store"] = conversation.store
    else:
        drop_unsaid(conversation, losses, "store")
    if conversation.metadata:
        if vertex and _are_labels(conversation.metadata):
            body["labels"] = conversation.metadata
        else:
            losses.drop(written(conversation, "metadata"))


def _are_labels(metadata: dict[str, Any]) -> bool:
    """Google Cloud's rule for labels."""
    return all(
        isinstance(value, str) and _LABEL_KEY.fullmatch(key) and _LABEL.fullmatch(value)
        for key, value in metadata.items()
    )


def _put_extra(conversation: Conversation, body: Member) -> None:
    body |= {name: value for name, value in conversation.extra.items() if not is_path(name)}
    put_back(body, conversation.extra, into=_PLACED)
