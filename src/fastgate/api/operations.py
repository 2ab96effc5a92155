"""The OpenAI-compatible endpoints that are relayed, by path below the version prefix."""

from typing import Final

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import Format
from fastgate.pipeline.operation import BodyKind, Operation

PREFIXES: Final = ("/v1", "", "/openai/v1", "/openai")
"""`/openai` alone is what Azure's SDK uses for endpoints without a deployment in the path."""

OPERATIONS: Final[dict[str, Operation]] = {
    operation.path: operation
    for operation in (
        Operation(Endpoint.CHAT, "/chat/completions", format=Format.CHAT, usage_in_stream=True),
        Operation(Endpoint.COMPLETIONS, "/completions", format=Format.COMPLETIONS, usage_in_stream=True),
        Operation(Endpoint.RESPONSES, "/responses", format=Format.RESPONSES),
        Operation(Endpoint.EMBEDDINGS, "/embeddings", format=Format.EMBEDDINGS),
        Operation(Endpoint.MODERATIONS, "/moderations"),
        Operation(Endpoint.IMAGES_GENERATIONS, "/images/generations"),
        Operation(Endpoint.IMAGES_EDITS, "/images/edits", BodyKind.FORM),
        Operation(Endpoint.AUDIO_SPEECH, "/audio/speech", binary=True),
        Operation(Endpoint.AUDIO_TRANSCRIPTIONS, "/audio/transcriptions", BodyKind.FORM),
        Operation(Endpoint.AUDIO_TRANSLATIONS, "/audio/translations", BodyKind.FORM),
        Operation(Endpoint.RERANK, "/rerank", format=Format.RERANK),
    )
}

MESSAGES: Final = Operation(Endpoint.MESSAGES, "/v1/messages", format=Format.MESSAGES)
COUNT_TOKENS: Final = Operation(Endpoint.COUNT_TOKENS, "/v1/messages/count_tokens", format=Format.MESSAGES)

ANTHROPIC_PREFIXES: Final = ("", "/anthropic")
ANTHROPIC: Final = {each.path: each for each in (MESSAGES, COUNT_TOKENS)}

COHERE: Final = {
    "/v2/embed": Operation(Endpoint.COHERE_EMBED, "/v2/embed", format=Format.COHERE_EMBED),
    "/v2/rerank": Operation(Endpoint.COHERE_RERANK, "/v2/rerank", format=Format.COHERE_RERANK),
}

GEMINI_VERSIONS: Final = ("v1", "v1beta", "v1alpha", "v1beta1")
GOOGLE: Final = {
    "generateContent": Operation(
        Endpoint.GENERATE_CONTENT, "", format=Format.GENERATE_CONTENT, streams=False
    ),
    "streamGenerateContent": Operation(
        Endpoint.GENERATE_CONTENT, "", format=Format.GENERATE_CONTENT, streams=True
    ),
    "countTokens": Operation(Endpoint.CONTENT_TOKENS, "", format=Format.GENERATE_CONTENT, streams=False),
    "embedContent": Operation(Endpoint.EMBED_CONTENT, "", format=Format.EMBED_CONTENT, streams=False),
    "batchEmbedContents": Operation(Endpoint.EMBED_CONTENT, "", format=Format.EMBED_CONTENT, streams=False),
    "rawPredict": Operation(Endpoint.MESSAGES, "/v1/messages", format=Format.MESSAGES, streams=False),
    "streamRawPredict": Operation(Endpoint.MESSAGES, "/v1/messages", format=Format.MESSAGES, streams=True),
}
"""By the method that stands behind the model in the path; the last two are Claude's on Vertex AI."""

BEDROCK: Final = {
    "converse": Operation(Endpoint.CONVERSE, "", format=Format.CONVERSE, streams=False),
    "converse-stream": Operation(Endpoint.CONVERSE, "", format=Format.CONVERSE, streams=True),
    "invoke": Operation(Endpoint.INVOKE, "", format=Format.INVOKE, streams=False),
    "invoke-with-response-stream": Operation(Endpoint.INVOKE, "", format=Format.INVOKE, streams=True),
}

STORED_RESPONSE: Final[dict[tuple[str, str], Operation]] = {
    (method, suffix): Operation(
        Endpoint.RESPONSES, "/responses", BodyKind.NONE, method.encode(), errors=Format.RESPONSES
    )
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "cancel"), ("GET", "input_items"))
}

MODELS: Final = Operation(Endpoint.MODELS, "/models", BodyKind.NONE, b"GET")
GEMINI_MODELS: Final = Operation(
    Endpoint.MODELS, "/models", BodyKind.NONE, b"GET", errors=Format.GENERATE_CONTENT
)

SELF_SERVICE: Final = {
    "/budget": Operation(None, "/budget", BodyKind.NONE, b"GET", label="budget"),
    "/usage": Operation(None, "/usage", BodyKind.NONE, b"GET", label="usage"),
}
"""What a key may know about itself; answered by the gateway."""

REFUSED: Final = {
    each: Operation(None, "", BodyKind.NONE, errors=each)
    for each in (Format.CHAT, Format.MESSAGES, Format.GENERATE_CONTENT, Format.CONVERSE, Format.COHERE_EMBED)
}
"""Requests for a path or a method that there is not, by the format that their clients understand."""
