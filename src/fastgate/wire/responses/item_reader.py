"""The items of `input` as messages: what an assistant said, thought and called in a row is one message."""

from collections.abc import Callable
from typing import Final

import msgspec

from fastgate.domain.conversation import (
    Foreign,
    Message,
    Part,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.wire.reading import decoded, invalid
from fastgate.wire.responses.part_reader import KNOWN_PARTS, read_parts
from fastgate.wire.responses.seal import opened
from fastgate.wire.responses.shapes import (
    CallOutput,
    CustomCall,
    FunctionCall,
    Kind,
    MessageItem,
    ReasoningItem,
    ReasoningText,
)
from fastgate.wire.seals import AHEAD, REDACTED
from fastgate.wire.unread import Kinds, Known

Paths = tuple[str, ...]

_kinds: Final = msgspec.json.Decoder(Kind)
_messages: Final = msgspec.json.Decoder(MessageItem)
_calls: Final = msgspec.json.Decoder(FunctionCall)
_custom_calls: Final = msgspec.json.Decoder(CustomCall)
_outputs: Final = msgspec.json.Decoder(CallOutput)
_thoughts: Final = msgspec.json.Decoder(ReasoningItem)

_ROLES: Final = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
}
_OF_CLIENTS: Final = ("_output", "_response")
"""Ends of the types of items with which a client answers what the model asked for."""


def item_path(index: int, earlier: int) -> str:
    """Of an item of `input`, in front of which the gateway has put `earlier` ones."""
    return f"input[{index - earlier}]" if index >= earlier else "previous_response_id"


def read_items(items: str | list[msgspec.Raw], earlier: int) -> tuple[list[Message], list[Paths]]:
    """The messages, and `Places.parts` of them. GatewayError `missing_field`, `invalid_field`."""
    if isinstance(items, str):
        return [Message(role=Role.USER, parts=(Text(text=items),))], [("input",)]
    reader = _ItemReader()
    for index, item in enumerate(items):
        reader.read(item, item_path(index, earlier))
    return reader.out, reader.places


class _ItemReader:
    """A seal that stands ahead of a part is carried on to that part."""

    def __init__(self) -> None:
        self.out: list[Message] = []
        self.places: list[Paths] = []
        self._seal: str | None = None

    def read(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_kinds, item, where)
        kind = said.type
        if kind is None:
            kind = "message" if said.role is not None else "item_reference"
        read = _READERS.get(kind)
        if read is not None:
            read(self, item, where)
        elif kind == "item_reference":
            raise invalid(
                where, "An item that OpenAI or the gateway would have to have stored cannot be looked up"
            )
        else:
            role = Role.USER if kind.endswith(_OF_CLIENTS) else Role.ASSISTANT
            self._add(role, Foreign(format=Format.RESPONSES, kind=kind, raw=item), where)

    def _add(self, role: Role, part: Part, where: str) -> None:
        self._add_all(role, (part,), (where,))

    def _add_all(self, role: Role, parts: tuple[Part, ...], places: Paths) -> None:
        last = self.out[-1] if self.out else None
        if role is Role.ASSISTANT and last is not None and last.role is role:
            self.out[-1] = Message(role=role, parts=last.parts + parts)
            self.places[-1] += places
        elif parts:
            self.out.append(Message(role=role, parts=parts))
            self.places.append(places)

    def _message(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_messages, item, where)
        parts = read_parts(said.content, f"{where}.content")
        if parts and isinstance(parts[0], Text) and (seal := self._taken_seal()) is not None:
            parts = (msgspec.structs.replace(parts[0], signature=seal), *parts[1:])
        places = tuple([f"{where}.content[{index}]" for index in range(len(parts))])
        self._add_all(_ROLES[said.role], parts, places)

    def _function_call(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_calls, item, where)
        arguments = said.arguments or "{}"
        use = ToolUse(id=said.call_id, name=said.name, arguments=arguments, signature=self._taken_seal())
        self._add(Role.ASSISTANT, use, where)

    def _custom_call(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_custom_calls, item, where)
        use = ToolUse(
            id=said.call_id,
            name=said.name,
            arguments=said.input,
            custom=True,
            signature=self._taken_seal(),
        )
        self._add(Role.ASSISTANT, use, where)

    def _output(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_outputs, item, where)
        parts = read_parts(said.output, f"{where}.output")
        self._add(Role.USER, ToolResult(id=said.call_id, parts=parts, name=said.name), where)

    def _reasoning(self, item: msgspec.Raw, where: str) -> None:
        said = decoded(_thoughts, item, where)
        text = "\n\n".join(each.text for each in said.content or said.summary or ())
        if not said.encrypted_content:
            if text:
                self._add(Role.ASSISTANT, Thinking(text=text, format=Format.RESPONSES), where)
            return
        seal = opened(said.encrypted_content)
        if seal.place == AHEAD:
            self._seal = seal.text  # the item has no thoughts
        elif seal.place == REDACTED:
            self._add(Role.ASSISTANT, Thinking(redacted=seal.text, format=seal.format), where)
        else:
            thought = Thinking(text=text, signature=seal.text, format=seal.format)
            self._add(Role.ASSISTANT, thought, where)

    def _taken_seal(self) -> str | None:
        seal, self._seal = self._seal, None
        return seal


_READERS: Final[dict[str, Callable[[_ItemReader, msgspec.Raw, str], None]]] = {
    "message": _ItemReader._message,
    "function_call": _ItemReader._function_call,
    "custom_tool_call": _ItemReader._custom_call,
    "function_call_output": _ItemReader._output,
    "custom_tool_call_output": _ItemReader._output,
    "reasoning": _ItemReader._reasoning,
}

_OF_ALL: Final = ("id", "status")
_MESSAGE: Final = Known(MessageItem, also=_OF_ALL, content=KNOWN_PARTS)
_OUTPUT: Final = Known(CallOutput, also=_OF_ALL, output=KNOWN_PARTS)
KNOWN_ITEMS: Final = Kinds(
    "type",
    {
        None: _MESSAGE,
        "message": _MESSAGE,
        "function_call": Known(FunctionCall, also=_OF_ALL),
        "custom_tool_call": Known(CustomCall, also=_OF_ALL),
        "function_call_output": _OUTPUT,
        "custom_tool_call_output": _OUTPUT,
        "reasoning": Known(
            ReasoningItem,
            also=_OF_ALL,
            one_of=[("content", "summary")],
            content=KNOWN_PARTS,
            summary=Known(ReasoningText, also=("type",)),
        ),
    },
)
"""What is known of the members of items."""
