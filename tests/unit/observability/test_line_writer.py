"""The writer's promises to its callers: never wait, lose nothing silently, mix nothing."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fastgate.observability import line_writer
from fastgate.observability.line_writer import LineWriter

TIMEOUT_S = 20.0


def notice(message: str, fields: object) -> bytes:
    return f"{message} {fields}\n".encode()


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A pipe by name that takes what fits its buffer, and the end to read it from."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def read_until(reader: int, marker: bytes) -> bytes:
    os.set_blocking(reader, True)
    data = b""
    while marker not in data:
        data += os.read(reader, 1 << 20)
    return data


def test_lines_are_written_in_order_and_whole(tmp_path: Path) -> None:
    writer = LineWriter(str(tmp_path / "log"), notice)
    expected = [b"%d %s\n" % (i, b"x" * (i * 37 % 3_000)) for i in range(2_000)]
    for line in expected:
        writer.write(line)
    writer.close(TIMEOUT_S)
    assert (tmp_path / "log").read_bytes().splitlines(keepends=True) == expected
    assert writer.dropped == 0


def test_flush_and_close_without_a_line_start_no_thread(tmp_path: Path) -> None:
    writer = LineWriter(str(tmp_path / "log"), notice)
    assert writer.flush(0)
    writer.reopen()
    writer.close(0)
    assert (tmp_path / "log").read_bytes() == b""


def test_nobody_waits_for_a_target_that_takes_nothing(
    fifo: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writer, "MAX_QUEUED_LINES", 1_000)
    path, reader = fifo
    writer = LineWriter(str(path), notice)
    for i in range(3_000):
        writer.write(b"%d %s\n" % (i, b"x" * 1_000))
    assert not writer.flush(0.0)
    assert writer.dropped == 2_000
    data = read_until(reader, b"log lines dropped {'dropped': 2000}\n")
    numbers = [int(line.split()[0]) for line in data.splitlines()[:-1]]
    assert numbers == list(range(1_000))
    writer.close(TIMEOUT_S)


def test_the_bytes_that_wait_are_bounded_too(fifo: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_writer, "MAX_QUEUED_BYTES", 1 << 20)
    path, reader = fifo
    writer = LineWriter(str(path), notice)
    for _ in range(3):
        writer.write(b"x" * 500_000 + b"\n")
    assert writer.dropped == 1
    read_until(reader, b"log lines dropped {'dropped': 1}\n")
    assert writer.flush(TIMEOUT_S)
    writer.write(b"there is room again\n")
    assert read_until(reader, b"again\n") == b"there is room again\n"
    writer.close(TIMEOUT_S)


def test_a_nonblocking_target_that_is_full_is_waited_for(fifo: tuple[Path, int]) -> None:
    path, reader = fifo
    writer = LineWriter(str(path), notice)
    os.set_blocking(writer._fd, False)
    for _ in range(1_000):
        writer.write(b"x" * 999 + b"\n")
    writer.write(b"the last\n")
    assert len(read_until(reader, b"the last\n")) == 1_000_009
    writer.close(TIMEOUT_S)
    assert writer.dropped == 0


def test_a_full_disk_costs_the_lines_and_nothing_else() -> None:
    writer = LineWriter("/dev/full", notice)
    for _ in range(10):
        writer.write(b"lost\n")
    assert writer.flush(TIMEOUT_S)
    assert writer.dropped == 10
    writer.close(TIMEOUT_S)


def test_after_a_torn_line_a_new_one_begins(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from fastgate.observability.line_writer import LineWriter
writer = LineWriter(sys.argv[1], lambda message, fields: f"{message} {fields}\\n".encode())
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (25, hard))
for _ in range(4):
    writer.write(b"nine byte\\n")
writer.flush(20)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
writer.write(b"whole\\n")
writer.close(20)
print(writer.dropped)
"""
    path = tmp_path / "log"
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    assert result.stdout == b"2\n"
    assert path.read_bytes().splitlines() == [
        *(b"nine byte", b"nine byte", b"nine "),
        *(b"whole", b"log lines dropped {'dropped': 2}"),
    ]


def test_processes_that_share_a_pipe_mix_no_lines() -> None:
    code = """
import sys
from fastgate.observability.line_writer import LineWriter
writer = LineWriter(None, lambda message, fields: b"")
print("ready", flush=True)
sys.stdin.read()
for i in range(6_000):
    writer.write(sys.argv[1].encode() * (i % 700 + 1) + b"\\n")
writer.close(20)
"""
    reader, end = os.pipe()
    # So small that a larger write would be cut in the middle, where others get in.
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4_096)
    command = [sys.executable, "-c", code]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, letter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=end, bufsize=0
                )
            )
            for letter in "abc"
        ]
        os.close(end)
        for process in writers:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        for process in writers:
            assert process.stdin is not None
            process.stdin.close()
        with open(reader, "rb") as pipe:
            lines = pipe.read().splitlines()
    assert [process.returncode for process in writers] == [0, 0, 0]
    assert len(lines) == 18_000
    assert all(len(set(line)) == 1 for line in lines)
