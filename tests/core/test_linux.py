"""Against what `os` has here, and the kernel's own words in /proc."""

import os
import subprocess
import sys
from pathlib import Path

from fastgate._core.linux import memfd_create


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
