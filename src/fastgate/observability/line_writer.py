"""Writes lines to a file or standard error from a thread of its own, so that no caller ever waits.

Processes share the target: a regular file is appended to in large pieces, anything else (a pipe, a
terminal) in pieces of at most PIPE_BUF bytes, which the kernel does not mix with those of others.
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from select import PIPE_BUF, POLLOUT, poll
from typing import Final

MAX_QUEUED_LINES: Final = 50_000
MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024

# A line waits this long for company: a thread that wakes for each line would cost more than the line.
_GATHER_S: Final = 0.05
_FILE_PIECE_BYTES: Final = 256 * 1024
_STDERR: Final = 2
_NEWLINE: Final = ord("\n")


class LineWriter:
    """`path` None is standard error. `notice` makes a line of the writer's own: message, fields.

    Raises OSError where the file cannot be opened. The thread starts with the first line.
    """

    def __init__(self, path: str | None, notice: Callable[[str, dict[str, str | int]], bytes]) -> None:
        self.path = path
        self._notice = notice
        self._dropped = 0
        self._reported = 0
        self._torn = False  # what was last written ends inside a line
        self._use(_STDERR if path is None else _open(path))
        self._start_over()

    def _start_over(self) -> None:
        self._queue: SimpleQueue[bytes | Callable[[], None]] = SimpleQueue()
        self._urgent = threading.Event()
        # Re-entrant: a signal handler that logs may interrupt a line that is being queued.
        self._lock = threading.RLock()
        self._writer: threading.Thread | None = None
        self._running = True
        self._queued_lines = 0
        self._queued_bytes = 0

    @property
    def dropped(self) -> int:
        """Lines lost so far, because the queue was full or the target took no more."""
        return self._dropped

    def write(self, line: bytes) -> None:
        """Queue a line, newline included, or drop it; never waits for the target."""
        with self._lock:
            if self._queued_lines >= MAX_QUEUED_LINES or self._queued_bytes + len(line) > MAX_QUEUED_BYTES:
                self._dropped += 1
                return
            self._queued_lines += 1
            self._queued_bytes += len(line)
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="fastgate-log", daemon=True)
                self._writer.start()
            self._queue.put(line)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was queued before is written; False if that takes longer."""
        done = threading.Event()
        self._command(done.set)
        return done.wait(timeout_s)

    def reopen(self) -> None:
        """Open the path anew once what was queued before is written: log rotation renames files."""
        if self.path is not None:
            self._command(self._reopen)

    def close(self, timeout_s: float) -> None:
        """Write what is queued, then end the thread and close the file. The last call."""
        self._command(self._stop)
        if self._writer is not None:
            self._writer.join(timeout_s)

    def restart_in_child(self) -> None:
        """After a fork: the thread stayed in the parent, with what it had to write."""
        self._start_over()

    def _command(self, command: Callable[[], None]) -> None:
        """Let the thread run `command` after what is queued; without a thread nothing is queued."""
        with self._lock:
            if self._writer is None:
                command()
            else:
                self._queue.put(command)
                self._urgent.set()

    # --- what follows runs in the thread ------------------------------------------------------------

    def _run(self) -> None:
        while self._running:
            self._put_out_all(self._queue.get())

    def _put_out_all(self, first: bytes | Callable[[], None]) -> None:
        """`first` and what follows it soon. Keeps none of it while the thread waits for more."""
        self._urgent.wait(_GATHER_S)
        self._urgent.clear()
        lines: list[bytes] = []
        for item in [first, *(self._queue.get() for _ in range(self._queue.qsize()))]:
            if isinstance(item, bytes):
                lines.append(item)
            else:
                self._put_out(lines)
                lines = []
                item()
        self._put_out(lines)

    def _put_out(self, lines: list[bytes]) -> None:
        if not lines:
            return
        lost = sum(self._write_piece(piece) for piece in _pieces(lines, self._piece_bytes))
        with self._lock:
            self._queued_lines -= len(lines)
            self._queued_bytes -= sum(map(len, lines))
            self._dropped += lost
            unreported = self._dropped - self._reported
        if unreported and not lost:
            notice = self._notice("log lines dropped", {"dropped": unreported})
            if self._write_piece([notice]) == 0:
                self._reported += unreported

    def _write_piece(self, lines: list[bytes]) -> int:
        """Write; return the number of lines that the target didn't take."""
        prefix = b"\n" if self._torn else b""
        data = prefix + b"".join(lines)
        written = _write_all(self._fd, data)
        if written:
            self._torn = data[written - 1] != _NEWLINE
        return data.count(b"\n", max(written, len(prefix)))

    def _use(self, fd: int) -> None:
        self._fd = fd
        self._piece_bytes = _FILE_PIECE_BYTES if stat.S_ISREG(os.fstat(fd).st_mode) else PIPE_BUF
        self._torn = False

    def _reopen(self) -> None:
        assert self.path is not None
        try:
            fd = _open(self.path)
        except OSError as error:
            self._write_piece([self._notice("log file cannot be reopened", {"reason": str(error)})])
            return
        os.close(self._fd)
        self._use(fd)

    def _stop(self) -> None:
        self._running = False
        if self.path is not None:
            os.close(self._fd)


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _pieces(lines: list[bytes], limit: int) -> Iterator[list[bytes]]:
    """Cut into runs of at most `limit` bytes; a longer line is a run of its own."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > limit:
            yield piece
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield piece


def _write_all(fd: int, data: bytes) -> int:
    """The number of bytes written: fewer than all where the target fails, which the caller counts."""
    written = 0
    while written < len(data):
        try:
            written += os.write(fd, memoryview(data)[written:])
        except BlockingIOError:
            waiting = poll()
            waiting.register(fd, POLLOUT)
            waiting.poll()
        except OSError:
            break
    return written
