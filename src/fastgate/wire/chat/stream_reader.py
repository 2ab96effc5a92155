"""The stream of a server of chat completions, read into deltas."""

from collections.abc import Sequence
from typing import Final

from fastgate._core.sse import event_data
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
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.chat.answer_shapes import Call, Choice, Said, answers
from fastgate.wire.chat.content_reader import (
    arguments_of,
    citations_of,
    images_of,
    pieces_of,
    signature_of,
    thoughts_of,
)
from fastgate.wire.chat.finish import FAILURES, finish_of
from fastgate.wire.lenient import UNREADABLE, is_empty, text
from fastgate.wire.openai_errors import error_in
from fastgate.wire.openai_usage import usage_of

_DONE: Final = b"[DONE]"
_BRACE: Final = ord("{")
_ERROR: Final = b'"error'
"""In an error's key, and in what vLLM says in its place: `"object":"error"`."""

_NOTHING: Final[Sequence[Delta]] = ()


class _Tool:
    """A call of a choice. `held` are arguments that came before its name."""

    __slots__ = ("held", "id", "index", "named")

    def __init__(self, index: int, id_: str | None) -> None:
        self.index = index
        self.id = id_
        self.named = False
        self.held = ""


class _Begun:
    """A choice that something was heard of."""

    __slots__ = ("at", "ended", "refused", "tools")

    def __init__(self) -> None:
        self.tools: list[_Tool] = []
        self.at: dict[int, _Tool] = {}
        """By the server's index: the last call that it gave this one to."""
        self.refused = False
        self.ended = False


class ChatStreamReader:
    """As `StreamReader`. Takes calls without an index or an id, several with one index, arguments that are
    objects, names that are repeated, and finish reasons that are."""

    def __init__(self) -> None:
        self._started = False
        self._done = False
        self._choices: dict[int, _Begun] = {}

    def complete(self) -> bool:
        if self._done:
            return True
        return bool(self._choices) and all(choice.ended for choice in self._choices.values())

    def read(self, event: bytes) -> Sequence[Delta]:
        data = event_data(event)
        if not data:
            return _NOTHING
        if data[0] != _BRACE and data.strip() == _DONE:
            self._done = True
            return (Closed(),)
        if _ERROR in data:
            error = error_in(data)
            if error is not None:
                return (Failed(error.status, error.message),)
        try:
            chunk = answers.decode(data)
        except UNREADABLE:
            return (Failed(502, "an event of the stream is no chunk"),)
        deltas: list[Delta] = []
        if not self._started:
            self._started = True
            fingerprint = text(chunk.system_fingerprint)
            deltas.append(Started(chunk.id or "", chunk.model or "", fingerprint=fingerprint))
        for choice in chunk.choices or ():
            self._read_choice(choice, deltas)
        if not is_empty(chunk.usage):
            usage = usage_of(chunk.usage, chunk.service_tier)
            if usage is not None:
                deltas.append(Used(usage))
        return deltas

    def _read_choice(self, choice: Choice, deltas: list[Delta]) -> None:
        index = choice.index
        begun = self._choices.get(index)
        if begun is None:
            begun = self._choices[index] = _Begun()
        said = choice.delta or choice.message
        logprobs = None if is_empty(choice.logprobs) else choice.logprobs
        if said is not None:
            if type(said.content) is str:
                if said.content or logprobs is not None:
                    deltas.append(TextDelta(said.content, index, logprobs))
            elif said.content is not None:
                _read_pieces(said, index, deltas)
            self._read_rest(said, index, begun, deltas)
        reason = choice.finish_reason
        if reason and not begun.ended:
            if reason in FAILURES:
                deltas.append(Failed(FAILURES[reason], "the provider could not complete its answer"))
                return
            begun.ended = True
            deltas.append(Ended(finish_of(reason, called=bool(begun.tools), refused=begun.refused), index))

    def _read_rest(self, said: Said, index: int, begun: _Begun, deltas: list[Delta]) -> None:
        thoughts = thoughts_of(said)
        if thoughts:
            # A server that gives both in one chunk has thought before it spoke.
            at = next((at for at, each in enumerate(deltas) if isinstance(each, TextDelta)), len(deltas))
            deltas.insert(at, ThinkingDelta(thoughts, index))
        if said.refusal:
            begun.refused = True
            deltas.append(RefusalDelta(said.refusal, index))
        if said.tool_calls:
            for call in said.tool_calls:
                _read_call(call, index, begun, deltas)
        elif said.function_call is not None:
            _read_call(Call(index=0, function=said.function_call), index, begun, deltas)
        if said.annotations:
            deltas += [Cited(citation, index) for citation in citations_of(said)]
        if not is_empty(said.audio):
            deltas.append(ForeignDelta(format=Format.CHAT, kind="audio", raw=said.audio))
        if said.images:
            deltas += [ImageDelta(image, index) for image in images_of(said.images)]


def _read_pieces(said: Said, index: int, deltas: list[Delta]) -> None:
    for is_thought, piece in pieces_of(said.content):
        if piece:
            deltas.append(ThinkingDelta(piece, index) if is_thought else TextDelta(piece, index))


def _read_call(call: Call, choice: int, begun: _Begun, deltas: list[Delta]) -> None:
    if call.custom is not None:
        name, arguments = call.custom.name, call.custom.input or ""
    elif call.function is not None:
        name, arguments = call.function.name, arguments_of(call.function)
    else:
        name, arguments = None, ""
    tool = _tool_of(call, name, begun)
    if not tool.named:
        if not name:
            tool.held += arguments
            return
        tool.named = True
        deltas.append(
            ToolStarted(
                index=tool.index,
                id=tool.id or new_call_id(),
                name=name,
                custom=call.custom is not None,
                signature=signature_of(call),
                choice=choice,
            )
        )
        arguments = tool.held + arguments
    if arguments:
        deltas.append(ToolDelta(tool.index, arguments, choice))


def _tool_of(call: Call, name: str | None, begun: _Begun) -> _Tool:
    """The call that a delta belongs to: a new one where its index is new, or where it has another id than the
    one of that index; without an index, where it has an id or a name."""
    if call.index is not None:
        tool = begun.at.get(call.index)
        fresh = tool is None or bool(call.id and name and tool.named and call.id != tool.id)
    else:
        tool = begun.tools[-1] if begun.tools else None
        fresh = tool is None or bool(name) or bool(call.id and call.id != tool.id)
    if tool is None or fresh:
        tool = _Tool(len(begun.tools), call.id)
        begun.tools.append(tool)
        if call.index is not None:
            begun.at[call.index] = tool
    elif tool.id is None and not tool.named:
        tool.id = call.id
    return tool
