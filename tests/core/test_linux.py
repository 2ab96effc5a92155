"""Against what `os` has here, and the kernel's own words in /proc."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from fastgate._core.linux import memfd_create, pidfd_open


def test_a_file_in_memory_is_inherited() -> None:
    fd = memfd_create("settings")
    try:
        assert os.get_inheritable(fd)
        assert Path(f"/proc/self/fd/{fd}").readlink() == Path("/memfd:settings (deleted)")
        os.write(fd, b"kept")
        code = f"import os; print(os.pread({fd}, 9, 0))"
        read = subprocess.run([sys.executable, "-c", code], capture_output=True, close_fds=False, check=True)
        assert read.stdout == b"b'kept'\n"
    finally:
        os.close(fd)


def test_the_end_of_a_process_is_readable() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        fd = pidfd_open(process.pid)
        try:
            assert not os.get_inheritable(fd)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(0) == []
            process.communicate(b"")
            ((_, events),) = poll.poll(10_000)
            assert events & select.POLLIN
        finally:
            os.close(fd)


def test_no_such_process() -> None:
    with pytest.raises(ProcessLookupError):
        pidfd_open(2**22 + 1)
