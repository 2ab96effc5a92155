"""A shared file mapping: created atomically, never sparse, locked by a lock that dies with its holder.

A file that may grow has address space reserved for it, so that no address ever changes: what is behind the
end of the file is mapped as well, becomes usable when the file grows, and must not be touched before.
"""

cimport cython
from libc.errno cimport EFBIG, EINTR, errno
from libc.stdint cimport int64_t
from posix.fcntl cimport F_SETLKW, F_UNLCK, F_WRLCK, fcntl, flock
from posix.mman cimport (
    MAP_FAILED,
    MAP_SHARED,
    POSIX_MADV_RANDOM,
    PROT_READ,
    PROT_WRITE,
    mmap,
    munmap,
    posix_madvise,
)
from posix.unistd cimport SEEK_SET, close as close_descriptor

import os

# Only this module makes one: a mapping without a file behind it must not exist.
cdef object _CREATED_HERE = object()


@cython.final
cdef class MappedFile:
    """A file mapped into memory and shared between processes; made and used by the modules of _core only."""

    def __cinit__(self, token=None):
        self.words = NULL
        self.fd = -1
        if token is not _CREATED_HERE:
            raise TypeError("a MappedFile is made by the modules of _core only")

    def __dealloc__(self):
        self.close()

    @staticmethod
    cdef MappedFile create(str path, size_t size, bytes header, size_t reserve=0):
        """Put a file of `size` bytes, `header` and zeros, in place of whatever was at `path`. OSError.

        It may grow to `reserve` bytes.
        """
        cdef MappedFile self = MappedFile.__new__(MappedFile, _CREATED_HERE)
        fresh = f"{path}.{os.urandom(8).hex()}"
        self.fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # Reserved now: on a full disk a hole would raise SIGBUS at the first write, much later.
            os.posix_fallocate(self.fd, 0, size)
            os.pwrite(self.fd, header, 0)
            _map(self, size, True, reserve)
            os.rename(fresh, path)
        except BaseException:
            os.unlink(fresh)
            raise
        return self

    @staticmethod
    cdef MappedFile open(str path, bint writable, size_t reserve=0):
        """Map an existing file as it is. OSError; ValueError if it is empty or not made of 64-bit words."""
        cdef MappedFile self = MappedFile.__new__(MappedFile, _CREATED_HERE)
        self.fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        cdef size_t size = os.fstat(self.fd).st_size
        if size == 0 or size % sizeof(int64_t) != 0:
            raise ValueError(f"{path}: {size} bytes, not a fastgate file or a truncated one")
        _map(self, size, writable, reserve)
        return self

    cdef int grow(self, size_t size) except -1:
        """Append zeros up to `size` bytes. One process at a time. OSError: nothing is changed."""
        if size > self.reserved:
            raise OSError(EFBIG, f"a file of {size} bytes is more than it may grow to")
        try:
            os.posix_fallocate(self.fd, self.size, size - self.size)
        except OSError:
            os.ftruncate(self.fd, self.size)
            raise
        self.size = size
        return 0

    cdef int follow(self, size_t size) except -1:
        """Another process says that it has grown the file to `size` bytes. ValueError: it has not."""
        if size > self.reserved or <size_t>os.fstat(self.fd).st_size < size:
            raise ValueError(f"the file has not the {size} bytes that it says: damaged or truncated")
        self.size = size
        return 0

    cdef void scattered(self) noexcept:
        """Pages are touched here and there: those around one are not to be mapped with it."""
        posix_madvise(self.words, self.reserved, POSIX_MADV_RANDOM)

    cdef int lock(self) except -1:
        """Wait for the file's only lock. Not re-entrant; the kernel drops it when the process dies."""
        return _lock(self.fd, F_WRLCK)

    cdef int unlock(self) except -1:
        return _lock(self.fd, F_UNLCK)

    cdef void close(self) noexcept:
        if self.words != NULL:
            munmap(self.words, self.reserved)
            self.words = NULL
        if self.fd >= 0:
            close_descriptor(self.fd)
            self.fd = -1


cdef int _map(MappedFile file, size_t size, bint writable, size_t reserve) except -1:
    cdef int access = PROT_READ | PROT_WRITE if writable else PROT_READ
    cdef size_t reserved = max(size, reserve)
    cdef void *address = mmap(NULL, reserved, access, MAP_SHARED, file.fd, 0)
    if address == MAP_FAILED:
        raise OSError(errno, os.strerror(errno))
    file.words = <int64_t *>address
    file.size = size
    file.reserved = reserved
    return 0


cdef int _lock(int fd, short kind) except -1:
    # A record lock, not flock(): it belongs to the process, so a forked child does not share it.
    # The threads of one process are kept apart by the GIL, which is held from lock to unlock.
    cdef flock request
    request.l_type = kind
    request.l_whence = SEEK_SET
    request.l_start = 0
    request.l_len = 0
    while fcntl(fd, F_SETLKW, &request) != 0:
        if errno != EINTR:
            raise OSError(errno, os.strerror(errno))
    return 0
