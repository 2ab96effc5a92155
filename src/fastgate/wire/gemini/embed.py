"""`embedContent` and `batchEmbedContents`: one content or many, with terms of its own each.

Sources: the discovery documents of the Gemini API (v1beta) and Vertex AI (v1), and google-genai.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from fastgate.domain.conversation import Image, Part, Text
from fastgate.domain.dialect import DialectName
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.beside import Beside
from fastgate.wire.embeddings.inputs import is_tokens, refusal, text_of
from fastgate.wire.embeddings.names import drop_fields, drop_types, name_of
from fastgate.wire.embeddings.unstreamed import UnstreamedClient, UnstreamedProvider
from fastgate.wire.embeddings.vectors import floats_of
from fastgate.wire.gemini.known import CONTENT
from fastgate.wire.gemini.media import inline, media_type
from fastgate.wire.gemini.problem import JSON, error_in, problem_object, status_of
from fastgate.wire.gemini.shapes import MEMBERS, Content, Count, Shape, parts_in
from fastgate.wire.gemini.spelling import camelled
from fastgate.wire.gemini.tasks import read_task, written_task
from fastgate.wire.gemini.text import text_in
from fastgate.wire.interface import (
    Answer,
    Asked,
    Header,
    Losses,
    Problem,
    Request,
    Summary,
    Target,
    expect,
    raw,
)
from fastgate.wire.reading import decoded, invalid, too_deep
from fastgate.wire.unread import Known, Unread

Vector = tuple[float, ...]


class _Terms(Shape):
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: Annotated[int, Meta(ge=1)] | None = None
    auto_truncate: bool | None = None


class _Request(_Terms):
    content: Content | None = None
    embed_content_config: _Terms | None = None


class _Batch(Shape):
    requests: Annotated[list[_Request], Meta(min_length=1)] | None = None


class _Values(Shape):
    values: Vector = ()


class _Used(Shape):
    prompt_token_count: Count | None = None


class _Answer(Shape):
    embedding: _Values | None = None
    embeddings: list[_Values] | None = None
    usage_metadata: _Used | None = None

    def usage(self) -> Usage | None:
        said = self.usage_metadata
        return None if said is None else Usage(input_tokens=said.prompt_token_count or 0)


class _Around(Shape):
    usage_metadata: _Used | None = None


_BESIDE: Final = Beside({"truncated": None})
_MODEL: Final = ("model",)  # which the path has
_FIELDS: Final = frozenset({*_MODEL, *_Request.__struct_encode_fields__, *_Batch.__struct_encode_fields__})

_requests: Final = msgspec.json.Decoder(_Request, strict=False)
_batches: Final = msgspec.json.Decoder(_Batch, strict=False)
_answers: Final = msgspec.json.Decoder(_Answer, strict=False)
_arounds: Final = msgspec.json.Decoder(_Around, strict=False)
_unread: Final = Unread(
    Known(_Request, kept=True, content=CONTENT, requests=Known(_Request, also=_MODEL, content=CONTENT))
)


class EmbedClient(UnstreamedClient):
    """Stateless."""

    format = Format.EMBED_CONTENT

    def read_request(self, body: bytes, path_model: str | None) -> EmbeddingRequest:
        """GatewayError `invalid_field` also for a batch whose requests differ in more than their contents:
        no other format has terms for each."""
        try:
            return _read_request(camelled(body))
        except RecursionError:
            raise too_deep() from None

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        reply = expect(answer, EmbeddingReply)
        single = expect(asked.request, EmbeddingRequest).single
        vectors = [{"values": vector} for vector in floats_of(reply)]
        written: dict[str, Any]
        written = {"embedding": vectors[0]} if single and vectors else {"embeddings": vectors}
        if reply.usage is not None:
            written["usageMetadata"] = {"promptTokenCount": reply.usage.input_tokens}
        return msgspec.json.encode(written)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return [JSON], bytes(raw(problem_object(problem)))

    def text(self, body: bytes) -> str:
        return text_in(body)


class EmbedProvider(UnstreamedProvider):
    """Stateless. A batch for the Gemini API, one content for Vertex, which has no batches."""

    format = Format.EMBED_CONTENT
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        """GatewayError `invalid_field` for inputs that are no contents, and more than one for Vertex."""
        asked = expect(request, EmbeddingRequest)
        terms = _written_terms(asked, losses)
        contents = [_content(asked, index) for index in range(len(asked.inputs))]
        if target.dialect == DialectName.VERTEX:
            if len(contents) > 1:
                message = "This model takes one input a request."
                raise GatewayError("invalid_field", message, param=name_of(asked, "inputs"))
            return (
                {"content": contents[0], "embedContentConfig": terms} if terms else {"content": contents[0]}
            )
        model = f"models/{target.model}"
        return {"requests": [{"model": model, "content": content, **terms} for content in contents]}

    def read_answer(self, body: bytes) -> EmbeddingReply:
        answer = _answers.decode(body)
        found = answer.embeddings if answer.embedding is None else [answer.embedding]
        if found is None:
            raise ValueError("an answer without embeddings")
        vectors = tuple(each.values for each in found)
        return EmbeddingReply(id="", model="", vectors={"float": vectors}, usage=answer.usage())

    def summary(self, body: bytes) -> Summary:
        error = error_in(body)
        if error is not None:
            return Summary(None, None, status_of(error), error.message or "")
        said = _arounds.decode(body).usage_metadata
        if said is None or said.prompt_token_count is None:
            return Summary(None, None)
        return Summary(Usage(input_tokens=said.prompt_token_count), None)


def _read_request(body: bytes) -> EmbeddingRequest:
    batch = decoded(_batches, body, "").requests
    single = batch is None
    requests = batch or [decoded(_requests, body, "")]
    terms = [_terms(each) for each in requests]
    for index, each in enumerate(terms):
        if each != terms[0]:
            raise invalid(f"requests[{index}]", "All requests of a batch have the same terms here")
    return EmbeddingRequest(
        format=Format.EMBED_CONTENT,
        inputs=tuple(
            _input(each, "content" if single else f"requests[{index}].content")
            for index, each in enumerate(requests)
        ),
        single=single,
        dimensions=terms[0].output_dimensionality,
        task=read_task(terms[0].task_type),
        title=terms[0].title,
        truncate={True: "END", False: "NONE", None: None}[terms[0].auto_truncate],
        extra={name: value for name, value in MEMBERS.decode(body).items() if name not in _FIELDS}
        | _unread.of(body),
    )


def _terms(request: _Request) -> _Terms:
    """The older places of the fields, over which `embedContentConfig` has taken."""
    new = request.embed_content_config or _Terms()
    return _Terms(
        task_type=new.task_type or request.task_type,
        title=new.title or request.title,
        output_dimensionality=new.output_dimensionality or request.output_dimensionality,
        auto_truncate=request.auto_truncate if new.auto_truncate is None else new.auto_truncate,
    )


def _input(request: _Request, where: str) -> str | tuple[Text | Image, ...]:
    if request.content is None:
        raise GatewayError("missing_field", f"The field {where!r} is missing.", param=where)
    parts: list[Text | Image] = []
    for index, shape in enumerate(parts_in(request.content)):
        blob = shape.inline_data
        if shape.text is not None:
            parts.append(Text(text=shape.text))
        elif blob is not None and (blob.mime_type or "").startswith("image/"):
            parts.append(Image(source=inline(blob.mime_type or "", blob.data or "")))
        else:
            raise invalid(f"{where}.parts[{index}]", "What is embedded here is text or an image in the body")
    if not parts:
        raise invalid(f"{where}.parts", "A content that is embedded has parts")
    alone = parts[0] if len(parts) == 1 else None
    return alone.text if isinstance(alone, Text) else tuple(parts)


def _written_terms(request: EmbeddingRequest, losses: Losses) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    task = written_task(request, losses)
    if task is not None:
        terms["taskType"] = task
    if request.title is not None:
        terms["title"] = request.title
    if request.dimensions is not None:
        terms["outputDimensionality"] = request.dimensions
    drop_fields(request, losses, "truncate", "user")
    drop_types(request, losses, "float")
    return terms


def _content(request: EmbeddingRequest, index: int) -> dict[str, Any]:
    item = request.inputs[index]
    if isinstance(item, str) or is_tokens(item):
        return {"parts": [{"text": text_of(request, index)}]}
    return {"parts": [_part(part, request, index) for part in item if isinstance(part, Text | Image)]}


def _part(part: Part, request: EmbeddingRequest, index: int) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    assert isinstance(part, Image)
    if part.source.data is None:
        raise refusal(request, index, "This model's provider takes images in the body only.")
    return {"inlineData": {"mimeType": media_type(part), "data": part.source.data}}
