"""Reads the journal of one writer in order, across its segments, and says why it stops."""

from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fastgate._core import journal
from fastgate._core.journal import SegmentReader


class Position(NamedTuple):
    """A place between two records. `sequence` is the last one before it; `offset` 0 is a segment's start."""

    segment: int
    offset: int
    sequence: int


START: Final = Position(1, 0, 0)


class Record(msgspec.Struct, frozen=True, gc=False):
    """`offset` is behind it, in `segment`."""

    sequence: int
    payload: bytes
    segment: int
    offset: int

    @property
    def position(self) -> Position:
        """Where reading goes on behind it."""
        return Position(self.segment, self.offset, self.sequence)


class Stop(StrEnum):
    """Why reading stopped."""

    LIMIT = "limit"  # as many as were asked for; there may be more
    END = "end"  # nothing more so far
    FINISHED = "finished"  # the writer ended the journal here
    TORN = "torn"  # something that never became a record, or is lost; no good record is behind it
    DAMAGED = "damaged"  # a record is broken or lost that was whole once: good ones are behind it, or were
    GAP = "gap"  # the next record is good, but has not the next number


_STOPS: Final = {
    journal.LIMIT: Stop.LIMIT,
    journal.END: Stop.END,
    journal.FINISHED: Stop.FINISHED,
    journal.TORN: Stop.TORN,
    journal.DAMAGED: Stop.DAMAGED,
    journal.GAP: Stop.GAP,
}


class JournalReader:
    """Follows one writer from a position on.

    `stop` says why the last read() stopped, `position` where. With DAMAGED and GAP `found` is the place in
    front of the next good record, where another reader can go on; None where there is none.
    """

    def __init__(self, directory: Path, position: Position = START) -> None:
        self._directory = str(directory)
        self._segment: SegmentReader | None = None
        self.position = position
        self.stop = Stop.END
        self.found: Position | None = None

    def read(self, limit: int, living: bool) -> list[Record]:
        """At most `limit` records. To be called again for more, whatever it stopped for. OSError.

        `living`: the writer may still append, so an empty place is the end so far. It has to be known before
        the call: what a writer appends just before its death is then still read.
        """
        records: list[Record] = []
        self.found = None
        while True:
            segment = self._segment or self._open(self.position)
            if segment is None:
                reason = journal.END
            else:
                self._segment = segment
                records += self._records(segment, limit - len(records), living)
                reason = segment.stop
                if segment.found is not None:
                    offset, sequence = segment.found
                    self.found = Position(self.position.segment, offset, sequence - 1)
            if reason == journal.SEALED:
                self._go_to(Position(self.position.segment + 1, 0, self.position.sequence))
                continue
            self.stop = _STOPS[reason]
            if (living and self.stop is Stop.END) or not self._look_further():
                return records

    def close(self) -> None:
        """Idempotent."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _records(self, segment: SegmentReader, limit: int, living: bool) -> list[Record]:
        number = self.position.segment
        records = [
            Record(sequence, payload, number, offset)
            for sequence, payload, offset in segment.read(limit, living)
        ]
        self.position = Position(number, segment.offset, segment.sequence)
        return records

    def _look_further(self) -> bool:
        """Where a segment ends without its mark: whether reading goes on in a later one.

        It does where the next record is there: then only the mark was lost. Another good record there says
        that those in between are lost.
        """
        if self.stop not in {Stop.END, Stop.TORN, Stop.DAMAGED} or self.found is not None:
            return False
        for number in journal.segment_numbers(self._directory):
            if number <= self.position.segment:
                continue
            start = Position(number, 0, self.position.sequence)
            segment = self._open(start)
            if segment is None:
                continue
            with_records = bool(segment.read(1, False))
            found = segment.found
            segment.close()
            if with_records:
                self._go_to(start)
                return True
            if found is not None:
                self.stop = Stop.DAMAGED
                self.found = Position(number, found[0], found[1] - 1)
                return False
        return False

    def _go_to(self, position: Position) -> None:
        self.close()
        self.position = position

    def _open(self, position: Position) -> SegmentReader | None:
        path = journal.segment_path(self._directory, position.segment)
        try:
            return SegmentReader(path, position.offset, position.sequence)
        except FileNotFoundError:  # not begun yet, or lost
            return None
