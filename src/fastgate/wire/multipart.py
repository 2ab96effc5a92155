"""Find and replace the `model` field of a multipart form (RFC 7578) without copying its files."""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fastgate.errors import GatewayError

MAX_FIELD_BYTES: Final = 64 * 1024
READ_FIELDS: Final = frozenset({b"model", b"stream"})


class FormEnvelope:
    """A multipart body with the fields that the gateway reads. `stream` as the client said."""

    __slots__ = ("_model_span", "body", "model", "stream")

    def __init__(self, body: bytes, fields: dict[bytes, tuple[int, int]]) -> None:
        self.body = body
        self._model_span = fields.get(b"model")
        self.model = _text(body, self._model_span, "model")
        self.stream = (_text(body, fields.get(b"stream"), "stream") or "").lower() == "true"

    @classmethod
    def decode(cls, body: bytes, content_type: bytes) -> "FormEnvelope":
        """GatewayError: unsupported_media_type, invalid_body, duplicate_key, invalid_field."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise GatewayError(
                "unsupported_media_type", "This endpoint takes multipart/form-data with a boundary."
            )
        return cls(body, _Spans(body, boundary).fields)

    def render(self, model: str | None) -> bytes:
        """The body to send, with the model's name spliced in where it differs."""
        if model is None or model == self.model:
            return self.body
        if self._model_span is None:
            raise GatewayError("missing_field", "The form has no field `model`.", param="model")
        start, end = self._model_span
        return b"".join((self.body[:start], model.encode(), self.body[end:]))

    def drop_body(self) -> None:
        """Nothing is rendered any more."""
        self.body = b""


class _Spans:
    """Runs the parser over the whole body and keeps where the values of the read fields stand."""

    def __init__(self, body: bytes, boundary: bytes) -> None:
        self.fields: dict[bytes, tuple[int, int]] = {}
        self._header_name = b""
        self._header_value = b""
        self._name: bytes | None = None
        self._span: tuple[int, int] | None = None
        self._ended = False
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        parser.logger.disabled = True  # it would tell standard error of clients' mistakes
        try:
            parser.write(body)
            parser.finalize()
        except FormParserError as error:
            raise GatewayError("invalid_body", f"The form is not valid multipart data: {error}.") from None
        if not self._ended:
            raise GatewayError("invalid_body", "The form ends before its closing boundary.")

    def _on_part_begin(self) -> None:
        self._name = None
        self._span = None

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            if b"filename" not in options:
                self._name = options.get(b"name")
        self._header_name = self._header_value = b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name in READ_FIELDS:
            self._span = (start, end) if self._span is None else (self._span[0], end)

    def _on_part_end(self) -> None:
        if self._name is None or self._name not in READ_FIELDS:
            return
        if self._name in self.fields:
            name = self._name.decode()
            raise GatewayError("duplicate_key", f"The form field {name!r} stands twice.", param=name)
        self.fields[self._name] = self._span or (0, 0)

    def _on_end(self) -> None:
        self._ended = True


def _text(body: bytes, span: tuple[int, int] | None, name: str) -> str | None:
    if span is None:
        return None
    if span[1] - span[0] > MAX_FIELD_BYTES:
        raise GatewayError("invalid_field", f"The form field {name!r} is too long.", param=name)
    try:
        return body[span[0] : span[1]].decode()
    except UnicodeDecodeError:
        raise GatewayError("invalid_field", f"The form field {name!r} is not UTF-8.", param=name) from None
