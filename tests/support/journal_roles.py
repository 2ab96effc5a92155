"""Writers of journals in processes of their own: a script of roles (tests.core.processes)."""

import os
import signal
from pathlib import Path

from tests.core.processes import main, wait_for_start

from fastgate._core.journal import JournalWriter
from fastgate.ledger.journal_dir import JournalDir, WriterDir


def live(journals: str, records: str) -> object:
    """A life of a worker; it ends when it is killed."""
    directory = _append(journals, int(records))
    wait_for_start()
    signal.pause()
    return directory.writer


def claims(journals: str, writer: str) -> object:
    """What another process than the test finds."""
    directory = JournalDir(Path(journals))
    wait_for_start()
    return {"alive": directory.alive(writer), "claimed": directory.claim(writer) is not None}


def outlived_by_a_child(journals: str) -> object:
    """A life ends whose child, forked with everything open, goes on."""
    wait_for_start()
    question, ask = os.pipe()
    answer, reply = os.pipe()
    life = os.fork()
    if life == 0:
        _append(journals, 1)
        if os.fork() == 0:
            os.read(question, 1)
            os.write(reply, b"here")
        os._exit(0)
    os.waitpid(life, 0)
    directory = JournalDir(Path(journals))
    (writer,) = directory.writers()
    alive = directory.alive(writer)
    os.write(ask, b"?")
    return {"alive": alive, "child": os.read(answer, 4).decode()}


def _append(journals: str, records: int) -> WriterDir:
    directory = JournalDir(Path(journals)).create()
    writer = JournalWriter(str(directory.path), 4096)
    for i in range(records):
        writer.prepare()
        writer.append(b"%d" % i * 300)
    return directory


if __name__ == "__main__":
    main(globals())
