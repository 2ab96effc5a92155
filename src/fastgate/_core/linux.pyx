"""System calls that `os` lacks where Python was built for an older libc, as those are that uv installs."""

from libc.errno cimport errno

import os

cdef extern from "syscalls.h" nogil:
    const long SYS_memfd_create
    const long SYS_pidfd_open
    long syscall(long number, ...)


def memfd_create(str name not None):
    """memfd_create(2): an inheritable descriptor of a file that is nowhere but in memory. OSError."""
    cdef bytes encoded = name.encode()
    return _checked(syscall(SYS_memfd_create, <const char *>encoded, <unsigned int>0))


def pidfd_open(int pid):
    """pidfd_open(2): becomes readable when that process ends; not inheritable. OSError."""
    return _checked(syscall(SYS_pidfd_open, pid, <unsigned int>0))


cdef int _checked(long result) except -1:
    if result < 0:
        raise OSError(errno, os.strerror(errno))
    return <int>result
