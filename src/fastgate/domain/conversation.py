"""A request for a conversation's next turn, in no vendor's dialect.

Each wire format reads its requests into a `Conversation` and writes them from one, so n formats need n
readers and n writers. What only one format can say is kept as it was written (`Foreign`, `extra`), for the
writer of the same format.
"""

from enum import StrEnum
from typing import Any

import msgspec

from fastgate.domain.format import Format


class Role(StrEnum):
    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"


class CacheFor(StrEnum):
    """A prompt-cache marker, and how long the prefix up to it is to be kept."""

    DEFAULT = "default"  # the provider's own
    FIVE_MINUTES = "5m"
    ONE_HOUR = "1h"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a file are: exactly one of `data` (base64), `url`, `file_id` (at the provider) and
    `text` is set. `media_type` as in RFC 6838, "" where nobody said."""

    media_type: str = ""
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    text: str | None = None


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece of an answer rests on. `start` and `end` are characters of the answer's text;
    `quoted` is the text of the source. `raw` is the citation as `format` wrote it."""

    url: str | None = None
    title: str | None = None
    quoted: str | None = None
    start: int | None = None
    end: int | None = None
    format: Format | None = None
    raw: msgspec.Raw = msgspec.Raw()


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """`signature` is a seal that the provider wants back (Gemini's `thoughtSignature`)."""

    text: str
    citations: tuple[Citation, ...] = ()
    signature: str | None = None
    cache: CacheFor | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """`detail` as in OpenAI's: low, high, auto."""

    source: Source
    detail: str | None = None
    signature: str | None = None
    cache: CacheFor | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`cite`: the answer is to cite it. `context` is told to the model and not cited."""

    source: Source
    title: str | None = None
    context: str | None = None
    cite: bool = False
    cache: CacheFor | None = None


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    source: Source


class Video(msgspec.Struct, frozen=True, kw_only=True):
    source: Source


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """The model calls a tool. `arguments` is JSON text of an object, exactly as the model wrote it ("{}" for
    none); of a `custom` tool it is free text. `signature` as in `Text`."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    signature: str | None = None
    cache: CacheFor | None = None


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool answered: `parts` are texts, images and documents. `name` is the tool's, where the format
    says it or an earlier turn told (`named_results`)."""

    id: str
    parts: "tuple[Part, ...]"
    name: str | None = None
    is_error: bool = False
    cache: CacheFor | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """The model's reasoning. `signature` seals it; `redacted` is all there is of one that may not be read.
    Both go back verbatim on the next turn, to the format family that made them (`format`)."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    format: Format | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """A part or tool that only `format` knows, as it was written; `kind` is its `type` there."""

    format: Format
    kind: str
    raw: msgspec.Raw


Part = Text | Image | Document | Audio | Video | ToolUse | ToolResult | Thinking | Refusal | Foreign


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Tool results stand in USER messages, tool uses and thinking in ASSISTANT ones. Several of one role may
    follow each other (`merged`). `name` is a participant's."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call. `parameters` is its JSON Schema. A `custom` one takes free text,
    and `parameters` is then its grammar, if it has one. `extra` are members without a neutral meaning, as the
    conversation's format wrote them."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw | None = None
    strict: bool | None = None
    custom: bool = False
    cache: CacheFor | None = None
    extra: dict[str, msgspec.Raw] = {}


class Choosing(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`names` limits it to these tools; REQUIRED with one name forces that tool."""

    choosing: Choosing
    names: tuple[str, ...] = ()


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Structured output. `schema` None: any JSON object."""

    schema: msgspec.Raw | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Effort(StrEnum):
    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """`budget_tokens` bounds it, `adaptive` leaves that to the model; `shown`: the client wants to read it
    (or a summary of it); None: it did not say."""

    effort: Effort | None = None
    budget_tokens: int | None = None
    adaptive: bool = False
    off: bool = False
    shown: bool | None = None


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where the client wrote what a conversation has. `parts` are, for each message, the path of the list
    that its parts are in, or the path of each of them; None, or nothing at all: `messages[…].content`, as
    here. `tools` are the paths of the tools; nothing: `tools[…]`."""

    parts: tuple[str | tuple[str, ...] | None, ...] = ()
    tools: tuple[str, ...] = ()


class Conversation(msgspec.Struct, kw_only=True):
    """`messages` has the system messages in their places, the first ones in front. None is: the client did
    not say. `user` is the client's own end user. `extra` are members without a neutral meaning, as `format`
    wrote them, by their paths (`seed`, `metadata.team`); `options` are fields for one provider's body, by
    provider or format name (the escape hatch `provider_options`)."""

    format: Format
    messages: tuple[Message, ...]
    tools: tuple[Tool | Foreign, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    output_schema: Schema | None = None
    reasoning: Reasoning | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    extra: dict[str, msgspec.Raw] = {}
    options: dict[str, dict[str, msgspec.Raw]] = {}
    places: Places = Places()

    def names(self) -> dict[str, str]:
        """Names of the tools that were called, by the ids of the calls."""
        return {
            part.id: part.name
            for message in self.messages
            for part in message.parts
            if isinstance(part, ToolUse)
        }


def merged(messages: tuple[Message, ...]) -> list[Message]:
    """Neighbours of one role and participant as one message."""
    out: list[Message] = []
    for message in messages:
        last = out[-1] if out else None
        if last is not None and last.role is message.role and last.name == message.name:
            out[-1] = msgspec.structs.replace(last, parts=last.parts + message.parts)
        else:
            out.append(message)
    return out
