"""Whole answers of the Messages API."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Part, Text
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Reply
from fastgate.wire.beside import Beside, Tree
from fastgate.wire.interface import Summary
from fastgate.wire.messages.block_reader import BlockReader, read_citation
from fastgate.wire.messages.finish import finish_of
from fastgate.wire.messages.problem import status_of
from fastgate.wire.messages.usage import read_usage


class _Message(msgspec.Struct):
    content: list[msgspec.Raw]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class _Summary(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


OF_MESSAGES: Final[Tree] = {
    "container": None,
    "context_management": None,
    "diagnostics": None,
    "stop_details": None,
}
BESIDE: Final = Beside({**OF_MESSAGES, "message": OF_MESSAGES, "delta": OF_MESSAGES})
"""In a whole answer, and in a stream's first and last events."""

_messages: Final = msgspec.json.Decoder(_Message)
_summaries: Final = msgspec.json.Decoder(_Summary)


def read_answer(body: bytes, own: Format) -> Reply:
    """ValueError if it is none."""
    message = _messages.decode(body)
    usage = read_usage(message.usage)
    choice = Choice(
        parts=_placed(BlockReader(own).parts(message.content), own),
        finish=finish_of(message.stop_reason),
        stop_sequence=message.stop_sequence,
    )
    return Reply(
        id=message.id,
        model=message.model,
        choices=(choice,),
        usage=usage.usage() if usage is not None else None,
        service_tier=usage.service_tier if usage is not None else None,
    )


def summary(body: bytes) -> Summary:
    """As `ProviderFormat.summary`; an answer that is no message, such as a count of tokens, has no usage."""
    try:
        said = _summaries.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Summary(None, None)
    if said.type == "error":
        error = said.error or _Error()
        return Summary(None, None, status_of(error.type), error.message or "")
    usage = read_usage(said.usage)
    return Summary(usage.usage() if usage is not None else None, said.id)


def _placed(parts: tuple[Part, ...], own: Format) -> tuple[Part, ...]:
    """With each citation where the text that rests on it stands in the answer."""
    out: list[Part] = []
    at = 0
    for part in parts:
        if isinstance(part, Text):
            end = at + len(part.text)
            placed = tuple(read_citation(each.raw, own, at, end) for each in part.citations)
            out.append(msgspec.structs.replace(part, citations=placed) if placed else part)
            at = end
        else:
            out.append(part)
    return tuple(out)
