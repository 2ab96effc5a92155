"""A whole answer, written for a client of chat completions.

Strict clients want `refusal`, `logprobs` and `annotations` also where they are empty, but no empty
`tool_calls`.
"""

from typing import Any

import msgspec

from fastgate.domain.conversation import Citation, Foreign, Image, Refusal, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Reply
from fastgate.wire.chat import media
from fastgate.wire.chat.finish import reason_of
from fastgate.wire.chat.request_reader import FunctionConversation
from fastgate.wire.chat.thinking_blocks import block_ahead, block_of
from fastgate.wire.chat.usage import tier_of, write_usage
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.lost import CITATION, IMAGE, STOP_SEQUENCE, TOOL_CALL, lose_part, lose_tier


def write_answer(reply: Reply, asked: Asked, losses: Losses) -> bytes:
    function = isinstance(asked.request, FunctionConversation)
    body: dict[str, Any] = {
        "id": reply.id or asked.fallback_id,
        "object": "chat.completion",
        "created": asked.created_s,
        "model": reply.model or asked.model,
        "choices": [
            _choice(index, choice, losses, function=function) for index, choice in enumerate(reply.choices)
        ],
    }
    if reply.fingerprint is not None:
        body["system_fingerprint"] = reply.fingerprint
    if reply.usage is not None:
        body["usage"] = write_usage(reply.usage)
    tier = tier_of(reply.service_tier)
    if tier is not None:
        body["service_tier"] = tier
    else:
        lose_tier(reply.service_tier, losses)
    return msgspec.json.encode(body)


def _choice(index: int, choice: Choice, losses: Losses, *, function: bool) -> dict[str, Any]:
    if choice.stop_sequence is not None:
        losses.drop(STOP_SEQUENCE)
    message = _message(choice, losses, function=function)
    refused = message["refusal"] is not None
    return {
        "index": index,
        "message": message,
        "logprobs": choice.logprobs,
        "finish_reason": reason_of(choice.finish, refused=refused, function=function),
    }


def _message(choice: Choice, losses: Losses, *, function: bool) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    blocks: list[dict[str, Any]] = []
    refusals: list[str] = []
    calls: list[ToolUse] = []
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    beside: dict[str, Any] = {}
    length = 0
    for part in choice.parts:
        match part:
            case Text():
                for citation in part.citations:
                    annotation = annotation_of(citation, length, length + len(part.text))
                    if annotation is None:
                        losses.drop(CITATION)
                    else:
                        annotations.append(annotation)
                length += len(part.text)
                texts.append(part.text)
                block = block_ahead(part)
                if block is not None:
                    blocks.append(block)
            case Thinking():
                thoughts.append(part.text)
                block = block_of(part)
                if block is not None:
                    blocks.append(block)
            case ToolUse():
                calls.append(part)
            case Refusal():
                refusals.append(part.text)
            case Image():
                image = image_of(part)
                if image is None:
                    losses.drop(IMAGE)
                else:
                    images.append(image)
            case Foreign() if part.format is Format.CHAT:
                beside[part.kind] = part.raw
            case _:
                lose_part(part, losses)
    said = bool(texts) or not (calls or refusals)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if said else None,
        "refusal": "".join(refusals) if refusals else None,
        "annotations": annotations,
    }
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if blocks:
        message["thinking_blocks"] = blocks
    if calls and function:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
        if len(calls) > 1:
            losses.drop(TOOL_CALL)
    elif calls:
        message["tool_calls"] = [_call(call) for call in calls]
    if images:
        message["images"] = images
    return {**message, **beside} if beside else message


def _call(call: ToolUse) -> dict[str, Any]:
    out: dict[str, Any] = {"id": call.id}
    if call.custom:
        out["type"] = "custom"
        out["custom"] = {"name": call.name, "input": call.arguments}
    else:
        out["type"] = "function"
        out["function"] = {"name": call.name, "arguments": call.arguments}
    if call.signature is not None:
        out["extra_content"] = {"google": {"thought_signature": call.signature}}
    return out


def image_of(image: Image) -> dict[str, Any] | None:
    """As OpenRouter has images that a model made. None: there is nothing to show."""
    url = media.url_of(image.source, media.UNKNOWN_IMAGE)
    return None if url is None else {"type": "image_url", "image_url": {"url": url}}


def annotation_of(citation: Citation, start: int, end: int) -> dict[str, Any] | None:
    """`start` and `end` where it does not say itself what it is for. None for a source without a URL, which
    has no place here."""
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title or "",
            "start_index": start if citation.start is None else citation.start,
            "end_index": end if citation.end is None else citation.end,
        },
    }
