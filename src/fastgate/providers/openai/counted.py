"""What an answer shows to have been done that its usage does not count: searches, images, sound."""

from collections.abc import Callable
from typing import Final

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.usage import Usage
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.openai_usage import milliseconds

_SEARCH_CALL: Final = b"_search_call"


class _Action(msgspec.Struct):
    type: str | None = None


class _Item(msgspec.Struct):
    type: str | None = None
    action: _Action | None = None


class _Response(msgspec.Struct):
    output: list[_Item] | None = None


class _Images(msgspec.Struct):
    data: list[msgspec.Raw] | None = None


class _Transcript(msgspec.Struct):
    duration: msgspec.Raw = msgspec.Raw()


_responses: Final = msgspec.json.Decoder(_Response)
_images: Final = msgspec.json.Decoder(_Images)
_transcripts: Final = msgspec.json.Decoder(_Transcript)


def with_searches(response: bytes | msgspec.Raw, usage: Usage | None) -> Usage | None:
    """Of a response object of the Responses API: calls of the provider's own tools. OpenAI bills a search of
    the web, and not that a page is then opened or looked through."""
    if _SEARCH_CALL not in bytes(response):
        return usage
    try:
        items = _responses.decode(response).output or ()
    except UNREADABLE:
        return usage
    called = [item.type for item in items if item.action is None or item.action.type in (None, "search")]
    usage = usage or Usage()
    usage.web_searches += called.count("web_search_call")
    if files := called.count("file_search_call"):
        usage.other = {**(usage.other or {}), "storage_searches": files}
    return usage


def _with_images(answer: bytes, usage: Usage | None) -> Usage | None:
    try:
        made = len(_images.decode(answer).data or ())
    except UNREADABLE:
        return usage
    if made:
        usage = usage or Usage()
        usage.images = made
    return usage


def _with_duration(answer: bytes, usage: Usage | None) -> Usage | None:
    """`verbose_json` tells how long the sound was, also of vendors that give no usage."""
    if usage is not None:
        return usage
    try:
        heard = milliseconds(_transcripts.decode(answer).duration)
    except UNREADABLE:
        return None
    return Usage(audio_ms=heard, input_audio_ms=heard) if heard else None


COUNTED: Final[dict[Endpoint, Callable[[bytes, Usage | None], Usage | None]]] = {
    Endpoint.RESPONSES: with_searches,
    Endpoint.IMAGES_GENERATIONS: _with_images,
    Endpoint.IMAGES_EDITS: _with_images,
    Endpoint.AUDIO_TRANSCRIPTIONS: _with_duration,
    Endpoint.AUDIO_TRANSLATIONS: _with_duration,
}
"""By endpoint: the usage of a complete answer with what it does not say itself."""
