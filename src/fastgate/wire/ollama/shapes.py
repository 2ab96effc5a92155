"""What Ollama answers: whole, and in each line of a stream."""

from typing import Any, Final

import msgspec

from fastgate.domain.reply import Finish
from fastgate.domain.usage import Usage
from fastgate.wire.lenient import count

FINISHES: Final = {"stop": Finish.STOP, "length": Finish.LENGTH}
"""`load` and `unload` answer requests without messages, and end as any other does."""


class Function(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class ToolCall(msgspec.Struct):
    function: Function
    id: str | None = None


class Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class ChatLine(msgspec.Struct):
    """`error` stands alone."""

    message: Message | None = None
    model: str | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    logprobs: msgspec.Raw = msgspec.Raw()
    error: str | None = None

    def usage(self) -> Usage | None:
        """None where nothing was counted."""
        if self.prompt_eval_count is None and self.eval_count is None:
            return None
        return Usage(input_tokens=count(self.prompt_eval_count), output_tokens=count(self.eval_count))

    def finish(self, *, called: bool) -> Finish:
        """`called`: the model called a tool, which Ollama has no reason for."""
        finish = FINISHES.get(self.done_reason or "", Finish.STOP)
        return Finish.TOOL_USE if called and finish is Finish.STOP else finish


chat_lines: Final = msgspec.json.Decoder(ChatLine)


def arguments_of(function: Function) -> str:
    """As JSON text; "{}" where there are none."""
    written = bytes(function.arguments).decode()
    return "{}" if written in ("", "null") else written
