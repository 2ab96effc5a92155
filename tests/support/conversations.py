"""Hypothesis strategies for the neutral model: conversations that a format can say (`answers`: the rest).

What a format can say is given by `Feature`s and by names of `Conversation`'s fields, so that a round trip
through it can be asked to lose nothing. Everything is well-formed: turns alternate and begin and end with the
user, every tool call is answered in the next message, ids are unique, neighbours are merged.
"""

import base64
from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Choosing,
    Conversation,
    Document,
    Effort,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Schema,
    Source,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import Format


class Feature(Enum):
    """What may occur beside plain text, tools and scalar fields (those are asked for by name)."""

    SYSTEM = auto()  # in front
    DEVELOPER = auto()  # in front, after the system's
    LATE_SYSTEM = auto()  # between turns, too
    NAMES = auto()  # of participants
    IMAGE_DATA = auto()
    IMAGE_URLS = auto()
    IMAGE_DETAIL = auto()
    DOCUMENT_DATA = auto()  # PDF
    DOCUMENT_TEXT = auto()
    DOCUMENT_URLS = auto()
    DOCUMENT_CONTEXT = auto()  # `context` and `cite`
    FILE_IDS = auto()  # of images and documents
    AUDIO = auto()
    VIDEO = auto()
    TOOLS = auto()
    CUSTOM_TOOLS = auto()
    STRICT_TOOLS = auto()
    ALLOWED_TOOLS = auto()  # a choice among several
    RESULT_NAMES = auto()
    RESULT_ERRORS = auto()
    RESULT_IMAGES = auto()
    THINKING = auto()  # sealed
    PLAIN_THINKING = auto()  # also without a signature
    REDACTED = auto()
    SIGNATURES = auto()  # of texts and tool calls
    CACHE = auto()
    CACHE_1H = auto()
    REFUSALS = auto()


class Says:
    """A format's abilities: the format itself, features, and names of scalar fields of `Conversation`."""

    def __init__(
        self,
        format: Format,
        features: Collection[Feature] = (),
        fields: Collection[str] = (),
    ) -> None:
        unknown = set(fields) - set(SCALARS)
        assert not unknown, f"there is no strategy for {sorted(unknown)}"
        self.format = format
        self.features = frozenset(features)
        self.fields = tuple(fields)

    def __contains__(self, feature: Feature) -> bool:
        return feature in self.features


TEXTS: Final = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=24)
"""Never empty: formats leave out what says nothing."""
NAMES: Final = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)
IDS: Final = st.from_regex(r"[a-zA-Z0-9_-]{1,24}", fullmatch=True)
SEALS: Final = st.binary(min_size=1, max_size=24).map(lambda data: base64.b64encode(data).decode())
URLS: Final = IDS.map("https://files.example/{}".format)
DATA: Final = SEALS
_JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
_OBJECTS: Final = st.dictionaries(NAMES, _JSON_VALUES, max_size=3)
ARGUMENTS: Final = _OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
SCHEMAS: Final = st.dictionaries(NAMES, st.sampled_from(("string", "integer")), max_size=3).map(
    lambda kinds: msgspec.Raw(
        msgspec.json.encode(
            {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}
        )
    )
)
_IMAGE_TYPES: Final = st.sampled_from(("image/png", "image/jpeg", "image/gif", "image/webp"))

SCALARS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "parallel_tools": st.booleans(),
    "max_output_tokens": st.integers(1, 100_000),
    "temperature": st.sampled_from((0.0, 0.25, 1.0)),
    "top_p": st.sampled_from((0.125, 0.5, 1.0)),
    "top_k": st.integers(1, 500),
    "frequency_penalty": st.sampled_from((-2.0, 0.5, 2.0)),
    "presence_penalty": st.sampled_from((-2.0, 0.5, 2.0)),
    "seed": st.integers(0, 2**31 - 1),
    "stop": st.lists(TEXTS, min_size=1, max_size=4, unique=True).map(tuple),
    "n": st.integers(1, 4),
    "logprobs": st.booleans(),
    "top_logprobs": st.integers(0, 20),
    "logit_bias": st.dictionaries(
        st.integers(0, 99_999).map(str), st.integers(-100, 100).map(float), min_size=1, max_size=3
    ),
    "output_schema": st.builds(
        Schema,
        schema=SCHEMAS,
        name=NAMES,
        description=st.none() | TEXTS,
        strict=st.none() | st.booleans(),
    ),
    "json_object": st.just(Schema()),
    "effort": st.builds(Reasoning, effort=st.sampled_from(Effort)),
    "thinking_budget": st.builds(Reasoning, budget_tokens=st.integers(1_024, 30_000)),
    "verbosity": st.sampled_from(("low", "medium", "high")),
    "service_tier": st.sampled_from(("auto", "default")),
    "user": IDS,
    "metadata": st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3),
    "store": st.booleans(),
    "prompt_cache_key": IDS,
}
"""By the name of the field; `json_object` is a value of `output_schema`, `effort` and `thinking_budget` are
of `reasoning`."""

_FIELD_OF: Final = {
    "json_object": "output_schema",
    "effort": "reasoning",
    "thinking_budget": "reasoning",
}


@st.composite
def conversations(draw: st.DrawFn, says: Says) -> Conversation:
    """With all that the format can say; each of it may be missing."""
    tools = draw(tools_of(says))
    fields: dict[str, Any] = {}
    for name in says.fields:
        # How tools are called is said of tools only.
        if draw(st.booleans()) and (tools or name != "parallel_tools"):
            fields[_FIELD_OF.get(name, name)] = draw(SCALARS[name])
    if draw(st.booleans()) and tools:
        fields["tool_choice"] = draw(_choices(says, [tool.name for tool in tools]))
    return Conversation(
        format=says.format, messages=tuple(draw(_messages(says, tools))), tools=tuple(tools), **fields
    )


# --- messages ------------------------------------------------------------------------------------------


@st.composite
def _messages(draw: st.DrawFn, says: Says, tools: list[Tool]) -> list[Message]:
    out: list[Message] = []
    for feature, role in ((Feature.SYSTEM, Role.SYSTEM), (Feature.DEVELOPER, Role.DEVELOPER)):
        if feature in says and draw(st.booleans()):
            out.append(Message(role=role, parts=draw(_texts(says))))
    called = Calls()
    out.append(draw(_user(says, ())))
    for _ in range(draw(st.integers(0, 3))):
        answer = draw(assistant_messages(says, tools, called))
        out.append(answer)
        if Feature.LATE_SYSTEM in says and draw(st.integers(0, 3)) == 0:
            uses = [part for part in answer.parts if isinstance(part, ToolUse)]
            if not uses:
                out.append(Message(role=Role.SYSTEM, parts=draw(_texts(says))))
        out.append(draw(_user(says, [part for part in answer.parts if isinstance(part, ToolUse)])))
    return out


class Calls:
    """Makes ids of calls unique within a conversation."""

    def __init__(self) -> None:
        self.count = 0

    def number(self, id_: str) -> str:
        self.count += 1
        return f"call_{self.count}{id_}"


@st.composite
def _user(draw: st.DrawFn, says: Says, uses: Sequence[ToolUse]) -> Message:
    parts: list[Part] = [draw(_result(says, use)) for use in uses]
    least = 0 if parts else 1
    parts += draw(st.lists(st.one_of(_user_parts(says)), min_size=least, max_size=3))
    name = draw(st.none() | NAMES) if Feature.NAMES in says and not uses else None
    return Message(role=Role.USER, parts=tuple(parts), name=name)


@st.composite
def assistant_messages(draw: st.DrawFn, says: Says, tools: list[Tool], called: Calls) -> Message:
    parts: list[Part] = []
    kinds = [strategy for feature, strategy in _THINKING.items() if feature in says]
    if kinds:
        thought = draw(st.lists(st.one_of(kinds), max_size=2))
        parts += [msgspec.structs.replace(each, format=says.format) for each in thought]
    parts += draw(st.lists(_text(says), max_size=2))
    if Feature.REFUSALS in says and draw(st.integers(0, 4)) == 0:
        parts.append(Refusal(text=draw(TEXTS)))
    if tools:
        for tool in draw(st.lists(st.sampled_from(tools), max_size=3)):
            parts.append(draw(_use(says, tool.name, called.number(draw(IDS)), custom=tool.custom)))
    if not any(isinstance(part, Text | ToolUse | Refusal) for part in parts):
        parts.append(draw(_text(says)))
    return Message(role=Role.ASSISTANT, parts=tuple(parts))


_THINKING: Final[dict[Feature, st.SearchStrategy[Thinking]]] = {
    Feature.THINKING: st.builds(Thinking, text=TEXTS, signature=SEALS),
    Feature.PLAIN_THINKING: st.builds(Thinking, text=TEXTS),
    Feature.REDACTED: st.builds(Thinking, redacted=SEALS),
}


def _caches(says: Says) -> st.SearchStrategy[CacheFor | None]:
    if Feature.CACHE not in says:
        return st.none()
    markers: list[CacheFor | None] = [None, None, None, CacheFor.DEFAULT]
    return st.sampled_from([*markers, CacheFor.ONE_HOUR] if Feature.CACHE_1H in says else markers)


def _signatures(says: Says) -> st.SearchStrategy[str | None]:
    return st.none() | SEALS if Feature.SIGNATURES in says else st.none()


def _text(says: Says) -> st.SearchStrategy[Text]:
    return st.builds(Text, text=TEXTS, cache=_caches(says))


def _texts(says: Says) -> st.SearchStrategy[tuple[Text, ...]]:
    return st.lists(_text(says), min_size=1, max_size=2).map(tuple)


def _user_parts(says: Says) -> list[st.SearchStrategy[Any]]:
    found: list[st.SearchStrategy[Any]] = [_text(says), *_images(says)]
    marks: dict[str, st.SearchStrategy[Any]] = {"title": st.none() | NAMES, "cache": _caches(says)}
    if Feature.DOCUMENT_CONTEXT in says:
        marks |= {"context": st.none() | TEXTS, "cite": st.booleans()}
    sources: list[tuple[Feature, st.SearchStrategy[Source]]] = [
        (Feature.DOCUMENT_DATA, st.builds(Source, media_type=st.just("application/pdf"), data=DATA)),
        (Feature.DOCUMENT_TEXT, st.builds(Source, media_type=st.just("text/plain"), text=TEXTS)),
        (Feature.DOCUMENT_URLS, st.builds(Source, url=URLS)),
        (Feature.FILE_IDS, st.builds(Source, file_id=IDS)),
    ]
    found += [st.builds(Document, source=source, **marks) for feature, source in sources if feature in says]
    if Feature.AUDIO in says:
        sound = st.builds(Source, media_type=st.sampled_from(("audio/wav", "audio/mpeg")), data=DATA)
        found.append(st.builds(Audio, source=sound))
    if Feature.VIDEO in says:
        found.append(st.builds(Video, source=st.builds(Source, media_type=st.just("video/mp4"), data=DATA)))
    return found


def _images(says: Says) -> list[st.SearchStrategy[Image]]:
    details = (
        st.none() | st.sampled_from(("low", "high", "auto")) if Feature.IMAGE_DETAIL in says else st.none()
    )
    sources: list[tuple[Feature, st.SearchStrategy[Source]]] = [
        (Feature.IMAGE_DATA, st.builds(Source, media_type=_IMAGE_TYPES, data=DATA)),
        (Feature.IMAGE_URLS, st.builds(Source, url=URLS)),
    ]
    return [
        st.builds(Image, source=source, detail=details, cache=_caches(says))
        for feature, source in sources
        if feature in says
    ]


# --- tools ---------------------------------------------------------------------------------------------


@st.composite
def tools_of(draw: st.DrawFn, says: Says) -> list[Tool]:
    kinds: list[st.SearchStrategy[Tool]] = []
    strict = st.none() | st.booleans() if Feature.STRICT_TOOLS in says else st.none()
    shared: dict[str, st.SearchStrategy[Any]] = {
        "name": NAMES,
        "description": st.none() | TEXTS,
        "cache": _caches(says),
    }
    if Feature.TOOLS in says:
        kinds.append(st.builds(Tool, parameters=SCHEMAS, strict=strict, **shared))
    if Feature.CUSTOM_TOOLS in says:
        kinds.append(st.builds(Tool, custom=st.just(True), **shared))
    if not kinds:
        return []
    return draw(st.lists(st.one_of(kinds), max_size=3, unique_by=lambda tool: tool.name))


def _use(says: Says, name: str, id_: str, *, custom: bool) -> st.SearchStrategy[ToolUse]:
    return st.builds(
        ToolUse,
        id=st.just(id_),
        name=st.just(name),
        arguments=TEXTS if custom else ARGUMENTS,
        custom=st.just(custom),
        signature=_signatures(says),
        cache=_caches(says),
    )


def _result(says: Says, use: ToolUse) -> st.SearchStrategy[ToolResult]:
    parts: list[st.SearchStrategy[Any]] = [st.builds(Text, text=TEXTS)]
    if Feature.RESULT_IMAGES in says:
        # Their markers would be the result's.
        parts += _images(Says(says.format, says.features - {Feature.CACHE, Feature.IMAGE_DETAIL}))
    return st.builds(
        ToolResult,
        id=st.just(use.id),
        parts=st.lists(st.one_of(parts), min_size=1, max_size=2).map(tuple),
        name=st.just(use.name if Feature.RESULT_NAMES in says else None),
        is_error=st.booleans() if Feature.RESULT_ERRORS in says else st.just(False),
        cache=_caches(says),
    )


def _choices(says: Says, names: list[str]) -> st.SearchStrategy[ToolChoice]:
    kinds = [
        st.builds(ToolChoice, choosing=st.sampled_from(Choosing)),
        st.builds(
            ToolChoice, choosing=st.just(Choosing.REQUIRED), names=st.sampled_from(names).map(lambda n: (n,))
        ),
    ]
    if Feature.ALLOWED_TOOLS in says and len(names) > 1:
        several = st.lists(st.sampled_from(names), min_size=2, unique=True).map(tuple)
        choosing = st.sampled_from((Choosing.AUTO, Choosing.REQUIRED))
        kinds.append(st.builds(ToolChoice, choosing=choosing, names=several))
    return st.one_of(kinds)
