"""The operations a client can ask for, whatever its dialect; labels of metrics and log lines."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from fastgate.domain.format import FAMILIES, Format


class Endpoint(StrEnum):
    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    MODERATIONS = "moderations"
    IMAGES_GENERATIONS = "images_generations"
    IMAGES_EDITS = "images_edits"
    AUDIO_SPEECH = "audio_speech"
    AUDIO_TRANSCRIPTIONS = "audio_transcriptions"
    AUDIO_TRANSLATIONS = "audio_translations"
    RERANK = "rerank"
    MODELS = "models"
    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"
    GENERATE_CONTENT = "generate_content"
    CONTENT_TOKENS = "count_content_tokens"
    CONVERSE = "converse"
    INVOKE = "invoke_model"
    EMBED_CONTENT = "embed_content"
    COHERE_EMBED = "embed"
    COHERE_RERANK = "rerank_v2"


FORMATS: Final = {
    Endpoint.CHAT: Format.CHAT,
    Endpoint.COMPLETIONS: Format.COMPLETIONS,
    Endpoint.RESPONSES: Format.RESPONSES,
    Endpoint.MESSAGES: Format.MESSAGES,
    Endpoint.COUNT_TOKENS: Format.MESSAGES,
    Endpoint.GENERATE_CONTENT: Format.GENERATE_CONTENT,
    Endpoint.CONTENT_TOKENS: Format.GENERATE_CONTENT,
    Endpoint.CONVERSE: Format.CONVERSE,
    Endpoint.INVOKE: Format.INVOKE,
    Endpoint.EMBEDDINGS: Format.EMBEDDINGS,
    Endpoint.EMBED_CONTENT: Format.EMBED_CONTENT,
    Endpoint.COHERE_EMBED: Format.COHERE_EMBED,
    Endpoint.RERANK: Format.RERANK,
    Endpoint.COHERE_RERANK: Format.COHERE_RERANK,
}
"""What the requests of an endpoint are written in, where a request can be translated."""


def reachable(native: Collection[Endpoint], formats: Collection[Format] = ()) -> tuple[Endpoint, ...]:
    """The endpoints that a provider serves: its native ones, and by translation all of each family of which
    it has one, or one of the `formats` that no client speaks."""
    spoken = {*formats, *(FORMATS[each] for each in native if each in FORMATS)}
    translated = {format_ for family in FAMILIES if family & spoken for format_ in family}
    return tuple(each for each in Endpoint if each in native or FORMATS.get(each) in translated)
