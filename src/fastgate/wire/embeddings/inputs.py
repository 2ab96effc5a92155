"""Inputs for providers that take text alone. What an input cannot be is refused: a vector of half of it would
look like one of all."""

from fastgate.domain.conversation import Text
from fastgate.domain.embedding import EmbeddingRequest
from fastgate.errors import GatewayError
from fastgate.wire.embeddings.names import name_of

Input = str | tuple[int, ...] | tuple[object, ...]


def texts_of(request: EmbeddingRequest) -> list[str]:
    """The inputs as texts. GatewayError `invalid_field` for token ids and images."""
    return [text_of(request, index) for index in range(len(request.inputs))]


def text_of(request: EmbeddingRequest, index: int) -> str:
    """One input as text, the parts of a document in lines."""
    item = request.inputs[index]
    if isinstance(item, str):
        return item
    if is_tokens(item):
        raise refusal(
            request, index, "This model's provider takes text, and token ids only where it is OpenAI's."
        )
    lines: list[str] = []
    for part in item:
        if not isinstance(part, Text):
            raise refusal(request, index, "This model's provider takes text, and no images.")
        lines.append(part.text)
    return "\n".join(lines)


def is_tokens(item: Input) -> bool:
    """Whether an input is token ids."""
    return isinstance(item, tuple) and len(item) > 0 and isinstance(item[0], int)


def refusal(request: EmbeddingRequest, index: int, sentence: str) -> GatewayError:
    """An input that cannot be sent to a provider."""
    return GatewayError("invalid_field", sentence, param=f"{name_of(request, 'inputs')}[{index}]")
