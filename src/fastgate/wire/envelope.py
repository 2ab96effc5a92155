"""The few fields of a request that the gateway reads; all others pass through byte for byte.

`Envelope.decode` validates the whole body as JSON, and types the fields it reads; `Envelope.render`
gives the body for one deployment, changed only where it must be: the model's name spliced in, the
gateway's own `fallbacks` cut out, `stream_options.include_usage` switched on, a cap on the output added
where a strict budget asks for one.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fastgate._core.jsonscan import DuplicateKeyError, find_members, remove_members
from fastgate.domain.format import Format
from fastgate.domain.model_ref import ModelRef
from fastgate.errors import GatewayError
from fastgate.wire.nested import NESTED
from fastgate.wire.reading import split_reason

Span = tuple[int, int, int]

Cap = tuple[str, int]
"""A field that caps the output, and its value in tokens."""

_READ: Final = (b"model", b"stream_options", b"fallbacks")
_INCLUDE_USAGE: Final = b'{"include_usage":true}'
_TRUE: Final = msgspec.Raw(b"true")
_EMPTY_OBJECT: Final = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*\}")


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class FallbackRef(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    provider: str | None = None


class _Object(msgspec.Struct):
    """Any JSON object: decoding one checks it and keeps nothing."""


class Fields(msgspec.Struct):
    """The fields that are looked at, by OpenAI's names; which of them a format has, and where, differs."""

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
    service_tier: str | None = None
    store: bool | None = None
    max_output_tokens: int | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


_objects: Final = msgspec.json.Decoder(_Object)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_fields: Final = msgspec.json.Decoder(Fields)

_OF_RESPONSES: Final = frozenset(Fields.__struct_fields__)
_OF_OTHERS: Final = _OF_RESPONSES - {"previous_response_id", "store", "max_output_tokens"}
_OF_MESSAGES: Final = frozenset(
    {"model", "stream", "max_tokens", "metadata", "service_tier", "fallbacks", "provider_options"}
)
_OF_COHERE: Final = frozenset({"model", "fallbacks", "provider_options"})
_OF_PATHS: Final = frozenset({"fallbacks"})
"""Where the path says the rest."""

_READ_OF: Final[dict[Format, frozenset[str]]] = {
    Format.RESPONSES: _OF_RESPONSES,
    Format.MESSAGES: _OF_MESSAGES,
    Format.INVOKE: _OF_MESSAGES - {"model", "stream"},
    Format.GENERATE_CONTENT: _OF_PATHS,
    Format.CONVERSE: _OF_PATHS,
    Format.EMBED_CONTENT: _OF_PATHS,
    Format.COHERE_EMBED: _OF_COHERE,
    Format.COHERE_RERANK: _OF_COHERE,
}

SAMPLE: Final = 16 * 1024
MAX_KEYS: Final = 4096
MAX_QUOTED_KEY: Final = 64
# A high surrogate in an escape, without the low one behind it.
_LONE_SURROGATE: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*+(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)


class Envelope:
    """A decoded request body, of `size` bytes. `stream` and `include_usage` are as the client said. `sample`
    is what is left of the body when it is dropped: its first bytes."""

    __slots__ = (
        "_rendered",
        "_spans",
        "body",
        "fallbacks",
        "fields",
        "include_usage",
        "model",
        "sample",
        "size",
        "stream",
    )

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
        self.size = len(body)
        self.sample = b""
        self._spans: Sequence[Span | None] = spans
        self._rendered: tuple[str | None, bool, Cap | None, bytes] | None = None

    @classmethod
    def decode(cls, body: bytes, format: Format | None = None) -> "Envelope":  # the field's word
        """GatewayError: invalid_json, invalid_body, invalid_field, duplicate_key."""
        read = _OF_OTHERS if format is None else _READ_OF.get(format, _OF_OTHERS)
        try:
            spans = _find(body)
            members = _members.decode(body)
            looked_at = {name: members[name] for name in read if name in members}
            if format is not None and (nested := NESTED.get(format)) is not None:
                looked_at.update(nested.find(members))
            fields = _fields.decode(msgspec.json.encode(looked_at))
            if not body.isascii():
                body.decode()
        except (ValueError, RecursionError) as error:
            raise _refusal(body, error, format) from None
        _refuse_lookalikes(members, read)
        return cls(body, fields, spans)

    def render(self, model: str | None, *, ask_usage: bool, cap: Cap | None = None) -> bytes:
        """The body to send: `model` None keeps the client's; `ask_usage` adds `include_usage`, `cap` a
        field that the client did not send, or not as a cap."""
        ask_usage = ask_usage and not self.include_usage
        if model == self.model:
            model = None
        if model is None and not ask_usage and cap is None:
            return self.body
        last = self._rendered
        if last is not None and last[:3] == (model, ask_usage, cap):
            return last[3]
        body = self._splice(model, ask_usage=ask_usage, cap=cap)
        self._rendered = (model, ask_usage, cap, body)
        return body

    def drop_body(self) -> None:
        """Nothing is rendered any more: a stream may stay open for long, and conversations are large."""
        self.sample = self.body[:SAMPLE]
        self.body = b""
        self._spans = ()
        self._rendered = None

    def _splice(self, model: str | None, *, ask_usage: bool, cap: Cap | None) -> bytes:
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
        if cap is not None:
            field, tokens = cap[0].encode(), b"%d" % cap[1]
            span = find_members(self.body, (field,))[0]
            if span is None:
                inserted.append(b'"%s":%s' % (field, tokens))
            else:  # the client said null, or less than nothing
                edits.append((span[1], span[2], tokens))
        edits.sort()
        view = memoryview(self.body)
        pieces: list[bytes | memoryview] = []
        position = 0
        if inserted:
            position = self.body.index(b"{") + 1
            empty = _EMPTY_OBJECT.match(self.body) is not None
            pieces += [view[:position], b",".join(inserted), b"" if empty else b","]
        for start, end, replacement in edits:
            pieces += [view[position:start], replacement]
            position = end
        pieces.append(view[position:])
        return b"".join(pieces)


def _find(body: bytes) -> list[Span | None]:
    try:
        return find_members(body, _READ, MAX_KEYS)
    except DuplicateKeyError:
        raise
    except ValueError as error:
        if str(error).startswith("more than"):
            raise GatewayError("invalid_body", f"The body has more than {MAX_KEYS} keys.") from None
        _objects.decode(body)  # says better what is wrong
        raise


def _refuse_lookalikes(members: dict[str, msgspec.Raw], read: frozenset[str]) -> None:
    """Some parsers, Go's among them, match keys without case: to them `Model` is the model."""
    for key in members:
        if key not in read and key.casefold() in read:
            name = key.casefold()
            raise GatewayError(
                "invalid_field",
                f"The key {key!r} is {name!r} to parsers that ignore case: write it as {name!r}.",
                param=key,
            )


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


def _refusal(body: bytes, error: ValueError | RecursionError, format_: Format | None) -> GatewayError:
    if isinstance(error, DuplicateKeyError):
        key = error.key[:MAX_QUOTED_KEY]
        message = f"The key {key!r} stands twice in the body (byte {error.offset}): send it once."
        return GatewayError("duplicate_key", message, param=key)
    if isinstance(error, RecursionError):
        return GatewayError("invalid_json", "The body is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return GatewayError("invalid_json", f"The body is not valid UTF-8 (byte {_bad_utf8(body, error)}).")
    if isinstance(error, msgspec.ValidationError):
        what, path = split_reason(error)
        if not path:
            return GatewayError("invalid_body", f"The body must be a JSON object. {what}.")
        param = path.lstrip(".")
        if format_ is not None and format_ in NESTED:
            param = NESTED[format_].written(param)
        return GatewayError(
            "invalid_field", f"{what}, in the field {param!r} (byte {_offset(body, param)}).", param=param
        )
    reason = str(error)
    if "truncated" in reason:
        lone = _LONE_SURROGATE.search(body)
        reason = (
            f"JSON is truncated (byte {len(body)})"
            if lone is None
            else f"JSON is malformed: half of a surrogate pair (byte {lone.start(1)})"
        )
    return GatewayError("invalid_json", f"The body is not valid JSON. {reason}.")


def _bad_utf8(body: bytes, error: UnicodeDecodeError) -> int:
    """In the body: the error's own position may count from the start of a string in it."""
    try:
        body.decode()
    except UnicodeDecodeError as whole:
        return whole.start
    return error.start


def _offset(body: bytes, param: str) -> int:
    """Where the value of the top-level part of `param` starts; the body was valid JSON up to there."""
    name = param.partition(".")[0].partition("[")[0].encode()
    try:
        span = find_members(body, (name,))[0]
    except ValueError:
        return 0
    return 0 if span is None else span[1]
