"""Output items and their parts, with all members that strict clients want."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Citation
from fastgate.wire.logprobs import Token, chosen_in

Written = dict[str, Any]


def message_item(id_: str, status: str, content: list[Written]) -> Written:
    return {"type": "message", "id": id_, "status": status, "role": "assistant", "content": content}


def text_part(text: str, annotations: list[Written], logprobs: list[Written]) -> Written:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal_part(text: str) -> Written:
    return {"type": "refusal", "refusal": text}


def summary_part(text: str) -> Written:
    return {"type": "summary_text", "text": text}


def reasoning_item(id_: str, text: str, encrypted: str | None) -> Written:
    """With the thoughts as a summary: of the two places for them it is the one that clients show and send
    back."""
    return {
        "type": "reasoning",
        "id": id_,
        "summary": [summary_part(text)] if text else [],
        "encrypted_content": encrypted,
    }


def call_item(id_: str, status: str, call_id: str, name: str, arguments: str, *, custom: bool) -> Written:
    """Of a custom tool it has no status."""
    if custom:
        return {
            "type": "custom_tool_call",
            "id": id_,
            "call_id": call_id,
            "name": name,
            "input": arguments,
        }
    return {
        "type": "function_call",
        "id": id_,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def image_item(id_: str, status: str, data: str | None) -> Written:
    """As OpenAI says that its own tool made one; `data` once it is there."""
    return {"type": "image_generation_call", "id": id_, "status": status, "result": data}


def annotation_of(citation: Citation, start: int, end: int, offset: int = 0) -> Written | None:
    """`start` and `end` where it does not say itself what it is for; `offset` is how much of the answer's
    text stands in front of the part. None for a source without a URL, which has no place here."""
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": start if citation.start is None else max(citation.start - offset, 0),
        "end_index": end if citation.end is None else max(citation.end - offset, 0),
    }


def logprobs_of(logprobs: msgspec.Raw | None) -> list[Written]:
    """Of chat completions' shape."""
    return [
        {**_token(each), "top_logprobs": [_token(top) for top in each.top_logprobs]}
        for each in chosen_in(logprobs)
    ]


def _token(said: Token) -> Written:
    utf8 = list(said.token.encode()) if said.bytes is None else said.bytes
    return {"token": said.token, "logprob": said.logprob, "bytes": utf8}
