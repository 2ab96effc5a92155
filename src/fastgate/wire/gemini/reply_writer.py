"""A `Reply` as a client of Gemini's expects it."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Foreign, Image, Part, Refusal, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.gemini.citations import grounding_metadata
from fastgate.wire.gemini.finish import WRITTEN
from fastgate.wire.gemini.logprobs import logprobs_result
from fastgate.wire.gemini.media import is_own_file, media_type
from fastgate.wire.gemini.seal import OWN, carried
from fastgate.wire.gemini.shapes import MEMBERS
from fastgate.wire.gemini.usage import usage_metadata
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.lost import IMAGE, STOP_SEQUENCE, lose_part, lose_tier
from fastgate.wire.seals import REDACTED, Seal
from fastgate.wire.tools import object_in

Member = dict[str, Any]


def write_answer(reply: Reply, asked: Asked, losses: Losses) -> bytes:
    answer: Member = {
        "candidates": [_candidate(choice, index, losses) for index, choice in enumerate(reply.choices)]
    }
    lose_tier(reply.service_tier, losses)
    if reply.usage is not None:
        answer["usageMetadata"] = usage_metadata(reply.usage)
    answer["modelVersion"] = reply.model or asked.model
    answer["responseId"] = reply.id or asked.fallback_id
    return msgspec.json.encode(answer)


def function_call(id_: str, name: str, arguments: str, signature: str | None) -> Member | None:
    """A part; None where the arguments are no object, because the model was cut off or wrote them wrong."""
    written = object_in(arguments)
    if written is None:
        return None
    part: Member = {"functionCall": {"id": id_, "name": name, "args": written}}
    if signature is not None:
        part["thoughtSignature"] = signature
    return part


def image_part(image: Image) -> Member | None:
    """None: it is nowhere that a client could fetch it from."""
    source = image.source
    uri = source.file_id if source.file_id is not None and is_own_file(source.file_id) else source.url
    part: Member
    if source.data is not None:
        part = {"inlineData": {"mimeType": media_type(image), "data": source.data}}
    elif uri is not None:
        part = {"fileData": {"mimeType": media_type(image), "fileUri": uri}}
    else:
        return None
    if image.signature is not None:
        part["thoughtSignature"] = image.signature
    return part


def finish_reason(finish: Finish, *, malformed: bool) -> str:
    """`malformed`: a call had to be left out."""
    if malformed and finish in {Finish.TOOL_USE, Finish.STOP}:
        finish = Finish.MALFORMED
    return WRITTEN[finish]


def sealed_thought(seal: Seal) -> Member:
    """A part that only carries what seals the thoughts before it."""
    return {"text": "", "thought": True, "thoughtSignature": carried(seal)}


def _candidate(choice: Choice, index: int, losses: Losses) -> Member:
    if choice.stop_sequence is not None:
        losses.drop(STOP_SEQUENCE)
    parts: list[Member] = []
    malformed = False
    for part in choice.parts:
        written = _part(part)
        if written is not None:
            parts.append(written)
        elif isinstance(part, ToolUse):
            malformed = True
        elif isinstance(part, Image):
            losses.drop(IMAGE)
        else:
            lose_part(part, losses)
    candidate: Member = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": finish_reason(choice.finish, malformed=malformed),
        "index": index,
    }
    if not parts:
        del candidate["content"]
    citations = [citation for part in choice.parts if isinstance(part, Text) for citation in part.citations]
    if citations:
        text = "".join(part.text for part in choice.parts if isinstance(part, Text))
        candidate["groundingMetadata"] = grounding_metadata(citations, text)
    if choice.logprobs is not None and (result := logprobs_result(choice.logprobs)) is not None:
        candidate["logprobsResult"] = result
    return candidate


def _part(part: Part) -> Member | None:
    """None for what Gemini has no part for."""
    match part:
        case Text(text=text, signature=signature):
            return {"text": text} if signature is None else {"text": text, "thoughtSignature": signature}
        case Refusal(text=text):
            return {"text": text}
        case Thinking():
            return _thought(part)
        case ToolUse():
            return function_call(part.id, part.name, part.arguments, part.signature)
        case Image():
            return image_part(part)
        case Foreign(format=Format.GENERATE_CONTENT, raw=raw):
            return MEMBERS.decode(raw)
        case _:
            return None


def _thought(part: Thinking) -> Member:
    format_ = part.format or OWN
    if part.redacted is not None:
        return sealed_thought(Seal(format_, part.redacted, place=REDACTED))
    thought: Member = {"text": part.text, "thought": True}
    if part.signature is not None:
        thought["thoughtSignature"] = carried(Seal(format_, part.signature))
    return thought
