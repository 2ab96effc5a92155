"""A process that is taken through its work one machine instruction at a time.

What a process that is killed leaves in shared memory is what is there between two of its instructions.
"""

import ctypes
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from tests.core.processes import Process

_TRACEME, _SINGLESTEP, _DETACH = 0, 9, 17
_LIBC = ctypes.CDLL(None, use_errno=True)


def traced(work: Callable[[], object]) -> None:
    """In the process, which was started by a tracer: it steps through `work`."""
    _LIBC.ptrace(_TRACEME, 0, None, None)
    os.kill(os.getpid(), signal.SIGSTOP)
    work()
    os.kill(os.getpid(), signal.SIGSTOP)


def instructions(process: Process) -> Iterator[None]:
    """In the tracer: one by one, to the end of the work. Then the process goes on by itself."""
    process.start()
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    while True:
        if _LIBC.ptrace(_SINGLESTEP, process.pid, None, None) != 0:
            pytest.skip(f"this machine does not let a process be traced: {os.strerror(ctypes.get_errno())}")
        _, status = os.waitpid(process.pid, 0)
        assert os.WIFSTOPPED(status)
        if os.WSTOPSIG(status) == signal.SIGSTOP:
            break
        yield
    _LIBC.ptrace(_DETACH, process.pid, None, None)
