"""Opt-in `stream_failure: continue`: the rest of a broken stream from the next deployment.

Only where it is safe: one answer, of plain text. The next deployment gets the conversation with the
partial answer and the request to go on, so what it adds is its own continuation, not the lost one.
"""

from typing import Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import StreamFailure
from fastgate.errors import GatewayError
from fastgate.pipeline.attempt import Attempt, Shape
from fastgate.pipeline.demand import demand_of
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.fallback import obtain
from fastgate.wire.envelope import Envelope

MAX_TEXT_BYTES: Final = 1024 * 1024
_GO_ON: Final = (
    "Your answer was cut off. Continue it exactly where it stopped: repeat nothing, and add no introduction."
)
_EMPTY: Final = frozenset({b"null", b'""', b"[]", b"{}"})


class _Choice(msgspec.Struct):
    delta: dict[str, msgspec.Raw] = {}
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None


class _Body(msgspec.Struct):
    messages: list[msgspec.Raw]


class _Format(msgspec.Struct):
    type: str = "text"


class _Asked(msgspec.Struct):
    response_format: _Format | None = None


_chunks: Final = msgspec.json.Decoder(_Chunk)
_strings: Final = msgspec.json.Decoder(str)


class Resume:
    """The text that the client has so far, while the stream is nothing but text."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._text: list[str] = []
        self._size = 0
        self._safe = True

    @classmethod
    def of(cls, exchange: Exchange) -> "Resume | None":
        """None where it is not switched on or cannot be done."""
        plan, envelope = exchange.plan, exchange.envelope
        if plan is None or envelope is None or plan.stream_failure is not StreamFailure.CONTINUE:
            return None
        if exchange.operation.endpoint is not Endpoint.CHAT or (envelope.fields.n or 1) != 1:
            return None
        return cls(envelope) if _asks_for_text(envelope.body) else None

    def saw(self, block: bytes) -> None:
        """Take the text of what goes downstream; anything but text makes continuing unsafe."""
        if not self._safe:
            return
        for event in block.replace(b"\r\n", b"\n").split(b"\n\n"):
            data = event_data(event + b"\n\n")
            if data and data.strip() != b"[DONE]":
                self._take(data)
        if self._size > MAX_TEXT_BYTES:
            self._safe = False

    def _take(self, data: bytes) -> None:
        try:
            choices = _chunks.decode(data).choices or ()
            for choice in choices:
                for name, value in choice.delta.items():
                    raw = bytes(value)
                    if name == "content" and raw != b"null":
                        text = _strings.decode(raw)
                        self._text.append(text)
                        self._size += len(text)
                    elif name != "role" and raw not in _EMPTY:
                        self._safe = False
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._safe = False

    async def next_attempt(self, exchange: Exchange, broken: Attempt) -> Attempt | None:
        """An attempt that goes on with the answer, or None when there is none to be had."""
        text = "".join(self._text)
        if not self._safe or not text or exchange.plan is None:
            return None
        try:
            exchange.envelope = _continued(self._envelope, text)
            exchange.neutral = None
            exchange.demand = demand_of(exchange)  # the answer so far is input now
            attempt = await obtain(exchange, exchange.plan, broken.choice)
        except (GatewayError, UpstreamError, msgspec.MsgspecError):
            return None  # the client is told of the break itself; each try is in the exchange's record
        if attempt.shape is not Shape.EVENTS:
            attempt.abandon()  # asked for a stream, it gave a whole answer: nothing to go on with
            return None
        return attempt


def _asks_for_text(body: bytes) -> bool:
    """Structured output has no place at which another model could go on."""
    try:
        asked = msgspec.json.decode(body, type=_Asked).response_format
    except msgspec.MsgspecError:
        return False
    return asked is None or asked.type == "text"


def _continued(envelope: Envelope, text: str) -> Envelope:
    members = msgspec.json.decode(envelope.body, type=dict[str, msgspec.Raw])
    messages = msgspec.json.decode(envelope.body, type=_Body).messages
    added = [{"role": "assistant", "content": text}, {"role": "user", "content": _GO_ON}]
    members["messages"] = msgspec.Raw(msgspec.json.encode([*messages, *added]))
    return Envelope.decode(msgspec.json.encode(members))
