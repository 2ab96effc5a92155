"""Whatever an answer says, whole or in a stream, is in what the client gets, or is named as left out."""

from base64 import b64decode
from typing import Any, Final, NamedTuple, get_args

import msgspec
import pytest

from fastgate.domain.conversation import (
    Audio,
    Citation,
    Document,
    Foreign,
    Image,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Video,
)
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.reply import (
    Choice,
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    RefusalDelta,
    Reply,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.converse.frames import FrameSplitter, read_frame
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Asked, Losses, raw
from fastgate.wire.reference import answers
from fastgate.wire.reference.samples import PIXEL

_MARK: Final = "mark4711"
"""What is looked for in what the client gets."""
_TOKEN: Final = {"token": _MARK, "logprob": -0.5, "bytes": None, "top_logprobs": []}
_LOGPROBS: Final = raw({"content": [_TOKEN], "refusal": None})
_S3: Final = Source(media_type="image/tiff", url=f"s3://bucket/{_MARK}")
_WEB: Final = Source(media_type="image/png", url=f"https://a.example/{_MARK}.png")
_DATA: Final = Source(media_type="image/png", data=PIXEL)
_PAGE: Final = Citation(url=f"https://a.example/{_MARK}", title="It", start=0, end=1)
_QUOTE: Final = Citation(quoted=_MARK, title="It", start=0, end=1)


class Item(NamedTuple):
    """`mark` is seen in an answer that says it; `name` is what else the client is told."""

    name: str
    choices: tuple[Choice, ...] = ()
    deltas: tuple[Delta, ...] = ()
    mark: str = _MARK
    tier: str | None = None


def _choice(*parts: Part, **fields: Any) -> Choice:
    return Choice(**{"parts": (Text(text="a"), *parts), "finish": Finish.STOP, **fields})


def _part(name: str, part: Part, *deltas: Delta, mark: str = _MARK) -> Item:
    return Item(name, (_choice(part),), deltas, mark)


def _foreign(format_: Format, kind: str) -> Item:
    said = raw({"type": kind, kind: _MARK})
    delta = ForeignDelta(format=format_, kind=kind, raw=said)
    return _part(f"answer.{kind}", Foreign(format=format_, kind=kind, raw=said), delta)


def _call(index: int, name: str) -> tuple[Delta, ...]:
    return ToolStarted(index=index, id=f"c{index}", name=name), ToolDelta(index, "{}")


_ITEMS: Final = {
    "thinking": _part("answer.thinking", Thinking(text=_MARK), ThinkingDelta(_MARK)),
    "refusal": _part("-", Refusal(text=_MARK), RefusalDelta(_MARK)),
    "tool call": _part("answer.tool_call", ToolUse(id="c0", name=_MARK, arguments="{}"), *_call(0, _MARK)),
    "second tool call": Item(
        "answer.tool_call",
        (_choice(ToolUse(id="c0", name="n", arguments="{}"), ToolUse(id="c1", name=_MARK, arguments="{}")),),
        (*_call(0, "n"), *_call(1, _MARK)),
    ),
    "image": _part("answer.image", Image(source=_DATA), ImageDelta(Image(source=_DATA)), mark=PIXEL),
    "image, URL": _part("answer.image", Image(source=_WEB), ImageDelta(Image(source=_WEB))),
    "image in a cloud": _part("answer.image", Image(source=_S3), ImageDelta(Image(source=_S3))),
    "image, file": _part(
        "answer.image",
        Image(source=Source(file_id=_MARK)),
        ImageDelta(Image(source=Source(file_id=_MARK))),
    ),
    "audio": _part("answer.audio", Audio(source=Source(media_type="audio/x-of-nobody", data=_MARK))),
    "video": _part("answer.video", Video(source=Source(media_type="video/x-of-nobody", data=_MARK))),
    "document": _part("answer.document", Document(source=Source(media_type="x/of-nobody", data=_MARK))),
    "result of a tool": _part(
        "answer.toolresult", ToolResult(id="c0", parts=(Text(text=_MARK),)), mark=_MARK
    ),
    "audio of chat completions": _foreign(Format.CHAT, "audio"),
    "a hosted tool of Claude's": _foreign(Format.MESSAGES, "server_tool_use"),
    "code that Gemini runs": _foreign(Format.GENERATE_CONTENT, "executableCode"),
    "a block of Converse's alone": _foreign(Format.CONVERSE, "searchResult"),
    "citation of a page": Item(
        "answer.citation", (_choice(Text(text="b", citations=(_PAGE,))),), (Cited(_PAGE),)
    ),
    "citation of a document": Item(
        "answer.citation", (_choice(Text(text="b", citations=(_QUOTE,))),), (Cited(_QUOTE),)
    ),
    "logprobs": Item("answer.logprobs", (_choice(logprobs=_LOGPROBS),), (TextDelta("b", 0, _LOGPROBS),)),
    "second answer": Item(
        "answer.choices", (_choice(), _choice(Text(text=_MARK))), (TextDelta(_MARK, 1), Ended(Finish.STOP, 1))
    ),
    "stop sequence": Item(
        "answer.stop_sequence",
        (_choice(finish=Finish.STOP_SEQUENCE, stop_sequence=_MARK),),
        (Ended(Finish.STOP_SEQUENCE, stop_sequence=_MARK),),
    ),
    "service tier": Item("answer.service_tier", (_choice(),), mark='"priority"', tier="priority"),
    "service tier of nobody": Item("answer.service_tier", (_choice(),), mark=f'"{_MARK}"', tier=_MARK),
}
_ELSEWHERE: Final = {
    Sealed: "test_seals_come_back_to_who_made_them",
    Started: "ids and names of models: each writer's own tests",
    Used: "test_what_arrives_whole_arrives_in_a_stream, but for tiers",
    Failed: "the failures of each writer",
    Closed: "an end, which says nothing",
    Ended: "finish reasons: test_what_arrives_whole_arrives_in_a_stream",
}
_CLIENTS: Final = sorted(CONVERSATIONS & set(CLIENTS))


def test_every_kind_of_content_is_in_the_table() -> None:
    parts = {type(part) for item in _ITEMS.values() for choice in item.choices for part in choice.parts}
    deltas = {type(delta) for item in _ITEMS.values() for delta in item.deltas}
    assert parts == set(get_args(Part))
    assert deltas | set(_ELSEWHERE) == set(get_args(Delta))


@pytest.mark.parametrize("item", _ITEMS)
@pytest.mark.parametrize("client", _CLIENTS)
def test_a_whole_answer_says_or_names_it(client: Format, item: str) -> None:
    wanted, losses = _ITEMS[item], Losses()
    usage = Usage(input_tokens=1, output_tokens=1, service_tier=wanted.tier)
    reply = Reply(id="i", model="m", choices=wanted.choices, usage=usage, service_tier=wanted.tier)
    body = CLIENTS[client].write_answer(reply, _asked(client), losses)
    _judge(wanted, body, losses)


@pytest.mark.parametrize("item", [name for name, item in _ITEMS.items() if item.deltas or item.tier])
@pytest.mark.parametrize("client", _CLIENTS)
def test_a_stream_says_or_names_it(client: Format, item: str) -> None:
    wanted = _ITEMS[item]
    writer = CLIENTS[client].stream_writer(_asked(client))
    usage = Usage(input_tokens=1, output_tokens=1, service_tier=wanted.tier)
    deltas = [Started("i", "m"), TextDelta("a"), *wanted.deltas]
    if not any(isinstance(delta, Ended) and delta.choice == 0 for delta in deltas):
        deltas.append(Ended(Finish.STOP))
    deltas += [Used(usage), Closed()]
    sent = b"".join([writer.write([delta]) for delta in deltas]) + writer.end()
    _judge(wanted, _plain(sent) if client is Format.INVOKE else sent, writer.losses)


@pytest.mark.parametrize("client", _CLIENTS)
def test_a_plain_answer_loses_nothing(client: Format) -> None:
    losses = Losses()
    CLIENTS[client].write_answer(answers.PLAIN_REPLY, _asked(client), losses)
    assert losses.names == []


def _asked(client: Format) -> Asked:
    return answers.asked(Format.MESSAGES if client is Format.INVOKE else client)


def _judge(wanted: Item, body: bytes, losses: Losses) -> None:
    said = wanted.mark.encode() in body
    assert said or wanted.name in losses.names, body
    assert losses.names == ([] if said else [wanted.name])


def _plain(frames: bytes) -> bytes:
    """The events in the chunks of InvokeModel."""
    splitter = FrameSplitter(1 << 20)
    splitter.feed(frames)
    chunks = [read_frame(event).payload for event, _ in splitter.events()]
    return b"\n".join(b64decode(msgspec.json.decode(chunk)["bytes"]) for chunk in chunks)
