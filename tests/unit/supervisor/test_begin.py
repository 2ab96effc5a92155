"""What goes on beside a process that becomes the supervisor. In an interpreter of its own, as it forks."""

import os
import subprocess
import sys

PROGRAM = """
import os
from fastgate.supervisor.begin import beside

def work():
    {work}

with open(beside(work), "rb") as pipe:
    received = pipe.read()
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print(len(received))
"""


def received(work: str) -> int:
    """How many bytes; the process has no child then that it would have to know of."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work)], capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return int(done.stdout)


def test_the_result_comes_whole() -> None:
    assert received("return bytes(1_000_000)") == 1_000_000


def test_nothing_comes_where_the_work_fails() -> None:
    assert received("raise ValueError") == 0
    assert received("os.kill(os.getpid(), 9)") == 0


def test_what_a_supervisor_was_handed_is_not_for_its_successors() -> None:
    """Such as the lock that the launcher of the single binary holds on its files."""
    readable, writable = os.pipe()
    code = (
        "import os, sys; from fastgate.supervisor.__main__ import _keep; fd = int(sys.argv[1]);"
        "print(os.get_inheritable(fd)); _keep(); print(os.get_inheritable(fd), os.get_inheritable(2))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(readable)],
        pass_fds=(readable,),
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(readable)
    os.close(writable)
    assert done.stdout == "True\nFalse True\n"
