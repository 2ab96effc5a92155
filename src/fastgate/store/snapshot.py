"""The compiled configuration on disk: MessagePack, replaced as a whole, readable by the owner only."""

import os
from pathlib import Path

import msgspec

from fastgate.domain.snapshot import SNAPSHOT_FORMAT, Snapshot


class _Head(msgspec.Struct):
    """What every format has, so that another one is named and not misread."""

    format: int = 0


_head = msgspec.msgpack.Decoder(_Head)
_body = msgspec.msgpack.Decoder(Snapshot)
_encoder = msgspec.msgpack.Encoder()


def write(path: Path, snapshot: Snapshot) -> None:
    """Replace the file atomically: a reader sees the old snapshot or the new one. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(_encoder.encode(snapshot))
            file.flush()
            os.fsync(file.fileno())
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
