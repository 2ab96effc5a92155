"""The journal of a worker."""

import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.micro.timing import Case
from tests.reference import journal as reference

from fastgate._core import journal

PAYLOAD = b"x" * 700
RECORDS = 2_000


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as full:
        writer = journal.JournalWriter(directory)
        filled = journal.JournalWriter(full)
        filled.prepare()
        for _ in range(RECORDS):
            filled.append(PAYLOAD)
        path = journal.segment_path(full, 1)
        data = Path(path).read_bytes()

        def append() -> None:
            """With the segments that it takes; those before are removed, as if drained."""
            try:
                writer.append(PAYLOAD)
            except BufferError:
                writer.prepare()
                for number in journal.segment_numbers(directory):
                    if number < writer.segments:
                        os.unlink(journal.segment_path(directory, number))
                writer.append(PAYLOAD)

        yield Case(
            "journal.append: 700 bytes",
            append,
            functools.partial(reference.record, 1, PAYLOAD, b"salt"),  # it makes the record only
        )
        yield Case(
            "journal.read: a record of 700 bytes",
            lambda: journal.SegmentReader(path).read(RECORDS, True),
            lambda: reference.SegmentReader(data).read(RECORDS, True),
            each=RECORDS,
        )
