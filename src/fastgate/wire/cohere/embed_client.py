"""Cohere's `POST /v2/embed` towards clients."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fastgate.domain.conversation import Image, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.chat.media import source_of_url
from fastgate.wire.cohere.meta import CohereMeta, meta_of
from fastgate.wire.cohere.problem import write_problem
from fastgate.wire.embeddings.unstreamed import UnstreamedClient
from fastgate.wire.embeddings.vectors import to_base64
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.reading import read_fields
from fastgate.wire.unread import Known, Unread


class _Text(msgspec.Struct, tag_field="type", tag="text"):
    text: str = ""


class _Url(msgspec.Struct):
    url: str


class _ImageUrl(msgspec.Struct, tag_field="type", tag="image_url"):
    image_url: _Url


class _Input(msgspec.Struct):
    content: Annotated[list[_Text | _ImageUrl], Meta(min_length=1)]


class _Request(msgspec.Struct):
    model: str | None = None
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[_Input] | None = None
    input_type: str | None = None
    embedding_types: list[str] | None = None
    output_dimension: Annotated[int, Meta(ge=1)] | None = None
    truncate: str | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


class _ByType(msgspec.Struct, rename={"floats": "float"}):
    floats: Sequence[Sequence[float]] | UnsetType = UNSET
    int8: Sequence[Sequence[int]] | UnsetType = UNSET
    uint8: Sequence[Sequence[int]] | UnsetType = UNSET
    binary: Sequence[Sequence[int]] | UnsetType = UNSET
    ubinary: Sequence[Sequence[int]] | UnsetType = UNSET
    base64: Sequence[str] | UnsetType = UNSET


class _Answer(msgspec.Struct):
    id: str
    embeddings: _ByType
    texts: list[str]
    meta: CohereMeta
    response_type: str = "embeddings_by_type"


class _Texts(msgspec.Struct):
    texts: list[str] | None = None
    inputs: list[_Input] | None = None


_FIELDS: Final = {"float": "floats"}

_requests: Final = msgspec.json.Decoder(_Request)
_texts: Final = msgspec.json.Decoder(_Texts)
_unread: Final = Unread(Known(_Request, kept=True))


class CohereEmbedClient(UnstreamedClient):
    """Stateless."""

    format = Format.COHERE_EMBED

    def read_request(self, body: bytes, path_model: str | None) -> EmbeddingRequest:
        fields, extra = read_fields(body, _requests)
        return EmbeddingRequest(
            format=self.format,
            inputs=_inputs(fields),
            dimensions=fields.output_dimension,
            task=fields.input_type,
            truncate=fields.truncate,
            types=tuple(fields.embedding_types or ()),
            extra=extra | _unread.of(body),
            options=fields.provider_options or {},
        )

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        reply = expect(answer, EmbeddingReply)
        request = expect(asked.request, EmbeddingRequest)
        return msgspec.json.encode(
            _Answer(
                id=reply.id or asked.fallback_id,
                embeddings=_by_type(reply, request.types),
                texts=[each for each in request.inputs if isinstance(each, str)],
                meta=meta_of(reply.usage),
            )
        )

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        try:
            given = _texts.decode(body)
        except msgspec.MsgspecError:
            return ""
        parts = [part.text for each in given.inputs or () for part in each.content if isinstance(part, _Text)]
        return "\n".join([*(given.texts or ()), *parts])


def _inputs(fields: _Request) -> tuple[str | tuple[Text | Image, ...], ...]:
    given = [name for name in ("texts", "images", "inputs") if getattr(fields, name)]
    if len(given) != 1:
        param = given[1] if given else "texts"
        raise GatewayError(
            "invalid_field", "Exactly one of `texts`, `images` and `inputs` has to be given.", param=param
        )
    if fields.texts:
        return tuple(fields.texts)
    if fields.images:
        return tuple((Image(source=source_of_url(url)),) for url in fields.images)
    return tuple(tuple(_part(part) for part in each.content) for each in fields.inputs or ())


def _part(part: _Text | _ImageUrl) -> Text | Image:
    if isinstance(part, _Text):
        return Text(text=part.text)
    return Image(source=source_of_url(part.image_url.url))


def _by_type(reply: EmbeddingReply, types: tuple[str, ...]) -> _ByType:
    """Of the types asked for those that there are; all that there are, where none of them is."""
    vectors = reply.vectors
    found: dict[str, Any] = {}
    for type_ in types or ("float",):
        if type_ == "base64" and "float" in vectors:
            found["base64"] = [to_base64(vector) for vector in vectors["float"]]
        elif type_ in vectors:
            found[type_] = vectors[type_]
    fields: dict[str, Any] = {}
    for name, value in (found or vectors).items():
        whole = name not in ("float", "base64")
        fields[_FIELDS.get(name, name)] = (
            [[int(each) for each in vector] for vector in value] if whole else value
        )
    return _ByType(**fields)
