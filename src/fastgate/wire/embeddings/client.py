"""OpenAI's embeddings towards clients."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.embeddings.unstreamed import UnstreamedClient
from fastgate.wire.embeddings.vectors import floats_of, to_base64
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.openai import write_problem
from fastgate.wire.reading import read_fields

Tokens = list[int]


class _Request(msgspec.Struct):
    """`input_type` is Cohere's: what the vectors are for, which OpenAI has no field for."""

    input: str | Annotated[list[str | int | Tokens], Meta(min_length=1)]
    model: str | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: str | None = None
    user: str | None = None
    input_type: str | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


class _Texts(msgspec.Struct):
    input: str | list[str | int | Tokens] = ""


class _Vector(msgspec.Struct):
    embedding: str | Sequence[float]
    index: int
    object: str = "embedding"


class _Used(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Answer(msgspec.Struct):
    """`usage` is required by the SDKs' types, so it is 0 where the provider counted nothing."""

    data: list[_Vector]
    model: str
    usage: _Used
    object: str = "list"


_requests: Final = msgspec.json.Decoder(_Request)
_texts: Final = msgspec.json.Decoder(_Texts)
_ENCODINGS: Final = ("float", "base64")


class EmbeddingsClient(UnstreamedClient):
    """Stateless."""

    format = Format.EMBEDDINGS

    def read_request(self, body: bytes, path_model: str | None) -> EmbeddingRequest:
        fields, extra = read_fields(body, _requests)
        if fields.encoding_format not in (None, *_ENCODINGS):
            raise GatewayError("invalid_field", "It must be 'float' or 'base64'.", param="encoding_format")
        return EmbeddingRequest(
            format=self.format,
            inputs=_inputs(fields.input),
            single=not isinstance(fields.input, list) or isinstance(fields.input[0], int),
            dimensions=fields.dimensions,
            task=fields.input_type,
            base64=fields.encoding_format == "base64",
            user=fields.user,
            extra=extra,
            options=fields.provider_options or {},
        )

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        reply = expect(answer, EmbeddingReply)
        request = expect(asked.request, EmbeddingRequest)
        vectors = floats_of(reply)
        used = (reply.usage or Usage()).input_tokens
        return msgspec.json.encode(
            _Answer(
                [
                    _Vector(to_base64(vector) if request.base64 else vector, index)
                    for index, vector in enumerate(vectors)
                ],
                reply.model or asked.model,
                _Used(used, used),
            )
        )

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        """Token ids are no text; a vector neither."""
        try:
            given = _texts.decode(body).input
        except msgspec.MsgspecError:
            return ""
        return given if isinstance(given, str) else "\n".join(each for each in given if isinstance(each, str))


def _inputs(given: str | list[Any]) -> tuple[str | tuple[int, ...], ...]:
    if isinstance(given, str):
        return (given,)
    if isinstance(given[0], int):
        given = [given]
    inputs: list[str | tuple[int, ...]] = []
    for index, item in enumerate(given):
        if isinstance(item, str):
            inputs.append(item)
        elif isinstance(item, list) and item and all(isinstance(each, int) for each in item):
            inputs.append(tuple(item))
        else:
            raise GatewayError(
                "invalid_field", "An input is a text, or a list of token ids.", param=f"input[{index}]"
            )
    return tuple(inputs)
