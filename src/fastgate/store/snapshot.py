"""The compiled configuration on disk: MessagePack, replaced as a whole, readable by the owner only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fastgate.domain.snapshot import SNAPSHOT_FORMAT, Snapshot


class _Head(msgspec.Struct):
    """What every format has, so that another one is named and not misread."""

    format: int = 0


_head = msgspec.msgpack.Decoder(_Head)
_body = msgspec.msgpack.Decoder(Snapshot)
_encoder = msgspec.msgpack.Encoder()


def encode(snapshot: Snapshot) -> bytes:
    """The content of the file. Equal bytes are equal configurations, with everything in the same order."""
    return _encoder.encode(snapshot)


@contextmanager
def replacing(path: Path, snapshot: Snapshot) -> Iterator[None]:
    """Write the new file on entry, and put it in place on exit: what can fail fails on entry.

    A reader sees the old snapshot or the new one; where the body raises, the old one stays. OSError, and
    ValueError for what has no form on disk.
    """
    data = encode(snapshot)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: Path) -> Snapshot:
    """Raises OSError where there is none, and ValueError where this version cannot read it."""
    data = path.read_bytes()
    try:
        found = _head.decode(data).format
        if found != SNAPSHOT_FORMAT:
            raise ValueError(f"{path}: snapshot of format {found}, this version reads {SNAPSHOT_FORMAT}")
        return _body.decode(data)
    except msgspec.DecodeError as exc:
        raise ValueError(f"{path}: not a snapshot: {exc}") from exc
