"""python -m benchmarks.micro.journal"""

import functools
import os
import tempfile
from pathlib import Path

from benchmarks.micro.timing import compare, report
from tests.reference import journal as reference

from fastgate._core import journal

PAYLOAD = b"x" * 700
RECORDS = 2_000

if __name__ == "__main__":
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

        report(
            [
                compare(
                    "journal.append: 700 bytes; the oracle builds the record only",
                    append,
                    functools.partial(reference.record, 1, PAYLOAD, b"salt"),
                ),
                compare(
                    "journal.read: 2,000 records of 700 bytes",
                    lambda: journal.SegmentReader(path).read(RECORDS, True),
                    lambda: reference.SegmentReader(data).read(RECORDS, True),
                ),
            ]
        )
