"""The first configuration: `serve` has to read and check it, so it is not read again.

What it is compiled into comes through a pipe, whose end all processes on the way inherit, from one that does
nothing else: see `supervisor.begin`. A control process that is started again finds nothing there, and has the
configuration compiled as it is then.
"""

import struct
from typing import Final, NamedTuple

import msgspec

from fastgate.control.compiled import CompileResult, decode_result, encode_result
from fastgate.control.watch import Stamp

_LENGTH: Final = struct.Struct("=Q")


class Handover(NamedTuple):
    """`file` is the configuration file as it was read; None: there was none, or it has gone since."""

    file: Stamp | None
    result: CompileResult


class _Packed(msgspec.Struct, array_like=True):
    file: Stamp | None
    result: msgspec.Raw


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Packed).decode


def encode(handed: Handover) -> bytes:
    """What goes through the pipe."""
    data = _encode(_Packed(handed.file, msgspec.Raw(encode_result(handed.result))))
    return _LENGTH.pack(len(data)) + data


def take(fd: int) -> Handover | None:
    """What comes out of the pipe, which is closed then. Blocks until its writer has ended.

    None: nothing, or not all of it, since the writer has died or an earlier process has read the rest.
    """
    with open(fd, "rb") as pipe:
        received = pipe.read()
    head, data = received[: _LENGTH.size], received[_LENGTH.size :]
    if head != _LENGTH.pack(len(data)):
        return None
    packed = _decode(data)
    return Handover(packed.file, decode_result(packed.result))
