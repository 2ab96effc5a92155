"""A whole answer of Gemini's into a `Reply`."""

import msgspec

from fastgate.domain.conversation import Citation, Part, Text, ToolUse
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.gemini.citations import Answered
from fastgate.wire.gemini.finish import finish_of
from fastgate.wire.gemini.logprobs import read_logprobs
from fastgate.wire.gemini.parts_reader import foreign_part, plain_part
from fastgate.wire.gemini.shapes import ANSWERS, WRITTEN_ANSWERS, Candidate, parts_in, written_parts
from fastgate.wire.gemini.usage import billed_searches, usage_of


def read_answer(body: bytes) -> Reply:
    """ValueError: no candidates, and no word of a blocked prompt."""
    answer = ANSWERS.decode(body)
    grounded = [Answered() for _ in answer.candidates or ()]
    choices = tuple(
        _choice(candidate, grounded[index], body, index)
        for index, candidate in enumerate(answer.candidates or ())
    )
    if not choices:
        if answer.prompt_feedback is None or answer.prompt_feedback.block_reason is None:
            raise ValueError("an answer without candidates")
        choices = (Choice(parts=(), finish=Finish.FILTERED),)
    model = answer.model_version or ""
    searches = billed_searches(sum(each.queries for each in grounded), model)
    usage = usage_of(answer.usage_metadata, searches)
    return Reply(
        id=answer.response_id or "",
        model=model,
        choices=choices,
        usage=usage,
        service_tier=None if usage is None else usage.service_tier,
    )


def written_in(data: bytes, candidate: int, part: int) -> msgspec.Raw:
    """A part of an answer as it is written, by its place."""
    candidates = WRITTEN_ANSWERS.decode(data).candidates or []
    return written_parts(candidates[candidate].content)[part]


def _choice(candidate: Candidate, answered: Answered, body: bytes, index: int) -> Choice:
    parts: list[Part] = []
    called = False
    for place, shape in enumerate(parts_in(candidate.content)):
        call = shape.function_call
        if call is None:
            part = plain_part(shape) or foreign_part(written_in(body, index, place))
            if isinstance(part, Text):
                answered.add(part.text)
            parts.append(part)
            continue
        called = True
        parts.append(
            ToolUse(
                id=call.id or new_call_id(),
                name=call.name or "",
                arguments=arguments_of(bytes(call.args)),
                signature=shape.thought_signature,
            )
        )
    citations = answered.citations(candidate)
    return Choice(
        parts=_cited(parts, tuple(citations)) if citations else tuple(parts),
        finish=finish_of(candidate.finish_reason or "STOP", called=called),
        logprobs=read_logprobs(candidate.logprobs_result),
    )


def arguments_of(args: bytes) -> str:
    """JSON text of an object. ValueError: it is none."""
    if args in (b"", b"null"):
        return "{}"
    if not args.startswith(b"{"):
        raise ValueError("arguments of a function call that are no object")
    return args.decode()


def _cited(parts: list[Part], citations: tuple[Citation, ...]) -> tuple[Part, ...]:
    """On the last text: their places count from the beginning of all."""
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, Text):
            parts[index] = Text(text=part.text, signature=part.signature, citations=citations)
            break
    return tuple(parts)
