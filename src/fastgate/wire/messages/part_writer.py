"""Parts of an answer as content blocks, with all fields that strict clients want."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Citation, Foreign, Image, Part, Refusal, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses
from fastgate.wire.lost import CITATION, described, lose_part
from fastgate.wire.messages.block_writer import tool_input
from fastgate.wire.messages.seal import FAMILY, carried
from fastgate.wire.seals import AHEAD, Seal

Block = dict[str, Any]

_DIRECT: Final = {"type": "direct"}


def blocks_of(part: Part, losses: Losses) -> list[Block]:
    """No block for what an answer in this format cannot have; images are put into words."""
    match part:
        case Text():
            block = text_block(part.text)
            written = [each for each in map(citation, part.citations) if each is not None]
            if len(written) < len(part.citations):
                losses.drop(CITATION)
            block["citations"] = written or None
            return [*seal_block(part.signature), block]
        case Refusal():
            return [text_block(part.text)]
        case ToolUse():
            tool = tool_block(part.id, part.name)
            return [*seal_block(part.signature), {**tool, "input": tool_input(part.arguments)}]
        case Thinking():
            return [thinking_block(part)]
        case Foreign() if part.format in FAMILY:
            return [msgspec.json.decode(part.raw, type=dict[str, msgspec.Raw])]
        case Image():
            return [text_block(described(part, losses))]
        case _:
            lose_part(part, losses)
            return []


def text_block(text: str) -> Block:
    return {"type": "text", "text": text, "citations": None}


def tool_block(id_: str, name: str) -> Block:
    return {"type": "tool_use", "id": id_, "name": name, "input": {}, "caller": _DIRECT}


def thinking_block(part: Thinking) -> Block:
    if part.redacted is not None:
        return {"type": "redacted_thinking", "data": carried(Seal(part.format, part.redacted))}
    signature = carried(Seal(part.format, part.signature)) if part.signature else ""
    return {"type": "thinking", "thinking": part.text, "signature": signature}


def seal_block(signature: str | None) -> list[Block]:
    """What carries the seal of the next part, which only Gemini's have."""
    if not signature:
        return []
    seal = carried(Seal(Format.GENERATE_CONTENT, signature, place=AHEAD))
    return [{"type": "thinking", "thinking": "", "signature": seal}]


def citation(said: Citation) -> msgspec.Raw | Block | None:
    """As it was written for this format, or that of a page on the web; None for others, which point into
    documents in ways that this format has not."""
    if said.format in FAMILY:
        return said.raw
    if said.url is None:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": said.quoted or "",
        "encrypted_index": "",
        "title": said.title,
        "url": said.url,
    }
