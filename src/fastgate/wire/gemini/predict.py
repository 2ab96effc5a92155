"""`:predict` of Vertex AI's text embedding models: instances and predictions.

Source: "Text embeddings API" of Vertex AI's documentation, and google-genai.
"""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.wire.beside import Beside
from fastgate.wire.embeddings.inputs import texts_of
from fastgate.wire.embeddings.names import drop_fields, drop_types
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.gemini.problem import error_in, status_of
from fastgate.wire.gemini.shapes import Count, Shape
from fastgate.wire.gemini.tasks import written_task
from fastgate.wire.interface import Losses, Request, Summary, Target, expect


class _Statistics(msgspec.Struct):
    """In snake case, unlike all else: a model's own JSON."""

    token_count: Count | None = None


class _Embeddings(msgspec.Struct):
    values: tuple[float, ...]
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embeddings


class _Answer(Shape):
    predictions: list[_Prediction]

    def usage(self) -> Usage | None:
        counts = [
            each.embeddings.statistics.token_count
            for each in self.predictions
            if each.embeddings.statistics is not None and each.embeddings.statistics.token_count is not None
        ]
        return Usage(input_tokens=sum(counts)) if counts else None


_BESIDE: Final = Beside({"predictions": {"embeddings": {"statistics": {"truncated": None}}}})

# Not strict: token counts come as 4.0.
_answers: Final = msgspec.json.Decoder(_Answer, strict=False)


class PredictProvider(UnstreamedProvider):
    """Stateless."""

    format = Format.VERTEX_PREDICT
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        """GatewayError `invalid_field` for inputs that are no text."""
        asked = expect(request, EmbeddingRequest)
        terms: dict[str, Any] = {}
        task = written_task(asked, losses)
        if task is not None:
            terms["task_type"] = task
        if asked.title is not None:
            terms["title"] = asked.title
        body: dict[str, Any] = {"instances": [{"content": text, **terms} for text in texts_of(asked)]}
        parameters: dict[str, Any] = {}
        if asked.dimensions is not None:
            parameters["outputDimensionality"] = asked.dimensions
        if asked.truncate is not None:
            parameters["autoTruncate"] = asked.truncate.upper() != "NONE"
        if parameters:
            body["parameters"] = parameters
        drop_fields(asked, losses, "user")
        drop_types(asked, losses, "float")
        return body

    def read_answer(self, body: bytes) -> EmbeddingReply:
        answer = _answers.decode(body)
        vectors = tuple(each.embeddings.values for each in answer.predictions)
        return EmbeddingReply(id="", model="", vectors={"float": vectors}, usage=answer.usage())

    def summary(self, body: bytes) -> Summary:
        error = error_in(body)
        if error is not None:
            return Summary(None, None, status_of(error), error.message or "")
        return Summary(_answers.decode(body).usage(), None)
