"""Items of a stream, each begun, filled and ended by events of its own."""

from typing import Final, Protocol

from fastgate.domain.conversation import Citation
from fastgate.domain.reply import ToolStarted
from fastgate.wire.responses.events import Events, encode, form
from fastgate.wire.responses.items import (
    Written,
    annotation_of,
    call_item,
    image_item,
    message_item,
    reasoning_item,
    refusal_part,
    summary_part,
    text_part,
)
from fastgate.wire.tools import are_whole

_AT_PART: Final = b'"item_id":"%b","output_index":%d,"content_index":%d,"delta":%b'
_TEXT: Final = form("response.output_text.delta", _AT_PART + b',"logprobs":%b')
_REFUSAL: Final = form("response.refusal.delta", _AT_PART)
_AT_ITEM: Final = b'"item_id":"%b","output_index":%d,"delta":%b'
_SUMMARY: Final = form("response.reasoning_summary_text.delta", b'"summary_index":0,' + _AT_ITEM)
_ARGUMENTS: Final = form("response.function_call_arguments.delta", _AT_ITEM)
_INPUT: Final = form("response.custom_tool_call_input.delta", _AT_ITEM)


class StreamItem(Protocol):
    """`done` is the whole item, once its last event is out."""

    done: Written | None

    def written(self, status: str) -> Written:
        """The item with all that it has so far."""

    def end(self, status: str) -> None:
        """Once."""


class StreamMessage:
    def __init__(self, events: Events, id_: str, index: int, before: int) -> None:
        """`before` is the length of the answer's text so far."""
        self.done: Written | None = None
        self.length = before
        self._events = events
        self._id = id_
        self._raw_id = id_.encode()
        self._index = index
        self._before = before
        self._parts: list[Written] = []
        self._pieces: list[str] = []
        self._kind = ""
        """Of the part that is open."""
        events.add("response.output_item.added", output_index=index, item=self.written("in_progress"))

    def say(self, text: str, logprobs: list[Written]) -> None:
        if self._kind != "output_text":
            self._begin(text_part("", [], []))
        self._pieces.append(text)
        self.length += len(text)
        if logprobs:
            self._parts[-1]["logprobs"] += logprobs
        at = len(self._parts) - 1
        told = encode(logprobs) if logprobs else b"[]"
        self._events.fill(_TEXT, self._raw_id, self._index, at, encode(text), told)

    def refuse(self, text: str) -> None:
        if self._kind != "refusal":
            self._begin(refusal_part(""))
        self._pieces.append(text)
        at = len(self._parts) - 1
        self._events.fill(_REFUSAL, self._raw_id, self._index, at, encode(text))

    def cite(self, citation: Citation) -> None:
        """A page on the web."""
        end = self.length - self._before
        annotation = annotation_of(citation, end, end, self._before)
        assert annotation is not None
        if self._kind != "output_text":
            self._begin(text_part("", [], []))
        annotations: list[Written] = self._parts[-1]["annotations"]
        annotations.append(annotation)
        self._events.add(
            "response.output_text.annotation.added",
            item_id=self._id,
            output_index=self._index,
            content_index=len(self._parts) - 1,
            annotation_index=len(annotations) - 1,
            annotation=annotation,
        )

    def written(self, status: str) -> Written:
        self._gather()
        return message_item(self._id, status, self._parts)

    def end(self, status: str) -> None:
        self._end_part()
        self.done = self.written(status)
        self._events.add("response.output_item.done", output_index=self._index, item=self.done)

    def _begin(self, part: Written) -> None:
        self._end_part()
        self._kind = part["type"]
        self._parts.append(part)
        self._at_part("response.content_part.added", part=part)

    def _end_part(self) -> None:
        if not self._kind:
            return
        self._gather()
        part = self._parts[-1]
        if self._kind == "output_text":
            self._at_part("response.output_text.done", text=part["text"], logprobs=part["logprobs"])
        else:
            self._at_part("response.refusal.done", refusal=part["refusal"])
        self._at_part("response.content_part.done", part=part)
        self._kind = ""

    def _at_part(self, type_: str, **members: object) -> None:
        at = len(self._parts) - 1
        self._events.add(type_, item_id=self._id, output_index=self._index, content_index=at, **members)

    def _gather(self) -> None:
        if self._pieces:
            name = "text" if self._kind == "output_text" else "refusal"
            self._parts[-1][name] += "".join(self._pieces)
            self._pieces.clear()


class StreamReasoning:
    """`encrypted` comes at its end, if it comes."""

    def __init__(self, events: Events, id_: str, index: int) -> None:
        self.done: Written | None = None
        self.encrypted: str | None = None
        self._events = events
        self._id = id_
        self._raw_id = id_.encode()
        self._index = index
        self._pieces: list[str] = []
        events.add("response.output_item.added", output_index=index, item=self.written("in_progress"))

    def think(self, text: str) -> None:
        if not self._pieces:
            self._at_summary("response.reasoning_summary_part.added", part=summary_part(""))
        self._pieces.append(text)
        self._events.fill(_SUMMARY, self._raw_id, self._index, encode(text))

    def written(self, status: str) -> Written:
        return reasoning_item(self._id, "".join(self._pieces), self.encrypted)

    def end(self, status: str) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._at_summary("response.reasoning_summary_text.done", text=text)
            self._at_summary("response.reasoning_summary_part.done", part=summary_part(text))
        self.done = self.written(status)
        self._events.add("response.output_item.done", output_index=self._index, item=self.done)

    def _at_summary(self, type_: str, **members: object) -> None:
        self._events.add(type_, item_id=self._id, output_index=self._index, summary_index=0, **members)


class StreamCall:
    def __init__(self, events: Events, id_: str, index: int, started: ToolStarted) -> None:
        self.done: Written | None = None
        self._events = events
        self._id = id_
        self._raw_id = id_.encode()
        self._index = index
        self._started = started
        self._form = _INPUT if started.custom else _ARGUMENTS
        self._pieces: list[str] = []
        events.add("response.output_item.added", output_index=index, item=self.written("in_progress"))

    def add(self, arguments: str) -> None:
        self._pieces.append(arguments)
        self._events.fill(self._form, self._raw_id, self._index, encode(arguments))

    def is_whole(self) -> bool:
        """Whether no more can come; of free text that cannot be told."""
        return not self._started.custom and are_whole(self._pieces)

    def written(self, status: str) -> Written:
        said = self._started
        arguments = "".join(self._pieces)
        return call_item(self._id, status, said.id, said.name, arguments, custom=said.custom)

    def end(self, status: str) -> None:
        custom = self._started.custom
        if not self._pieces and not custom:
            self.add("{}")
        arguments = "".join(self._pieces)
        at = {"item_id": self._id, "output_index": self._index}
        if custom:
            self._events.add("response.custom_tool_call_input.done", **at, input=arguments)
        else:
            name = self._started.name
            self._events.add("response.function_call_arguments.done", **at, name=name, arguments=arguments)
        self.done = self.written(status)
        self._events.add("response.output_item.done", output_index=self._index, item=self.done)


class StreamImage:
    """Whole from the beginning, so its events follow each other at once."""

    def __init__(self, events: Events, id_: str, index: int, data: str) -> None:
        self._id = id_
        self._data = data
        at = {"item_id": id_, "output_index": index}
        begun = image_item(id_, "in_progress", None)
        events.add("response.output_item.added", output_index=index, item=begun)
        events.add("response.image_generation_call.in_progress", **at)
        events.add("response.image_generation_call.completed", **at)
        self.done: Written | None = self.written("completed")
        events.add("response.output_item.done", output_index=index, item=self.done)

    def written(self, status: str) -> Written:
        return image_item(self._id, "completed", self._data)

    def end(self, status: str) -> None:
        """It has ended."""
