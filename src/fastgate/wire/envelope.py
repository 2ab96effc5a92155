"""The few fields of a request that the gateway reads; all others pass through byte for byte.

`Envelope.decode` validates the whole body as JSON, and types the fields it reads; `Envelope.render`
gives the body for one deployment, changed only where it must be: the model's name spliced in, the
gateway's own `fallbacks` cut out, `stream_options.include_usage` switched on.
"""

from typing import Any, Final

import msgspec

from fastgate._core.jsonscan import DuplicateKeyError, find_members, remove_members
from fastgate.domain.virtual_key import ModelRef
from fastgate.errors import GatewayError

Span = tuple[int, int, int]

_READ: Final = (b"model", b"stream_options", b"fallbacks")
_INCLUDE_USAGE: Final = b'{"include_usage":true}'
_TRUE: Final = msgspec.Raw(b"true")


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class FallbackRef(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    provider: str | None = None


class Fields(msgspec.Struct):
    """The looked-at fields of every JSON endpoint. `Raw` ones are checked elsewhere or only carried."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    fallbacks: list[str | FallbackRef] | None = None
    previous_response_id: str | None = None
    store: bool | None = None


_decoder: Final = msgspec.json.Decoder(Fields)


class Envelope:
    """A decoded request body. `stream` and `include_usage` are as the client said."""

    __slots__ = ("_rendered", "_spans", "body", "fallbacks", "fields", "include_usage", "model", "stream")

    def __init__(self, body: bytes, fields: Fields, spans: list[Span | None]) -> None:
        self.fields = fields
        self.model = fields.model
        self.stream = fields.stream is True
        self.include_usage = fields.stream_options is not None and fields.stream_options.include_usage is True
        self.fallbacks = _model_refs(fields.fallbacks) if fields.fallbacks else ()
        if spans[2] is not None:
            body = remove_members(body, [spans[2]])
            spans = find_members(body, _READ)
        self.body = body
        self._spans = spans
        self._rendered: tuple[str | None, bool, bytes] | None = None

    @classmethod
    def decode(cls, body: bytes) -> "Envelope":
        """GatewayError: invalid_json, invalid_body, invalid_field, duplicate_key."""
        try:
            fields = _decoder.decode(body)
            if not body.isascii():
                body.decode()
            spans = find_members(body, _READ)
        except (ValueError, RecursionError) as error:
            raise _refusal(body, error) from None
        return cls(body, fields, spans)

    def render(self, model: str | None, *, ask_usage: bool) -> bytes:
        """The body to send: `model` None keeps the client's; `ask_usage` adds `include_usage`."""
        ask_usage = ask_usage and not self.include_usage
        if model == self.model:
            model = None
        if model is None and not ask_usage:
            return self.body
        last = self._rendered
        if last is not None and last[0] == model and last[1] == ask_usage:
            return last[2]
        body = self._splice(model, ask_usage=ask_usage)
        self._rendered = (model, ask_usage, body)
        return body

    def drop_body(self) -> None:
        """Nothing is rendered any more: a stream may stay open for long, and conversations are large."""
        self.body = b""
        self._rendered = None

    def _splice(self, model: str | None, *, ask_usage: bool) -> bytes:
        inserted: list[bytes] = []
        edits: list[tuple[int, int, bytes]] = []
        if model is not None:
            encoded = msgspec.json.encode(model)
            span = self._spans[0]
            if span is None:
                inserted.append(b'"model":' + encoded)
            else:
                edits.append((span[1], span[2], encoded))
        if ask_usage:
            span = self._spans[1]
            if span is None:
                inserted.append(b'"stream_options":' + _INCLUDE_USAGE)
            else:
                edits.append((span[1], span[2], _with_usage(self.body[span[1] : span[2]])))
        edits.sort()
        pieces: list[bytes] = []
        position = 0
        if inserted:
            position = self.body.index(b"{") + 1
            empty = self.body[position:].lstrip(b" \t\r\n").startswith(b"}")
            pieces += [self.body[:position], b",".join(inserted), b"" if empty else b","]
        for start, end, replacement in edits:
            pieces += [self.body[position:start], replacement]
            position = end
        pieces.append(self.body[position:])
        return b"".join(pieces)


def _with_usage(options: bytes) -> bytes:
    members = msgspec.json.decode(options, type=dict[str, msgspec.Raw] | None)
    if not members:
        return _INCLUDE_USAGE
    return msgspec.json.encode({**members, "include_usage": _TRUE})


def _model_refs(fallbacks: list[str | FallbackRef]) -> tuple[ModelRef, ...]:
    """A string stays whole: whether its first part names a provider is for routing to know."""
    return tuple(
        ModelRef(model=item) if isinstance(item, str) else ModelRef(model=item.model, provider=item.provider)
        for item in fallbacks
    )


def _refusal(body: bytes, error: ValueError | RecursionError) -> GatewayError:
    if isinstance(error, DuplicateKeyError):
        message = f"The key {error.key!r} stands twice in the body (byte {error.offset}): send it once."
        return GatewayError("duplicate_key", message, param=error.key)
    if isinstance(error, RecursionError):
        return GatewayError("invalid_json", "The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return GatewayError("invalid_json", f"The body is not valid UTF-8 (byte {error.start}).")
    if isinstance(error, msgspec.ValidationError):
        what, _, path = str(error).partition(" - at `$")
        if not path:
            return GatewayError("invalid_body", f"The body must be a JSON object. {what}.")
        param = path.rstrip("`").lstrip(".")
        return GatewayError(
            "invalid_field", f"{what}, in the field {param!r} (byte {_offset(body, param)}).", param=param
        )
    reason = str(error)
    if "truncated" in reason:
        reason = f"JSON is truncated (byte {len(body)})"
    return GatewayError("invalid_json", f"The body is not valid JSON. {reason}.")


def _offset(body: bytes, param: str) -> int:
    """Where the value of the top-level part of `param` starts; the body was valid JSON up to there."""
    name = param.partition(".")[0].partition("[")[0].encode()
    try:
        span = find_members(body, (name,))[0]
    except ValueError:
        return 0
    return 0 if span is None else span[1]
