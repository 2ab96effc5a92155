"""A whole answer of Ollama's chat."""

from fastgate.domain.conversation import Part, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Reply
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.interface import NO_ANSWER, Summary
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.ollama.logprobs import chat_logprobs
from fastgate.wire.ollama.shapes import Message, arguments_of, chat_lines


def read_answer(body: bytes) -> Reply:
    """As `ProviderFormat.read_answer`."""
    answer = chat_lines.decode(body)
    if answer.message is None:
        raise ValueError(answer.error or "an answer without a message")
    finish = answer.finish(called=bool(answer.message.tool_calls))
    choice = Choice(
        parts=tuple(_parts(answer.message)), finish=finish, logprobs=chat_logprobs(answer.logprobs)
    )
    return Reply(id="", model=answer.model or "", choices=(choice,), usage=answer.usage())


def summary(body: bytes) -> Summary:
    """As `ProviderFormat.summary`."""
    try:
        answer = chat_lines.decode(body)
    except UNREADABLE:
        return NO_ANSWER
    if answer.error is not None:
        return Summary(None, None, 500, answer.error)
    return Summary(answer.usage(), None)


def _parts(message: Message) -> list[Part]:
    parts: list[Part] = []
    if message.thinking:
        parts.append(Thinking(text=message.thinking, format=Format.OLLAMA_CHAT))
    if message.content:
        parts.append(Text(text=message.content))
    parts += [
        ToolUse(
            id=call.id or new_call_id(),
            name=call.function.name,
            arguments=arguments_of(call.function),
        )
        for call in message.tool_calls or ()
    ]
    return parts
