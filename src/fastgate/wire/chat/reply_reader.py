"""A whole answer of a server of chat completions, read into a `Reply`."""

from fastgate.domain.conversation import Foreign, Part, Refusal, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Reply
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.chat import answer_shapes
from fastgate.wire.chat.answer_shapes import Call, Said, answers
from fastgate.wire.chat.content_reader import (
    arguments_of,
    citations_of,
    images_of,
    pieces_of,
    signature_of,
    thoughts_of,
)
from fastgate.wire.chat.finish import FAILURES, finish_of
from fastgate.wire.lenient import is_empty, text
from fastgate.wire.openai_usage import usage_of


def read_answer(body: bytes) -> Reply:
    """ValueError: no answer."""
    answer = answers.decode(body)
    if not answer.choices:
        raise ValueError("the answer has no choices")
    return Reply(
        id=answer.id or "",
        model=answer.model or "",
        choices=tuple([_choice(each) for each in sorted(answer.choices, key=lambda choice: choice.index)]),
        usage=usage_of(answer.usage, answer.service_tier),
        service_tier=text(answer.service_tier),
        fingerprint=text(answer.system_fingerprint),
    )


def _choice(choice: answer_shapes.Choice) -> Choice:
    said = choice.message
    if said is None:
        raise ValueError("a choice has no message")
    reason = choice.finish_reason or ""
    if reason in FAILURES:
        raise ValueError("the provider could not complete its answer")
    parts = _parts(said)
    finish = finish_of(
        reason,
        called=any(isinstance(part, ToolUse) for part in parts),
        refused=any(isinstance(part, Refusal) for part in parts),
    )
    logprobs = None if is_empty(choice.logprobs) else choice.logprobs
    return Choice(parts=tuple(parts), finish=finish, logprobs=logprobs)


def _parts(said: Said) -> list[Part]:
    parts: list[Part] = []
    if thoughts := thoughts_of(said):
        parts.append(Thinking(text=thoughts, format=Format.CHAT))
    texts: list[str] = []
    for is_thought, piece in pieces_of(said.content):
        if not piece:
            continue
        if is_thought:
            parts.append(Thinking(text=piece, format=Format.CHAT))
        else:
            texts.append(piece)
    if texts:
        parts.append(Text(text="".join(texts), citations=tuple(citations_of(said))))
    if said.refusal:
        parts.append(Refusal(text=said.refusal))
    parts += images_of(said.images)
    if not is_empty(said.audio):
        parts.append(Foreign(format=Format.CHAT, kind="audio", raw=said.audio))
    parts += [_tool_use(call) for call in said.tool_calls or ()]
    if said.function_call is not None and said.function_call.name:
        parts.append(
            ToolUse(
                id=new_call_id(),
                name=said.function_call.name,
                arguments=arguments_of(said.function_call) or "{}",
            )
        )
    return parts


def _tool_use(call: Call) -> ToolUse:
    id_ = call.id or new_call_id()
    signature = signature_of(call)
    if call.custom is not None:
        if not call.custom.name:
            raise ValueError("a tool call has no name")
        return ToolUse(
            id=id_,
            name=call.custom.name,
            arguments=call.custom.input or "",
            custom=True,
            signature=signature,
        )
    if call.function is None or not call.function.name:
        raise ValueError("a tool call has no name")
    return ToolUse(
        id=id_,
        name=call.function.name,
        arguments=arguments_of(call.function) or "{}",
        signature=signature,
    )
