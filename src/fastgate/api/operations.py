"""The OpenAI-compatible endpoints that are relayed, by path below the version prefix."""

from typing import Final

from fastgate.domain.endpoint import Endpoint
from fastgate.pipeline.operation import BodyKind, Operation

PREFIXES: Final = ("/v1", "", "/openai/v1", "/openai")
"""`/openai` alone is what Azure's SDK uses for endpoints without a deployment in the path."""

OPERATIONS: Final[dict[str, Operation]] = {
    operation.path: operation
    for operation in (
        Operation(Endpoint.CHAT, "/chat/completions", usage_in_stream=True),
        Operation(Endpoint.COMPLETIONS, "/completions", usage_in_stream=True),
        Operation(Endpoint.RESPONSES, "/responses"),
        Operation(Endpoint.EMBEDDINGS, "/embeddings"),
        Operation(Endpoint.MODERATIONS, "/moderations"),
        Operation(Endpoint.IMAGES_GENERATIONS, "/images/generations"),
        Operation(Endpoint.IMAGES_EDITS, "/images/edits", BodyKind.FORM),
        Operation(Endpoint.AUDIO_SPEECH, "/audio/speech", binary=True),
        Operation(Endpoint.AUDIO_TRANSCRIPTIONS, "/audio/transcriptions", BodyKind.FORM),
        Operation(Endpoint.AUDIO_TRANSLATIONS, "/audio/translations", BodyKind.FORM),
        Operation(Endpoint.RERANK, "/rerank"),
    )
}

STORED_RESPONSE: Final[dict[tuple[str, str], Operation]] = {
    (method, suffix): Operation(Endpoint.RESPONSES, "/responses", BodyKind.NONE, method.encode())
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "cancel"), ("GET", "input_items"))
}

MODELS: Final = Operation(Endpoint.MODELS, "/models", BodyKind.NONE, b"GET")

SELF_SERVICE: Final = {
    "/budget": Operation(None, "/budget", BodyKind.NONE, b"GET", label="budget"),
    "/usage": Operation(None, "/usage", BodyKind.NONE, b"GET", label="usage"),
}
"""What a key may know about itself; answered by the gateway."""

REFUSED: Final = Operation(None, "", BodyKind.NONE)
"""Requests for a path or a method that there is not."""
