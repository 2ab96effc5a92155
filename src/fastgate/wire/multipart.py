"""Find and replace the `model` field of a multipart form without copying its files."""

import re
from typing import Final

from fastgate.errors import GatewayError
from fastgate.wire.form_parts import Part, split_form
from fastgate.wire.parameters import parse_parameters
from fastgate.wire.pieces import Body, Pieces

MAX_FIELD_BYTES: Final = 64 * 1024
READ_FIELDS: Final = frozenset({b"model", b"stream", b"n"})

_TRUE: Final = frozenset({"true", "True", "TRUE", "1"})
# RFC 2046, 5.1.1; of these, RFC 9110 has some only in quotes.
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_UNQUOTED: Final = re.compile(rb"[0-9A-Za-z'+_.-]+")
_NUMBER: Final = re.compile(r"\s*\+?[0-9]{1,9}\s*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


class FormEnvelope:
    """A multipart body with the fields that the gateway reads. `stream` as the client said; `n` is how many
    answers it asks for, 1 where it does not say a number.

    `content_type` names the boundary in the one way that all parsers read alike.
    """

    __slots__ = ("_model", "body", "content_type", "model", "n", "stream")

    def __init__(self, body: bytes, boundary: bytes, fields: dict[bytes, Part]) -> None:
        self.body = body
        quoted = boundary if _UNQUOTED.fullmatch(boundary) else b'"%b"' % boundary
        self.content_type = b"multipart/form-data; boundary=" + quoted
        self._model = fields.get(b"model")
        self.model = _text(body, self._model)
        self.stream = _text(body, fields.get(b"stream")) in _TRUE
        n = _text(body, fields.get(b"n")) or ""
        self.n = int(n) if _NUMBER.fullmatch(n) else 1

    @classmethod
    def decode(cls, body: bytes, content_type: bytes) -> "FormEnvelope":
        """GatewayError: unsupported_media_type, invalid_body, duplicate_key, invalid_field."""
        boundary = _boundary(content_type)
        fields: dict[bytes, Part] = {}
        try:
            for part in split_form(body, boundary):
                if part.name in READ_FIELDS:
                    _add(fields, part)
        except ValueError as error:
            raise GatewayError("invalid_body", f"The form is not valid multipart data: {error}.") from None
        return cls(body, boundary, fields)

    def render(self, model: str | None) -> Body:
        """The body to send: its files are not copied where the model's name differs."""
        if model is None or model == self.model:
            return self.body
        if self._model is None:
            raise GatewayError("missing_field", "The form has no field `model`.", param="model")
        if _CONTROLS.search(model):  # it could hold another field
            raise GatewayError("invalid_field", "The model's name has control characters.", param="model")
        view = memoryview(self.body)
        return Pieces(view[: self._model.start], model.encode(), view[self._model.end :])

    def drop_body(self) -> None:
        """Nothing is rendered any more."""
        self.body = b""


def _boundary(content_type: bytes) -> bytes:
    try:
        kind, parameters = parse_parameters(content_type)
    except ValueError as error:
        raise GatewayError("unsupported_media_type", f"The content type cannot be used: {error}.") from None
    boundary = parameters.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not _BOUNDARY.fullmatch(boundary):
        raise GatewayError(
            "unsupported_media_type",
            "This endpoint takes multipart/form-data with a boundary (RFC 2046: 1 to 70 plain characters).",
        )
    return boundary


def _add(fields: dict[bytes, Part], part: Part) -> None:
    """A field that decides what is allowed is taken only in the form that every parser reads alike."""
    name = part.name.decode()
    if part.name in fields:
        raise GatewayError("duplicate_key", f"The form field {name!r} stands twice.", param=name)
    if part.is_file:
        raise GatewayError("invalid_field", f"The form field {name!r} is sent as a file.", param=name)
    if part.encoded:
        raise GatewayError("invalid_field", f"The form field {name!r} is sent encoded.", param=name)
    if part.end - part.start > MAX_FIELD_BYTES:
        raise GatewayError("invalid_field", f"The form field {name!r} is too long.", param=name)
    fields[part.name] = part


def _text(body: bytes, part: Part | None) -> str | None:
    if part is None:
        return None
    try:
        return body[part.start : part.end].decode()
    except UnicodeDecodeError:
        name = part.name.decode()
        raise GatewayError("invalid_field", f"The form field {name!r} is not UTF-8.", param=name) from None
