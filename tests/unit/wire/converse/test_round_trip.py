"""What this format can say is the same after it was written and read."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.answers import merged_deltas, replies, streams, usages
from tests.support.bedrock_schema import checked_request, parsed_answer, parsed_stream
from tests.support.conversations import Feature, Says, conversations
from tests.support.wire_targets import asked, target

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Message,
    Part,
    Places,
    Role,
    Text,
    Thinking,
    ToolResult,
    merged,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Delta, Ended, Finish, Reply, Sealed, Started, Used
from fastgate.domain.usage import Usage
from fastgate.wire.converse import CLIENT, PROVIDER
from fastgate.wire.converse.frames import FrameSplitter
from fastgate.wire.interface import Losses

_SAYS = Says(
    Format.CONVERSE,
    {
        Feature.SYSTEM,
        Feature.LATE_SYSTEM,
        Feature.IMAGE_DATA,
        Feature.AUDIO,
        Feature.VIDEO,
        Feature.TOOLS,
        Feature.RESULT_ERRORS,
        Feature.RESULT_IMAGES,
        Feature.THINKING,
        Feature.PLAIN_THINKING,
        Feature.REDACTED,
        Feature.CACHE,
        Feature.CACHE_1H,
    },
    ("max_output_tokens", "temperature", "top_p", "stop"),
)
_ANSWERS = Says(Format.MESSAGES, {Feature.TOOLS, Feature.THINKING, Feature.REDACTED})
_FINISHES = (
    Finish.STOP,
    Finish.STOP_SEQUENCE,
    Finish.LENGTH,
    Finish.CONTEXT_FULL,
    Finish.FILTERED,
    Finish.MALFORMED,
)
_USAGES = usages(("cached_input_tokens", "cache_write_tokens"))
_NOBODY = Conversation(format=Format.CONVERSE, messages=(Message(role=Role.USER, parts=()),))


def _is_sayable(request: Conversation) -> bool:
    """Bedrock refuses blank texts."""
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    return all(part.text.strip() for part in parts if isinstance(part, Text))


def _expected(request: Conversation) -> Conversation:
    """Without what makes no difference: to choose freely, and tools that must not be called."""
    choice, tools = request.tool_choice, request.tools
    if choice is not None and choice.choosing is not Choosing.REQUIRED:
        tools = tools if choice.choosing is Choosing.AUTO else ()
        choice = None
    return msgspec.structs.replace(
        request, messages=tuple(merged(request.messages)), tool_choice=choice, tools=tools
    )


def _sealed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Here nobody but Claude seals its thinking."""
    return tuple(
        msgspec.structs.replace(part, format=Format.MESSAGES)
        if isinstance(part, Thinking) and (part.signature or part.redacted)
        else part
        for part in parts
    )


@given(conversations(_SAYS))
def test_requests(request: Conversation) -> None:
    assume(_is_sayable(request))
    request.messages = tuple(
        msgspec.structs.replace(message, parts=_sealed(message.parts)) for message in request.messages
    )
    called = request.names()
    none = request.tool_choice is not None and request.tool_choice.choosing is Choosing.NONE
    assume(not (none and called))
    losses = Losses()
    body = PROVIDER.write_request(request, target("some.model"), losses)
    assert losses.names == []
    checked_request(body)
    read = CLIENT.read_request(msgspec.json.encode(body), None)
    assert msgspec.structs.replace(read, places=Places()) == _expected(request)


@given(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES))
def test_answers(reply: Reply) -> None:
    body = CLIENT.write_answer(reply, asked(_NOBODY), Losses())
    parsed_answer(body)
    assert PROVIDER.read_answer(body) == msgspec.structs.replace(
        reply, id="", model="", usage=reply.usage or Usage(), service_tier=None
    )


@given(streams(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES)), st.data())
def test_streams(deltas: list[Delta], data: st.DataObject) -> None:
    """Also cut into chunks at any place."""
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = b"".join(writer.write([delta]) for delta in deltas) + writer.end()
    assert len(parsed_stream(stream)) >= 3
    cut = data.draw(st.integers(0, len(stream)))
    assert _comparable(_read((stream[:cut], stream[cut:]))) == _comparable(deltas)


def _read(chunks: tuple[bytes, ...]) -> list[Delta]:
    splitter = PROVIDER.splitter(1 << 20)
    reader = PROVIDER.stream_reader()
    read: list[Delta] = []
    for chunk in chunks:
        splitter.feed(chunk)
        for event, _ in splitter.events():
            read += reader.read(event)
    assert reader.complete()
    return read


def _comparable(deltas: list[Delta]) -> list[Delta]:
    """The end comes before the usage here, no event names an answer, and counts are 0 without any."""
    usage = [delta for delta in deltas if isinstance(delta, Used)] or [Used(Usage())]
    ends = [delta for delta in deltas if isinstance(delta, Ended)]
    middle = [delta for delta in deltas[1:-1] if not isinstance(delta, Ended | Used)]
    return [Started("", ""), *merged_deltas(middle), *ends, *usage, deltas[-1]]


@pytest.mark.parametrize("format_", [Format.GENERATE_CONTENT, Format.RESPONSES])
def test_seals_of_others_come_back(format_: Format) -> None:
    """A client of this format keeps them in the only place that it has."""
    thought = Thinking(text="hm", signature="c2VhbA==", format=format_)
    said = Text(text="yes", signature="YWhlYWQ=" if format_ is Format.GENERATE_CONTENT else None)
    reply = Reply(id="", model="", choices=(_choice(thought, said),))
    read = PROVIDER.read_answer(CLIENT.write_answer(reply, asked(_NOBODY), Losses()))
    assert read.choices[0].parts == (thought, said)


@pytest.mark.parametrize("format_", [Format.MESSAGES, Format.INVOKE])
def test_a_seal_of_claude_is_good_everywhere(format_: Format) -> None:
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = writer.write([Started("", ""), Sealed(format=format_, signature="c2VhbA==")]) + writer.end()
    assert Sealed(format=Format.MESSAGES, signature="c2VhbA==") in _read((stream,))


def test_what_others_redacted_comes_back() -> None:
    hidden = Thinking(redacted="gAAAA==", format=Format.RESPONSES)
    reply = Reply(id="", model="", choices=(_choice(hidden),))
    assert PROVIDER.read_answer(CLIENT.write_answer(reply, asked(_NOBODY), Losses())).choices[0].parts == (
        hidden,
    )


def _choice(*parts: Text | Thinking) -> Choice:
    return Choice(parts=parts, finish=Finish.STOP)


def test_the_splitter_is_of_frames() -> None:
    assert isinstance(PROVIDER.splitter(100), FrameSplitter)
