"""A whole Converse answer."""

from typing import Final

import msgspec
from msgspec.structs import replace

from fastgate.domain.conversation import Part, Text
from fastgate.domain.reply import Choice, Reply
from fastgate.wire.beside import Beside
from fastgate.wire.converse.block_reader import Block, read_parts
from fastgate.wire.converse.exceptions import error_in
from fastgate.wire.converse.finish import finish_of
from fastgate.wire.converse.usage import Consumed
from fastgate.wire.interface import Summary


class StopFields(msgspec.Struct):
    """What was asked for in `additionalModelResponseFieldPaths`."""

    stop_sequence: str | None = None


class _Message(msgspec.Struct):
    content: list[Block]


class _Output(msgspec.Struct):
    message: _Message


class _Answer(Consumed, kw_only=True):
    output: _Output
    stopReason: str
    additionalModelResponseFields: msgspec.Raw = msgspec.Raw()


BESIDE: Final = Beside({"trace": None, "performanceConfig": None})

_answers: Final = msgspec.json.Decoder(_Answer)
_consumed: Final = msgspec.json.Decoder(Consumed)
_stop_fields: Final = msgspec.json.Decoder(StopFields | None)


def read_answer(body: bytes) -> Reply:
    """ValueError."""
    answer = _answers.decode(body)
    choice = Choice(
        parts=_placed(read_parts(answer.output.message.content)),
        finish=finish_of(answer.stopReason),
        stop_sequence=stop_sequence(answer.additionalModelResponseFields),
    )
    return Reply(id="", model="", choices=(choice,), usage=answer.read(), service_tier=answer.tier())


def _placed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """With each citation where the text that rests on it stands in the answer."""
    out: list[Part] = []
    at = 0
    for part in parts:
        if isinstance(part, Text):
            end = at + len(part.text)
            placed = tuple(replace(each, start=at, end=end) for each in part.citations)
            out.append(replace(part, citations=placed) if placed else part)
            at = end
        else:
            out.append(part)
    return tuple(out)


def stop_sequence(fields: msgspec.Raw) -> str | None:
    """The one that was met; the fields may be whatever the model has said."""
    if not bytes(fields):
        return None
    try:
        said = _stop_fields.decode(fields)
    except msgspec.ValidationError:
        return None
    return said.stop_sequence if said else None


def summary(body: bytes) -> Summary:
    """Usage alone; of what is no answer, nothing."""
    try:
        usage = _consumed.decode(body).read()
    except (ValueError, RecursionError):
        return Summary(None, None)
    if usage is None and (message := error_in(body)) is not None:
        return Summary(None, None, 500, message)
    return Summary(usage, None)
