"""Real processes that write journals: run as a script, one role a process (tests.core.processes)."""

import random
import signal

from tests.core.processes import main, wait_for_start

from fastgate._core import journal, shm


def payload_of(sequence: int, largest: int) -> bytes:
    """Any length up to `largest`, and bytes that tell the number and the place."""
    chance = random.Random(sequence)
    length = chance.randint(1, largest) if sequence % 3 else chance.randint(1, 100)
    return (sequence.to_bytes(4, "little") * (length // 4 + 1))[:length]


def append_forever(directory: str, table: str, segment_bytes: str, largest: str) -> object:
    """Word 0 of the table's header is the last number that was appended for certain."""
    acknowledged = shm.SharedSlots(table, 1, False)
    writer = journal.JournalWriter(directory, int(segment_bytes))
    writer.prepare()
    wait_for_start()
    while True:
        number = writer.append(payload_of(writer.sequence + 1, int(largest)))
        acknowledged.header_store(0, number)
        writer.prepare()


def append_some(directory: str, segment_bytes: str, largest: str, records: str) -> object:
    """To the end, with the journal sealed."""
    writer = journal.JournalWriter(directory, int(segment_bytes))
    writer.prepare()
    wait_for_start()
    for number in range(1, int(records) + 1):
        writer.append(payload_of(number, int(largest)))
        writer.prepare()
    writer.seal()
    return writer.segments


def prepare_beyond_limit(directory: str, segments: str, segment_bytes: str) -> object:
    """A file system that gets full: here the process's own limit on the size of files.

    With some segments; then the limit, appending until there is no room, and room again.
    """
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = journal.JournalWriter(directory, int(segment_bytes))
    wait_for_start()
    payload = b"x" * 1000
    writer.prepare()
    while writer.segments < int(segments):
        writer.append(payload)
        writer.prepare()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    errors = []
    before = writer.sequence
    try:
        while True:
            writer.append(payload)
    except BufferError as error:
        errors.append(type(error).__name__)
    full = writer.sequence
    for _ in range(2):
        try:
            writer.prepare()
        except OSError as error:
            errors.append(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    writer.prepare()
    return {"errors": errors, "fitted": full - before, "next": writer.append(payload) - full}


if __name__ == "__main__":
    main(globals())
