"""Chunks of `streamGenerateContent` into deltas."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain import conversation
from fastgate.domain.conversation import Foreign, Image, Text, Thinking
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.gemini.citations import Answered
from fastgate.wire.gemini.finish import finish_of
from fastgate.wire.gemini.logprobs import read_logprobs
from fastgate.wire.gemini.parts_reader import foreign_part, plain_part
from fastgate.wire.gemini.problem import status_of
from fastgate.wire.gemini.reply_reader import arguments_of, written_in
from fastgate.wire.gemini.shapes import ANSWERS, Answer, Candidate, Part, parts_in
from fastgate.wire.gemini.usage import billed_searches, usage_of

_UNREADABLE: Final = (ValueError, RecursionError)  # msgspec's errors are ValueErrors


class _Choice:
    """What is known of one candidate."""

    __slots__ = ("answered", "calls", "ended")

    def __init__(self) -> None:
        self.answered = Answered()
        self.calls = 0
        self.ended = False


class GeminiStreamReader:
    """Gemini sends no event of its own at the end: the last chunk of each candidate has its finish reason."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._started = False
        self._failed = False
        self._model = ""

    def read(self, event: bytes) -> Sequence[Delta]:
        data = event_data(event)
        if not data or self._failed:
            return ()
        try:
            answer = ANSWERS.decode(data)
            deltas = self._deltas(answer, data)
        except _UNREADABLE:
            deltas = [Failed(502, "a chunk that cannot be read")]
        self._failed = isinstance(deltas[-1], Failed) if deltas else False
        return deltas

    def complete(self) -> bool:
        ended = bool(self._choices) and all(each.ended for each in self._choices.values())
        return ended and not self._failed

    def _deltas(self, answer: Answer, data: bytes) -> list[Delta]:
        if answer.error is not None:
            return [Failed(status_of(answer.error), answer.error.message or "an error without a message")]
        deltas: list[Delta] = []
        if not self._started:
            self._started = True
            self._model = answer.model_version or ""
            deltas.append(Started(answer.response_id or "", self._model))
        for place, candidate in enumerate(answer.candidates or ()):
            self._read_candidate(candidate, deltas, data, place)
        feedback = answer.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self._block(deltas)
        if answer.usage_metadata is not None:
            searched = sum(each.answered.queries for each in self._choices.values())
            usage = usage_of(answer.usage_metadata, billed_searches(searched, self._model))
            deltas += [] if usage is None else [Used(usage)]
        return deltas

    def _block(self, deltas: list[Delta]) -> None:
        """A blocked prompt has no candidates, and ends those that it has all the same."""
        if not self._choices:
            self._choices[0] = _Choice()
        for index, choice in self._choices.items():
            if not choice.ended:
                choice.ended = True
                deltas.append(Ended(Finish.FILTERED, index))

    def _read_candidate(self, candidate: Candidate, deltas: list[Delta], data: bytes, place: int) -> None:
        """`place`: of the candidate in the chunk."""
        index = candidate.index or 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        parts = parts_in(candidate.content)
        if choice.ended:
            if parts:
                raise ValueError("content of a candidate that had ended")
            return
        logprobs = read_logprobs(candidate.logprobs_result)
        for number, shape in enumerate(parts):
            if shape.text is not None and not shape.thought:
                if shape.thought_signature is not None:
                    deltas.append(_sealed(shape.thought_signature, index))
                if shape.text or logprobs is not None:
                    choice.answered.add(shape.text)
                    deltas.append(TextDelta(shape.text, index, logprobs))
                    logprobs = None
            elif shape.text is not None:
                _think(shape.text, shape.thought_signature, index, deltas)
            elif shape.function_call is not None:
                self._call(shape, choice, index, deltas)
            else:
                written = written_in(data, place, number)
                _read_other(plain_part(shape) or foreign_part(written), written, index, deltas)
        if logprobs is not None:
            deltas.append(TextDelta("", index, logprobs))
        if candidate.grounding_metadata is not None or candidate.citation_metadata is not None:
            deltas += [Cited(citation, index) for citation in choice.answered.citations(candidate)]
        if candidate.finish_reason is not None:
            choice.ended = True
            deltas.append(Ended(finish_of(candidate.finish_reason, called=choice.calls > 0), index))

    def _call(self, shape: Part, choice: _Choice, index: int, deltas: list[Delta]) -> None:
        """Calls come whole."""
        call = shape.function_call
        assert call is not None
        deltas.append(
            ToolStarted(
                index=choice.calls,
                id=call.id or new_call_id(),
                name=call.name or "",
                signature=shape.thought_signature,
                choice=index,
            )
        )
        deltas.append(ToolDelta(choice.calls, arguments_of(bytes(call.args)), index))
        choice.calls += 1


def _think(text: str, signature: str | None, index: int, deltas: list[Delta]) -> None:
    if text:
        deltas.append(ThinkingDelta(text, index))
    if signature is not None:
        deltas.append(_sealed(signature, index))


def _read_other(part: conversation.Part, written: msgspec.Raw, index: int, deltas: list[Delta]) -> None:
    match part:
        case Text(signature=signature) | Thinking(signature=signature):  # a signature alone
            if signature is not None:
                deltas.append(_sealed(signature, index))
        case Image():
            deltas.append(ImageDelta(part, index))
        case Foreign(kind=""):
            pass  # an empty part
        case _:
            kind = part.kind if isinstance(part, Foreign) else type(part).__name__.lower()
            raw = msgspec.Raw(bytes(written))
            deltas.append(ForeignDelta(format=Format.GENERATE_CONTENT, kind=kind, raw=raw))


def _sealed(signature: str, index: int) -> Sealed:
    return Sealed(format=Format.GENERATE_CONTENT, signature=signature, choice=index)
