"""Whole answers for clients of the Responses API."""

import msgspec

from fastgate.domain.conversation import Citation, Image, Part, Refusal, Text, Thinking, ToolUse
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.chat.usage import tier_of
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.lost import CHOICES, CITATION, STOP_SEQUENCE, described, lose_part, lose_tier
from fastgate.wire.responses.ids import item_id
from fastgate.wire.responses.items import (
    Written,
    annotation_of,
    call_item,
    image_item,
    logprobs_of,
    message_item,
    reasoning_item,
    refusal_part,
    text_part,
)
from fastgate.wire.responses.response_object import ResponseObject, incomplete_reason
from fastgate.wire.responses.seal import encrypted_ahead, encrypted_of


def write_answer(reply: Reply, asked: Asked, losses: Losses) -> bytes:
    """The first choice; a client of this format can ask for one only."""
    response = ResponseObject(asked)
    response.model = reply.model or asked.model
    response.tier = tier_of(reply.service_tier)
    if response.tier is None:
        lose_tier(reply.service_tier, losses)
    choice = reply.choices[0] if reply.choices else Choice(parts=(), finish=Finish.STOP)
    if len(reply.choices) > 1:
        losses.drop(CHOICES)
    if choice.stop_sequence is not None:
        losses.drop(STOP_SEQUENCE)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    complete = incomplete_reason(choice.finish, refused=refused) is None
    output = _Output(response.id, choice, losses).written(complete=complete)
    return msgspec.json.encode(response.ended(output, reply.usage, choice.finish, refused=refused))


class _Output:
    def __init__(self, response_id: str, choice: Choice, losses: Losses) -> None:
        self._response_id = response_id
        self._choice = choice
        self._losses = losses
        self._items: list[Written] = []
        self._message: Written | None = None
        """The last item, where it is a message: what is said next belongs to it."""
        self._length = 0
        """Of the texts of finished parts."""

    def written(self, *, complete: bool) -> list[Written]:
        for part in self._choice.parts:
            self._add(part)
        logprobs = logprobs_of(self._choice.logprobs)
        if logprobs:
            self._tell(logprobs)
        if not complete and self._items and "status" in self._items[-1]:
            self._items[-1]["status"] = "incomplete"
        return self._items

    def _add(self, part: Part) -> None:
        match part:
            case Text():
                if part.signature:
                    self._put(reasoning_item(self._id("rs"), "", encrypted_ahead(part.signature)))
                self._say(part.text, part.citations)
            case Refusal():
                self._content().append(refusal_part(part.text))
            case Thinking():
                self._put(reasoning_item(self._id("rs"), part.text, encrypted_of(part)))
            case ToolUse():
                if part.signature:
                    self._put(reasoning_item(self._id("rs"), "", encrypted_ahead(part.signature)))
                self._put(_call(self._id("ctc" if part.custom else "fc"), part))
            case Image() if part.source.data is not None:
                self._put(image_item(self._id("ig"), "completed", part.source.data))
            case Image():
                self._say(described(part, self._losses), ())
            case _:
                lose_part(part, self._losses)

    def _id(self, kind: str) -> str:
        return item_id(self._response_id, kind, len(self._items))

    def _put(self, item: Written) -> None:
        self._items.append(item)
        self._message = None

    def _content(self) -> list[Written]:
        if self._message is None:
            message = message_item(self._id("msg"), "completed", [])
            self._put(message)
            self._message = message
        content: list[Written] = self._message["content"]
        return content

    def _say(self, text: str, citations: tuple[Citation, ...]) -> None:
        """Texts in a row are one, as they are in a stream."""
        content = self._content()
        if not content or content[-1]["type"] != "output_text":
            content.append(text_part("", [], []))
        part = content[-1]
        start = len(part["text"])
        offset = self._length - start
        part["text"] += text
        self._length += len(text)
        written = (annotation_of(each, start, len(part["text"]), offset) for each in citations)
        said = [each for each in written if each is not None]
        part["annotations"] += said
        if len(said) < len(citations):
            self._losses.drop(CITATION)

    def _tell(self, logprobs: list[Written]) -> None:
        """They are of all text; the first part of text has them where there are several."""
        for item in self._items:
            for part in item["content"] if item["type"] == "message" else ():
                if part["type"] == "output_text":
                    part["logprobs"] = logprobs
                    return


def _call(id_: str, use: ToolUse) -> Written:
    return call_item(id_, "completed", use.id, use.name, use.arguments, custom=use.custom)
