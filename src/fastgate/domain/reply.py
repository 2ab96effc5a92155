"""An answer in no vendor's dialect: whole, or as the deltas of a stream."""

from enum import StrEnum

import msgspec

from fastgate.domain.conversation import Citation, Image, Part
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    CONTEXT_FULL = "context_full"
    TOOL_USE = "tool_use"
    FILTERED = "filtered"  # the provider's safety system withheld it
    REFUSED = "refused"  # the model declined
    PAUSED = "paused"  # a server-side tool loop that the client is to continue
    MALFORMED = "malformed"  # the model wrote a tool call that is none


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers that were asked for. `logprobs` in the shape of OpenAI's chat."""

    parts: tuple[Part, ...]
    finish: Finish
    stop_sequence: str | None = None
    logprobs: msgspec.Raw | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """`model` as the provider named it, "" if it did not; `id` likewise. `usage` as in `domain.usage`.
    `fingerprint` is OpenAI's word for what ran the model."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    service_tier: str | None = None
    fingerprint: str | None = None


class Started(msgspec.Struct, frozen=True):
    """First of all; says who answers. `usage` where the provider tells the input already; `fingerprint` as in
    `Reply`."""

    id: str
    model: str
    usage: Usage | None = None
    fingerprint: str | None = None


class TextDelta(msgspec.Struct, frozen=True):
    text: str
    choice: int = 0
    logprobs: msgspec.Raw | None = None


class ThinkingDelta(msgspec.Struct, frozen=True):
    text: str
    choice: int = 0


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature for the thinking so far, or for what comes next (`ahead`, Gemini's on text); or a redacted
    block. `format` made it."""

    format: Format
    signature: str | None = None
    redacted: str | None = None
    choice: int = 0


class RefusalDelta(msgspec.Struct, frozen=True):
    text: str
    choice: int = 0


class ImageDelta(msgspec.Struct, frozen=True):
    """An image that the model made, whole."""

    image: Image
    choice: int = 0


class ToolStarted(msgspec.Struct, frozen=True, kw_only=True):
    """`index` counts the calls of a choice from 0."""

    index: int
    id: str
    name: str
    custom: bool = False
    signature: str | None = None
    choice: int = 0


class ToolDelta(msgspec.Struct, frozen=True):
    """A piece of the call's arguments, as JSON text."""

    index: int
    arguments: str
    choice: int = 0


class Cited(msgspec.Struct, frozen=True):
    citation: Citation
    choice: int = 0


class ForeignDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Content that only `format` knows: it counts as content, and other formats leave it out. `text` is what
    a model wrote in it, where that is told apart."""

    format: Format
    kind: str
    raw: msgspec.Raw
    text: str = ""


class Ended(msgspec.Struct, frozen=True):
    """A choice is complete."""

    finish: Finish
    choice: int = 0
    stop_sequence: str | None = None


class Used(msgspec.Struct, frozen=True):
    """All that was consumed so far: the last one counts."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True):
    """The provider says within its stream that it failed. `status` is the one that its error stands for."""

    status: int
    message: str


class Closed(msgspec.Struct, frozen=True):
    """The stream's own terminal event: nothing follows."""


Delta = (
    Started
    | TextDelta
    | ThinkingDelta
    | Sealed
    | RefusalDelta
    | ImageDelta
    | ToolStarted
    | ToolDelta
    | Cited
    | ForeignDelta
    | Ended
    | Used
    | Failed
    | Closed
)
