"""Resident memory of processes, from /proc, and what this one allocates."""

import os
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024 * 1024
_PRIVATE = {"Private_Clean", "Private_Dirty"}
_SHARED = {"Shared_Clean", "Shared_Dirty"}


def rss(pid: int) -> int:
    """Bytes, pages that it shares with others included."""
    return sum(size for _, private, shared in _mappings(pid) for size in (private, shared))


def rss_together(pids: Iterable[int]) -> int:
    """Bytes of all, with a page that several of them share counted once: what a container is charged for.

    The interpreter and its libraries are mapped by each process, and are in memory once.
    """
    total = 0
    of_files: dict[str, int] = {}
    for pid in pids:
        for file, private, shared in _mappings(pid):
            total += private
            if file:
                of_files[file] = max(of_files.get(file, 0), shared)
            else:
                total += shared
    return total + sum(of_files.values())


def rss_of_file(path: Path) -> int:
    """Bytes of a file that this process has mapped and touched."""
    inode = f" {path.stat().st_ino} "
    return sum(private + shared for file, private, shared in _mappings(os.getpid()) if inode in file)


@contextmanager
def peak_of_allocations() -> Iterator[Callable[[], int]]:
    """The most bytes that Python objects took at once within, beyond what they took before."""
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        peak = 0
        yield lambda: peak
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()


def _mappings(pid: int) -> list[tuple[str, int, int]]:
    """(part of a file, or "" where there is none; private bytes; shared bytes) of each mapping."""
    found: list[tuple[str, int, int]] = []
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            _, offset, device, inode, *_ = rest
            found.append(("" if inode == "0" else f"{device} {inode} {offset}", 0, 0))
            continue
        file, private, shared = found[-1]
        if first[:-1] in _PRIVATE:
            found[-1] = (file, private + int(rest[0]) * 1024, shared)
        elif first[:-1] in _SHARED:
            found[-1] = (file, private, shared + int(rest[0]) * 1024)
    return found
