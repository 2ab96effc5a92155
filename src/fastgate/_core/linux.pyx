"""What `os` lacks where Python was built for an older libc, as those are that uv installs."""

from libc.errno cimport errno

import os

cdef extern from "<sys/syscall.h>" nogil:
    const long SYS_memfd_create

cdef extern from "<unistd.h>" nogil:
    long syscall(long number, ...)


def memfd_create(str name not None):
    """memfd_create(2): an inheritable descriptor of a file that is nowhere but in memory. OSError."""
    cdef bytes encoded = name.encode()
    cdef long fd = syscall(SYS_memfd_create, <const char *>encoded, <unsigned int>0)
    if fd < 0:
        raise OSError(errno, os.strerror(errno))
    return fd
