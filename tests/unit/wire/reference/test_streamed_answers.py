"""What docs/providers.md says of answers holds for streams as well: what arrives whole arrives in pieces."""

from collections import defaultdict
from typing import Any

import msgspec
import pytest

from fastgate.domain.conversation import Citation, Image, Refusal, Text, Thinking, ToolUse
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.reply import (
    Choice,
    Cited,
    Closed,
    Delta,
    Ended,
    ImageDelta,
    RefusalDelta,
    Reply,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.reference import answers
from fastgate.wire.reference.answers import ANSWERS, PLAIN_REPLY
from fastgate.wire.reference.verdict import Verdict, covers

_BOTH = sorted(CONVERSATIONS & set(CLIENTS) & set(PROVIDERS) - {Format.INVOKE})
_TOLD_AT_THE_START = {Format.MESSAGES: {"usage: into it for an hour", "service tier"}}
"""Only a stream's first event has a place for it, when other providers have not said it yet."""

_CASES = [
    (upstream, client, feature)
    for upstream in _BOTH
    for client in _BOTH
    for feature in ANSWERS.keys() - _TOLD_AT_THE_START.get(client, set())
    if upstream is not client and answers.verdict(upstream, client, feature) is Verdict.YES
]


@pytest.mark.parametrize(("upstream", "client", "feature"), sorted(_CASES))
def test_what_arrives_whole_arrives_in_a_stream(upstream: Format, client: Format, feature: str) -> None:
    plain = _said(_streamed(upstream, _deltas(PLAIN_REPLY)))
    source = _streamed(upstream, _deltas(ANSWERS[feature]))
    wanted, got = _said(source), _said(_streamed(client, source))
    news = [name for name, value in wanted.items() if value != plain[name]]
    assert news, "the upstream's stream does not say it"
    for name in news:
        assert covers(got[name], wanted[name]), name


def _streamed(format_: Format, deltas: list[Delta]) -> list[Delta]:
    """Written as a stream of this format, and read again."""
    writer = CLIENTS[format_].stream_writer(answers.asked(format_))
    provider = PROVIDERS[format_]
    reader, splitter = provider.stream_reader(), provider.splitter(1 << 20)
    splitter.feed(b"".join(writer.write([delta]) for delta in deltas) + writer.end())
    return [delta for event, _ in splitter.events() for delta in reader.read(event)]


def _deltas(reply: Reply) -> list[Delta]:
    out: list[Delta] = [Started(reply.id, reply.model)]
    for index, choice in enumerate(reply.choices):
        out += _of_choice(choice, index)
    usage = reply.usage
    assert usage is not None
    return [*out, Used(msgspec.structs.replace(usage, service_tier=reply.service_tier)), Closed()]


def _of_choice(choice: Choice, index: int) -> list[Delta]:
    out: list[Delta] = []
    calls = 0
    for part in choice.parts:
        match part:
            case Text():
                out.append(TextDelta(part.text, index, choice.logprobs))
                out += [Cited(citation, index) for citation in part.citations]
            case Thinking():
                out.append(ThinkingDelta(part.text, index))
            case Refusal():
                out.append(RefusalDelta(part.text, index))
            case Image():
                out.append(ImageDelta(part, index))
            case ToolUse():
                out.append(ToolStarted(index=calls, id=part.id, name=part.name, choice=index))
                out.append(ToolDelta(calls, part.arguments, index))
                calls += 1
            case _:
                raise AssertionError(part)
    return [*out, Ended(choice.finish, index, choice.stop_sequence)]


def _said(deltas: list[Delta]) -> dict[str, Any]:
    """What all of them say, of the choices in their order."""
    texts: dict[str, dict[int, str]] = defaultdict(lambda: defaultdict(str))
    said: dict[str, Any] = {"finish": {}, "stop_sequence": {}, "names": [], "citations": [], "usage": {}}
    said["images"] = []
    said["logprobs"] = []
    for delta in deltas:
        match delta:
            case TextDelta():
                texts["text"][delta.choice] += delta.text
                said["logprobs"] += [] if delta.logprobs is None else [msgspec.json.decode(delta.logprobs)]
            case RefusalDelta():
                # Only an end tells some formats that a text was one.
                texts["text"][delta.choice] += delta.text
            case ThinkingDelta():
                texts["thinking"][delta.choice] += delta.text
            case ToolStarted():
                said["names"].append(delta.name)
            case ToolDelta():
                texts["arguments"][delta.index] += delta.arguments
            case ImageDelta():
                said["images"].append(delta.image.source.data)
            case Cited():
                said["citations"].append(_bare(delta.citation))
            case Ended():
                said["finish"][delta.choice] = delta.finish
                said["stop_sequence"][delta.choice] = delta.stop_sequence
            case Used():
                said["usage"] = msgspec.to_builtins(delta.usage)
            case _:
                pass
    return said | {name: dict(texts[name]) for name in ("text", "thinking", "arguments")}


def _bare(citation: Citation) -> dict[str, Any]:
    return {"url": citation.url, "title": citation.title}
