"""A stream as a client of Gemini's expects it: chunks that are answers of their own."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    ForeignDelta,
    ImageDelta,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.gemini.citations import grounding_metadata
from fastgate.wire.gemini.framing import framing_for
from fastgate.wire.gemini.logprobs import logprobs_result
from fastgate.wire.gemini.problem import problem_object
from fastgate.wire.gemini.reply_writer import finish_reason, function_call, image_part, sealed_thought
from fastgate.wire.gemini.seal import OWN
from fastgate.wire.gemini.shapes import MEMBERS
from fastgate.wire.gemini.usage import usage_metadata
from fastgate.wire.interface import Asked, Losses, Problem
from fastgate.wire.lost import IMAGE, STOP_SEQUENCE, lose_delta, lose_tier
from fastgate.wire.seals import REDACTED, Seal

Member = dict[str, Any]

_encoder: Final = msgspec.json.Encoder()


class _Call:
    """A function call, whose arguments Gemini's clients want whole."""

    __slots__ = ("arguments", "started")

    def __init__(self, started: ToolStarted) -> None:
        self.started = started
        self.arguments: list[str] = []


class _Candidate:
    """`parts` and `logprobs` are those of the chunk being written; `thinking`: thoughts came last."""

    __slots__ = (
        "calls",
        "citations",
        "finish",
        "logprobs",
        "malformed",
        "parts",
        "signature",
        "text",
        "thinking",
    )

    def __init__(self) -> None:
        self.parts: list[Member] = []
        self.calls: dict[int, _Call] = {}
        self.citations: list[Citation] = []
        self.logprobs: Member | None = None
        self.text: list[str] = []
        self.signature: str | None = None  # for the next text
        self.thinking = False
        self.malformed = False
        self.finish: str | None = None

    def say(self, text: str, *, thought: bool) -> None:
        """In the last part, if that is of the same kind and has no signature."""
        self.thinking = thought
        if not thought and self.signature is not None:
            self.parts.append({"text": text, "thoughtSignature": self.signature})
            self.signature = None
            return
        last = self.parts[-1] if self.parts else {}
        if "text" in last and ("thought" in last) is thought and "thoughtSignature" not in last:
            last["text"] += text
        else:
            self.parts.append({"text": text, "thought": True} if thought else {"text": text})

    def take_signature(self) -> None:
        """A part with the signature that came for the text behind it."""
        if self.signature is not None:
            self.parts.append({"text": "", "thoughtSignature": self.signature})
            self.signature = None


class GeminiStreamWriter:
    """Holds back function calls until they are whole, and to the end what Gemini tells there: finish reasons,
    usage, and citations."""

    def __init__(self, asked: Asked) -> None:
        self.losses = Losses()
        self._framing = framing_for(asked)
        self._candidates: dict[int, _Candidate] = {}
        self._usage: Usage | None = None
        self._around: Member = {"modelVersion": asked.model, "responseId": asked.fallback_id}
        self._ended = False

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            self._take(delta)
        candidates = [
            self._chunk(candidate, index)
            for index, candidate in self._candidates.items()
            if candidate.parts or candidate.logprobs
        ]
        return self._element({"candidates": candidates}) if candidates else b""

    def end(self) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        last: Member = {}
        for index, candidate in self._candidates.items():
            self._close(candidate)
            chunk = self._chunk(candidate, index)
            chunk["finishReason"] = candidate.finish or "OTHER"
            if candidate.citations:
                chunk["groundingMetadata"] = grounding_metadata(candidate.citations, "".join(candidate.text))
            last.setdefault("candidates", []).append(chunk)
        if self._usage is not None:
            last["usageMetadata"] = usage_metadata(self._usage)
        return (self._element(last) if last else b"") + self._framing.end()

    def failure(self, problem: Problem) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return self._framing.element(_encoder.encode(problem_object(problem))) + self._framing.end()

    def _take(self, delta: Delta) -> None:
        match delta:
            case TextDelta() | RefusalDelta():
                self._say(delta)
            case ThinkingDelta(text=text, choice=choice):
                if text:
                    self._of(choice).say(text, thought=True)
            case ToolStarted():
                self._of(delta.choice).calls[delta.index] = _Call(delta)
            case ToolDelta(index=index, arguments=arguments, choice=choice):
                call = self._of(choice).calls.get(index)
                if call is not None:
                    call.arguments.append(arguments)
            case Sealed():
                self._seal(delta)
            case Cited(citation=citation, choice=choice):
                self._of(choice).citations.append(citation)
            case ImageDelta(image=image, choice=choice):
                part = image_part(image)
                if part is None:
                    self.losses.drop(IMAGE)
                else:
                    self._of(choice).parts.append(part)
            case ForeignDelta(format=Format.GENERATE_CONTENT, raw=raw):
                self._of(0).parts.append(MEMBERS.decode(raw))
            case ForeignDelta():
                lose_delta(delta, self.losses)
            case Ended():
                if delta.stop_sequence is not None:
                    self.losses.drop(STOP_SEQUENCE)
                candidate = self._of(delta.choice)
                self._close(candidate)
                candidate.finish = finish_reason(delta.finish, malformed=candidate.malformed)
            case Started(id=id_, model=model, usage=usage):
                self._around = {
                    "modelVersion": model or self._around["modelVersion"],
                    "responseId": id_ or self._around["responseId"],
                }
                self._usage = usage or self._usage
            case Used(usage=usage):
                self._usage = usage
                lose_tier(usage.service_tier, self.losses)
            case Failed() | Closed():
                pass  # a failure comes by `failure`, the end by `end`

    def _of(self, choice: int) -> _Candidate:
        candidate = self._candidates.get(choice)
        if candidate is None:
            candidate = self._candidates[choice] = _Candidate()
        return candidate

    def _say(self, delta: TextDelta | RefusalDelta) -> None:
        candidate = self._of(delta.choice)
        if delta.text:
            candidate.text.append(delta.text)
            candidate.say(delta.text, thought=False)
        if isinstance(delta, TextDelta) and delta.logprobs is not None:
            self._add_logprobs(candidate, delta.logprobs)

    def _add_logprobs(self, candidate: _Candidate, logprobs: msgspec.Raw) -> None:
        result = logprobs_result(logprobs)
        if result is None or candidate.logprobs is None:
            candidate.logprobs = result or candidate.logprobs
            return
        for name, values in result.items():
            candidate.logprobs.setdefault(name, []).extend(values)

    def _seal(self, delta: Sealed) -> None:
        candidate = self._of(delta.choice)
        if delta.redacted is not None:
            candidate.parts.append(sealed_thought(Seal(delta.format, delta.redacted, place=REDACTED)))
        elif delta.signature is not None:
            if delta.format is OWN and not candidate.thinking:
                candidate.take_signature()
                candidate.signature = delta.signature
            else:
                candidate.parts.append(sealed_thought(Seal(delta.format, delta.signature)))

    def _close(self, candidate: _Candidate) -> None:
        candidate.take_signature()
        for call in candidate.calls.values():
            started = call.started
            part = function_call(started.id, started.name, "".join(call.arguments), started.signature)
            if part is None:
                candidate.malformed = True
            else:
                candidate.parts.append(part)
        candidate.calls.clear()

    def _chunk(self, candidate: _Candidate, index: int) -> Member:
        chunk: Member = {"index": index}
        if candidate.parts:
            chunk["content"] = {"parts": candidate.parts, "role": "model"}
            candidate.parts = []
        if candidate.logprobs is not None:
            chunk["logprobsResult"] = candidate.logprobs
            candidate.logprobs = None
        return chunk

    def _element(self, chunk: Member) -> bytes:
        chunk.update(self._around)
        return self._framing.element(_encoder.encode(chunk))
