"""Streams for clients of InvokeModelWithResponseStream: each event of the Messages API in a chunk."""

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Final

from fastgate.domain.reply import Delta, Failed
from fastgate.wire.converse.exceptions import write_failure
from fastgate.wire.converse.frames import frame
from fastgate.wire.interface import Asked, Problem
from fastgate.wire.messages.stream_writer import StreamWriter

_DATA: Final = b"\ndata: "


class InvokeStreamWriter:
    """As `wire.interface.StreamWriter`."""

    def __init__(self, asked: Asked) -> None:
        self._messages = StreamWriter(asked)
        self.losses = self._messages.losses
        self._failed = False

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for index, delta in enumerate(deltas):
            if isinstance(delta, Failed):
                before = self.write(deltas[:index])
                return before + self.failure(Problem(delta.status, delta.message, "", None, None, ""))
        return b"" if self._failed else _chunks(self._messages.write(deltas))

    def end(self) -> bytes:
        return b"" if self._failed else _chunks(self._messages.end())

    def failure(self, problem: Problem) -> bytes:
        """An exception, unless the stream is over."""
        over = self._failed or not self._messages.failure(problem)
        self._failed = True
        return b"" if over else write_failure(problem)


def _chunks(events: bytes) -> bytes:
    """Server-sent events, whose data is a line of JSON, as chunks."""
    return b"".join(
        frame(
            "chunk", b'{"bytes":"%b"}' % b2a_base64(event[event.index(_DATA) + len(_DATA) :], newline=False)
        )
        for event in events.split(b"\n\n")
        if event
    )
