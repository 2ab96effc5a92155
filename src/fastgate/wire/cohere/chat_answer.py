"""A whole answer of Cohere's chat."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Part, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.cohere.citations import read_citation
from fastgate.wire.cohere.finish import FAILURES, FINISHES, sentence
from fastgate.wire.cohere.logprobs import LogprobItem, chat_logprobs
from fastgate.wire.cohere.usage import usage_in
from fastgate.wire.interface import NO_ANSWER, Summary
from fastgate.wire.lenient import UNREADABLE, text


class _Content(msgspec.Struct):
    type: str
    text: str = ""
    thinking: str = ""


class _Function(msgspec.Struct):
    name: str
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    id: str
    function: _Function


class _Message(msgspec.Struct):
    content: list[_Content] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_plan: str | None = None
    citations: list[msgspec.Raw] | None = None


class _Ending(msgspec.Struct):
    """An answer without its content."""

    id: msgspec.Raw = msgspec.Raw()
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Answer(_Ending, kw_only=True):
    message: _Message
    logprobs: list[LogprobItem] | None = None


_answers: Final = msgspec.json.Decoder(_Answer)
_endings: Final = msgspec.json.Decoder(_Ending)


def read_answer(body: bytes) -> Reply:
    """As `ProviderFormat.read_answer`; also ValueError where the answer says that it failed."""
    answer = _answers.decode(body)
    reason = answer.finish_reason or ""
    if reason in FAILURES:
        raise ValueError(sentence(reason, None))
    return Reply(
        id=text(answer.id) or "",
        model="",
        choices=(
            Choice(
                parts=tuple(_parts(answer.message)),
                finish=FINISHES.get(reason, Finish.STOP),
                logprobs=chat_logprobs(answer.logprobs) if answer.logprobs else None,
            ),
        ),
        usage=usage_in(answer.usage),
    )


def summary(body: bytes) -> Summary:
    """As `ProviderFormat.summary`."""
    try:
        ending = _endings.decode(body)
    except UNREADABLE:
        return NO_ANSWER
    reason = ending.finish_reason or ""
    failed = FAILURES.get(reason, 0)
    return Summary(usage_in(ending.usage), text(ending.id), failed, sentence(reason, None) if failed else "")


def _parts(message: _Message) -> list[Part]:
    parts: list[Part] = []
    if message.tool_plan:
        parts.append(Thinking(text=message.tool_plan, format=Format.COHERE_CHAT))
    citations = tuple(each for raw in message.citations or () for each in read_citation(raw))
    for content in message.content or ():
        if content.type == "thinking":
            parts.append(Thinking(text=content.thinking, format=Format.COHERE_CHAT))
        elif content.type == "text" and content.text:
            # They count through all texts: the first one has them, as most often it is the only one.
            parts.append(Text(text=content.text, citations=citations))
            citations = ()
    if citations:
        parts.append(Text(text="", citations=citations))
    parts += [
        ToolUse(id=call.id, name=call.function.name, arguments=call.function.arguments or "{}")
        for call in message.tool_calls or ()
    ]
    return parts
