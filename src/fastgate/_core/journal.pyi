from typing import Final, Self, final

HEADER_BYTES: Final[int]
"""Where the first record of a segment is."""
RECORD_OVERHEAD: Final[int]
"""Bytes that a record takes at most beyond its payload."""

# Why SegmentReader.read() stopped.
LIMIT: Final[int]
"""`limit` records were read; there may be more."""
END: Final[int]
"""Nothing more so far."""
SEALED: Final[int]
"""The segment is full: the next one follows."""
FINISHED: Final[int]
"""The writer has ended the journal here."""
TORN: Final[int]
"""There is something, but no record, and none behind it: the writer or the machine died in the middle."""
DAMAGED: Final[int]
"""A record is broken, or the header is; `found` is the next good record."""
GAP: Final[int]
"""The record is good, but its number is not the next; `found` is this record."""

@final
class JournalWriter:
    """The one writer of the segments in a directory: what is appended survives the death of the process.

    append(), seal() and close() belong to one thread; prepare() and sync() may run in another one, one at a
    time. Used after close(): ValueError.
    """

    sequence: Final[int]
    """The number of the last record, 0 before the first."""
    synced: Final[int]
    """The last record that sync() has brought to the disk, with all before it."""
    written_bytes: Final[int]
    """What all records so far take."""
    segments: Final[int]
    """The segments begun so far; also the number of the one that is written to."""

    def __new__(cls, directory: str, segment_bytes: int = 4194304) -> Self:
        """Nothing is written yet. ValueError: the directory has segments, or the size is not a multiple of
        4,096. OSError."""

    @property
    def room(self) -> int:
        """The bytes that surely fit, over all records, each with its RECORD_OVERHEAD; 0 before prepare()."""

    @property
    def largest(self) -> int:
        """Bytes of the largest payload that a segment can take."""

    def append(self, payload: bytes) -> int:
        """The record's number, from 1, without gaps. BufferError: no room (nothing is changed).

        ValueError: empty, or longer than `largest`; or the journal is sealed.
        """

    def prepare(self) -> None:
        """Off the hot path: allocate the segment to write to and a spare one, unless they are there.

        OSError, of a full disk too: what was there is still usable.
        """

    def sync(self) -> None:
        """Return when all that was appended before the call is on the disk. Releases the GIL. OSError."""

    def seal(self) -> None:
        """Mark the end for readers and remove the spare segment: nothing can be appended. Idempotent."""

    def close(self) -> None:
        """Unmap; what was appended stays. Idempotent."""

@final
class SegmentReader:
    """Reads one segment, also while it is written. Never changes it; a bad disk is an OSError, no signal."""

    offset: Final[int]
    """Where reading goes on: behind the last record that was returned."""
    sequence: Final[int]
    """The number of that record."""
    stop: Final[int]
    """Why the last read() stopped: LIMIT … GAP."""
    found: Final[tuple[int, int] | None]
    """With DAMAGED and GAP: (offset, number) of the next good record; None if there is none."""

    def __new__(cls, path: str, offset: int = 0, sequence: int = 0) -> Self:
        """From `offset` on, where `sequence` was the last one before it; offset 0: the start. OSError."""

    def read(self, limit: int, living: bool) -> list[tuple[int, bytes, int]]:
        """At most `limit` records: (number, payload, offset behind it). Can be called again at each stop.

        Of a `living` writer an empty place is the end so far. Else it is looked behind it: it may be TORN, or
        DAMAGED. OSError.
        """

    def close(self) -> None:
        """Idempotent. read() after it: ValueError."""

def segment_path(directory: str, number: int) -> str:
    """Where the writer of `directory` puts its segment of this number, from 1."""

def segment_numbers(directory: str) -> list[int]:
    """The segments that are in the directory, ascending. OSError."""
