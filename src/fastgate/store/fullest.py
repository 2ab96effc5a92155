"""Which budgets have a gauge each: the control process says so, and who answers a scrape reads them."""

import os
from pathlib import Path
from typing import Final

import msgspec


class Watched(msgspec.Struct, frozen=True, array_like=True):
    """A budget by its line in the accounts file."""

    line: int
    level: str
    owner: str
    period: str


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """All other budgets of a level together, nano-USD, as they were when this was written."""

    level: str
    limit: int
    spent: int


class Fullest(msgspec.Struct, frozen=True, array_like=True):
    watched: tuple[Watched, ...] = ()
    rest: tuple[Rest, ...] = ()


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Fullest).decode


def write(path: Path, fullest: Fullest) -> None:
    """Replaced as a whole. OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(_encode(fullest))
    os.replace(temporary, path)


def read(path: Path) -> Fullest:
    """Empty until the first is written. OSError; ValueError: not of this version."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Fullest()
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from None
