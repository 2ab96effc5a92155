"""Pieces of an answer that whole ones and chunks share, with what each vendor makes of them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from fastgate.domain.conversation import Citation, Image
from fastgate.domain.format import Format
from fastgate.wire.chat import media
from fastgate.wire.chat.answer_shapes import Call, Function, Said, annotations
from fastgate.wire.lenient import UNREADABLE


def thoughts_of(said: Said) -> str:
    value = said.reasoning_content or said.reasoning
    return value if isinstance(value, str) else ""


def pieces_of(content: Any) -> Iterator[tuple[bool, str]]:
    """Texts in their order, and whether each is a thought: Mistral lists them among parts."""
    if isinstance(content, str):
        yield False, content
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, dict):
                continue
            text = part.get("text")
            if isinstance(text, str):
                yield False, text
            for thought in _listed(part.get("thinking")):
                yield True, thought


def _listed(thinking: Any) -> Iterator[str]:
    if isinstance(thinking, str):
        yield thinking
    elif isinstance(thinking, list):
        for part in thinking:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def images_of(images: Any) -> Iterator[Image]:
    for image in images if isinstance(images, list) else ():
        url = image.get("image_url") if isinstance(image, dict) else None
        if isinstance(url, dict):
            url = url.get("url")
        if isinstance(url, str):
            yield Image(source=media.source_of_url(url))


def citations_of(said: Said) -> Iterator[Citation]:
    for raw in said.annotations or ():
        try:
            cited = annotations.decode(raw).url_citation
        except UNREADABLE:
            continue  # beside the answer, and not worth it
        if cited is not None:
            yield Citation(
                url=cited.url,
                title=cited.title,
                start=cited.start_index,
                end=cited.end_index,
                format=Format.CHAT,
                raw=raw,
            )


def arguments_of(function: Function) -> str:
    arguments = function.arguments
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()


def signature_of(call: Call) -> str | None:
    extra = call.extra_content
    return extra.google.thought_signature if extra is not None and extra.google is not None else None
