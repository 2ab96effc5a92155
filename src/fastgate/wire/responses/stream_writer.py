"""Streams for clients of the Responses API."""

from collections.abc import Sequence

from fastgate.domain.conversation import Citation, Image
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
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
from fastgate.wire.chat.usage import tier_of
from fastgate.wire.interface import Asked, Losses, Problem
from fastgate.wire.lost import CHOICES, CITATION, STOP_SEQUENCE, described, lose_delta, lose_tier
from fastgate.wire.messages.seal import FAMILY
from fastgate.wire.responses.events import Events
from fastgate.wire.responses.ids import item_id
from fastgate.wire.responses.items import logprobs_of
from fastgate.wire.responses.response_object import ResponseObject, incomplete_reason
from fastgate.wire.responses.seal import carried, encrypted_ahead
from fastgate.wire.responses.stream_items import (
    StreamCall,
    StreamImage,
    StreamItem,
    StreamMessage,
    StreamReasoning,
)
from fastgate.wire.seals import AHEAD, REDACTED, Seal


class ResponsesStreamWriter:
    """As `StreamWriter`. The end of the response waits for its usage, which may come last."""

    def __init__(self, asked: Asked) -> None:
        self.losses = Losses()
        self._response = ResponseObject(asked)
        self._events = Events()
        self._begun = self._over = self._refused = False
        self._items: list[StreamItem] = []
        self._open: StreamMessage | StreamReasoning | None = None
        self._calls: dict[int, StreamCall] = {}
        """By the provider's index, those that are not ended: deltas of several may come mixed."""
        self._length = 0
        """Of the text in messages that are ended."""
        self._usage: Usage | None = None
        self._finish = Finish.STOP

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            if self._over:
                break
            if getattr(delta, "choice", 0):
                self.losses.drop(CHOICES)
            else:
                self._take(delta)
        return self._events.taken()

    def end(self) -> bytes:
        if not self._over:
            self._complete()
        return self._events.taken()

    def failure(self, problem: Problem) -> bytes:
        if not self._over:
            self._fail(problem)
        return self._events.taken()

    def _take(self, delta: Delta) -> None:
        match delta:
            case TextDelta():
                if delta.text or delta.logprobs is not None:
                    self._message().say(delta.text, logprobs_of(delta.logprobs))
            case ToolDelta():
                call = self._calls.get(delta.index)
                if call is not None and delta.arguments:
                    call.add(delta.arguments)
            case ThinkingDelta():
                if delta.text:
                    self._reasoning().think(delta.text)
            case ToolStarted():
                self._start_call(delta)
            case RefusalDelta():
                if delta.text:
                    self._refused = True
                    self._message().refuse(delta.text)
            case Sealed():
                self._seal(delta)
            case Cited():
                self._cite(delta.citation)
            case ImageDelta():
                self._show(delta.image)
            case Started():
                self._begin(delta)
            case Ended():
                self._finish = delta.finish
                if delta.stop_sequence is not None:
                    self.losses.drop(STOP_SEQUENCE)
            case Used():
                self._use(delta.usage)
            case Failed():
                self._fail(Problem(delta.status, delta.message, "", None, None, ""))
            case Closed():
                self._complete()
            case ForeignDelta():
                lose_delta(delta, self.losses)

    def _begin(self, started: Started | None = None) -> None:
        if self._begun:
            return
        self._begun = True
        if started is not None:
            self._response.model = started.model or self._response.model
            if started.usage is not None:
                self._use(started.usage)
        response = self._response.written("in_progress", [])
        self._events.add("response.created", response=response)
        self._events.add("response.in_progress", response=response)

    def _use(self, usage: Usage) -> None:
        self._usage = usage
        self._response.tier = tier_of(usage.service_tier) or self._response.tier
        if self._response.tier is None:
            lose_tier(usage.service_tier, self.losses)

    def _message(self) -> StreamMessage:
        if not isinstance(self._open, StreamMessage):
            self._close()
            self._open = StreamMessage(*self._place("msg"), self._length)
            self._items.append(self._open)
        return self._open

    def _reasoning(self) -> StreamReasoning:
        if not isinstance(self._open, StreamReasoning):
            self._close()
            self._open = StreamReasoning(*self._place("rs"))
            self._items.append(self._open)
        return self._open

    def _place(self, kind: str) -> tuple[Events, str, int]:
        """Of the next item."""
        self._begin()
        index = len(self._items)
        return self._events, item_id(self._response.id, kind, index), index

    def _close(self) -> None:
        """End all items but calls that are not whole yet: more of those may come behind others."""
        if self._open is not None:
            if isinstance(self._open, StreamMessage):
                self._length = self._open.length
            self._open.end("completed")
            self._open = None
        for index in [index for index, call in self._calls.items() if call.is_whole()]:
            self._calls.pop(index).end("completed")

    def _start_call(self, started: ToolStarted) -> None:
        if started.signature:
            self._add_seal(encrypted_ahead(started.signature))
        self._close()
        call = StreamCall(*self._place("ctc" if started.custom else "fc"), started)
        self._calls[started.index] = call
        self._items.append(call)

    def _seal(self, delta: Sealed) -> None:
        """For the thinking that is open; a seal of another vendor's without any is for what comes next."""
        if delta.redacted is not None:
            self._add_seal(carried(Seal(delta.format, delta.redacted, REDACTED)))
        elif delta.signature and (isinstance(self._open, StreamReasoning) or delta.format in FAMILY):
            self._reasoning().encrypted = carried(Seal(delta.format, delta.signature))
            self._close()
        elif delta.signature:
            self._add_seal(carried(Seal(delta.format, delta.signature, AHEAD)))

    def _add_seal(self, encrypted: str) -> None:
        self._close()
        self._reasoning().encrypted = encrypted
        self._close()

    def _cite(self, citation: Citation) -> None:
        if citation.url is None:
            self.losses.drop(CITATION)
        else:
            self._message().cite(citation)

    def _show(self, image: Image) -> None:
        if image.source.data is None:
            self._message().say(described(image, self.losses), [])
            return
        self._close()
        self._items.append(StreamImage(*self._place("ig"), image.source.data))

    def _fail(self, problem: Problem) -> None:
        self._over = True
        self._begin()
        output = [item.done or item.written("incomplete") for item in self._items]
        response = self._response.written("failed", output, self._usage, problem=problem)
        self._events.add("response.failed", response=response)

    def _complete(self) -> None:
        self._over = True
        self._begin()
        reason = incomplete_reason(self._finish, refused=self._refused)
        last = "completed" if reason is None else "incomplete"
        for item in self._items:
            if item.done is None:
                item.end(last if item is self._items[-1] else "completed")
        output = [item.done for item in self._items if item.done is not None]
        response = self._response.ended(output, self._usage, self._finish, refused=self._refused)
        self._events.add(f"response.{response['status']}", response=response)
