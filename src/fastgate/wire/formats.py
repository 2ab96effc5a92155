"""All wire formats: what a client may speak, and what a provider."""

from typing import Final

from fastgate.domain.format import Format
from fastgate.wire import (
    bedrock_embed,
    chat,
    cohere,
    completions,
    converse,
    embeddings,
    gemini,
    invoke,
    messages,
    ollama,
    rerank,
    responses,
)
from fastgate.wire.interface import ClientFormat, ProviderFormat

CLIENTS: Final[dict[Format, ClientFormat]] = {
    each.format: each
    for each in (
        chat.CLIENT,
        completions.CLIENT,
        responses.CLIENT,
        messages.CLIENT,
        gemini.CLIENT,
        converse.CLIENT,
        invoke.CLIENT,
        embeddings.CLIENT,
        gemini.EMBED_CLIENT,
        cohere.EMBED_CLIENT,
        rerank.CLIENT,
        cohere.RERANK_CLIENT,
    )
}

PROVIDERS: Final[dict[Format, ProviderFormat]] = {
    each.format: each
    for each in (
        chat.PROVIDER,
        messages.PROVIDER,
        gemini.PROVIDER,
        converse.PROVIDER,
        invoke.PROVIDER,
        cohere.CHAT_PROVIDER,
        ollama.CHAT_PROVIDER,
        embeddings.PROVIDER,
        gemini.EMBED_PROVIDER,
        gemini.PREDICT_PROVIDER,
        cohere.EMBED_PROVIDER,
        ollama.EMBED_PROVIDER,
        bedrock_embed.TITAN_PROVIDER,
        bedrock_embed.COHERE_PROVIDER,
        rerank.PROVIDER,
        cohere.RERANK_PROVIDER,
    )
}
