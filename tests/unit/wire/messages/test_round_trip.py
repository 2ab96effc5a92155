"""What this format can say is the same after it was written and read."""

from collections.abc import Iterator

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.answers import merged_deltas, replies, streams, usages
from tests.support.conversations import Feature, Says, conversations
from tests.support.messages_requests import neutral
from tests.support.messages_schema import checked_request
from tests.support.wire_targets import asked, target

from fastgate._core.sse import EventSplitter
from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Message,
    Part,
    Role,
    Schema,
    Text,
    ToolChoice,
    ToolResult,
    merged,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Delta, Ended, Finish, Reply, Used
from fastgate.wire.interface import Losses
from fastgate.wire.messages import CLIENT, PROVIDER
from fastgate.wire.messages.block_writer import MAX_CACHE_MARKS

_FEATURES = {
    Feature.SYSTEM,
    Feature.LATE_SYSTEM,
    Feature.IMAGE_DATA,
    Feature.IMAGE_URLS,
    Feature.DOCUMENT_DATA,
    Feature.DOCUMENT_TEXT,
    Feature.DOCUMENT_URLS,
    Feature.DOCUMENT_CONTEXT,
    Feature.FILE_IDS,
    Feature.TOOLS,
    Feature.STRICT_TOOLS,
    Feature.RESULT_ERRORS,
    Feature.RESULT_IMAGES,
    Feature.THINKING,
    Feature.REDACTED,
}
_FIELDS = (
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "parallel_tools",
    "stop",
    "user",
    "output_schema",
    "thinking_budget",
)
_SAYS = Says(Format.MESSAGES, _FEATURES, _FIELDS)
_CACHING = Says(Format.MESSAGES, {Feature.SYSTEM, Feature.TOOLS, Feature.CACHE, Feature.CACHE_1H})
_ANSWERS = Says(Format.MESSAGES, {Feature.TOOLS, Feature.THINKING, Feature.REDACTED})
_FINISHES = (
    Finish.STOP,
    Finish.STOP_SEQUENCE,
    Finish.LENGTH,
    Finish.CONTEXT_FULL,
    Finish.PAUSED,
    Finish.REFUSED,
)
_USAGES = usages(("cached_input_tokens", "cache_write_tokens", "reasoning_tokens"))


def _parts(messages: tuple[Message, ...]) -> Iterator[Part]:
    for message in messages:
        for part in message.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.parts


def _has_white_space(request: Conversation) -> bool:
    """The API refuses texts of nothing else."""
    texts = [part.text for part in _parts(request.messages) if isinstance(part, Text)]
    return not all(text.strip() for text in (*texts, *request.stop))


def _with_room_for_thinking(request: Conversation) -> Conversation:
    """The API refuses a budget with a forced tool, with other sampling, and within a smaller cap."""
    if request.reasoning is None:
        return request
    choice = request.tool_choice
    forced = choice is not None and choice.choosing is Choosing.REQUIRED
    return msgspec.structs.replace(
        request,
        max_output_tokens=40_000,
        tool_choice=None if forced else choice,
        temperature=None,
        top_p=None,
        top_k=None,
    )


def _expected(request: Conversation) -> Conversation:
    """With what the API presumes said, and without what makes no difference."""
    schema = request.output_schema
    choice, parallel = request.tool_choice, request.parallel_tools
    if not request.tools or (choice is not None and choice.choosing is Choosing.NONE):
        parallel = None
    elif choice is None and parallel is not None:
        choice = None if parallel else ToolChoice(choosing=Choosing.AUTO)
        parallel = False if choice else None
    return msgspec.structs.replace(
        request,
        messages=tuple(merged(request.messages)),
        max_output_tokens=request.max_output_tokens or target().default_max_tokens,
        output_schema=None if schema is None else Schema(schema=schema.schema),
        tool_choice=choice,
        parallel_tools=parallel,
    )


def _through(request: Conversation) -> Conversation:
    losses = Losses()
    body = PROVIDER.write_request(request, target("an-alias"), losses)
    assert losses.names == []
    checked_request(body)
    return neutral(CLIENT.read_request(msgspec.json.encode(body), None))


@given(conversations(_SAYS))
def test_requests(request: Conversation) -> None:
    assume(not _has_white_space(request))
    request = _with_room_for_thinking(request)
    assert _through(request) == _expected(request)


@given(conversations(_CACHING))
def test_cache_markers(request: Conversation) -> None:
    assume(not _has_white_space(request))
    marked = [part for part in (*request.tools, *_parts(request.messages)) if getattr(part, "cache", None)]
    assume(len(marked) <= MAX_CACHE_MARKS)
    assert _through(request) == _expected(request)


@given(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES))
def test_answers(reply: Reply) -> None:
    body = CLIENT.write_answer(reply, asked(_NOBODY), Losses())
    read = PROVIDER.read_answer(body)
    if reply.usage is None:
        # Strict clients want one, so that all counts are 0.
        assert read.usage is not None
        assert not any((read.usage.input_tokens, read.usage.output_tokens))
        read = msgspec.structs.replace(read, usage=None)
    assert read == reply


@given(streams(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES)), st.data())
def test_streams(deltas: list[Delta], data: st.DataObject) -> None:
    """Also cut into chunks at any place."""
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = b"".join(writer.write([delta]) for delta in deltas) + writer.end()
    cut = data.draw(st.integers(0, len(stream)))
    splitter = PROVIDER.splitter(1 << 20)
    reader = PROVIDER.stream_reader()
    read: list[Delta] = []
    for chunk in (stream[:cut], stream[cut:]):
        splitter.feed(chunk)
        for event, _ in splitter.events():
            read += reader.read(event)
    assert reader.complete()
    expected, got = _comparable(deltas), _comparable(read)
    if not any(isinstance(delta, Used) for delta in deltas):
        got = [delta for delta in got if not isinstance(delta, Used)]
    assert got == expected


def _comparable(deltas: list[Delta]) -> list[Delta]:
    """The usage comes before the end here, and the first event has one too."""
    middle = [delta for delta in deltas[1:-1] if not isinstance(delta, Ended | Used)]
    ends = [delta for kind in (Used, Ended) for delta in deltas if isinstance(delta, kind)]
    started = msgspec.structs.replace(deltas[0], usage=None)
    return [started, *merged_deltas(middle), *ends, deltas[-1]]


_NOBODY = Conversation(format=Format.MESSAGES, messages=(Message(role=Role.USER, parts=()),))


def test_the_splitter_is_of_events() -> None:
    assert isinstance(PROVIDER.splitter(100), EventSplitter)
