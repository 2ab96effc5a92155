"""Runs a command under what a systemd unit says of system calls, sockets, memory and capabilities.

    python unit_sandbox.py UNIT COMMAND…

No systemd is needed: these restrictions are what a process can lay on itself. The views of the file system
and of devices are left out. What the unit forbids fails as it does there.
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path
from shutil import which
from typing import Any, Final

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000  # with the error in its lower half
_EQUAL: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_MDWE: Final = 65  # Linux 6.3
_REFUSE_EXEC_GAIN: Final = 1
_CAPABILITIES: Final = 64


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("unused", ctypes.c_uint64),
    )


def is_possible() -> bool:
    """Whether this machine has the kernel (6.3) and the library for it."""
    kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
    return kernel >= (6, 3) and find_library("seccomp") is not None and which("systemd-analyze") is not None


def settings(unit: Path, name: str) -> list[str]:
    """Each value that the unit gives to the setting, in order."""
    lines = (line.partition("=") for line in unit.read_text().splitlines())
    return [value for key, _, value in lines if key == name]


def allowed_calls(unit: Path) -> set[str]:
    """Names of system calls, of all architectures."""
    allowed: set[str] = set()
    for value in settings(unit, "SystemCallFilter"):
        named = {call for name in value.removeprefix("~").split() for call in _expanded(name)}
        allowed = allowed - named if value.startswith("~") else allowed | named
    # systemd always leaves a process what it needs to begin and to end.
    return allowed | _expanded("@default")


def _expanded(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", name]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    names = [line.strip() for line in listed]
    return {call for each in names if each and not each.startswith("#") for call in _expanded(each)}


def _restrict(unit: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if settings(unit, "MemoryDenyWriteExecute") == ["yes"]:
        _done(libc.prctl(_PR_SET_MDWE, _REFUSE_EXEC_GAIN, 0, 0, 0))
    if settings(unit, "CapabilityBoundingSet") == [""]:
        for capability in range(_CAPABILITIES):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that the kernel does not have
    if settings(unit, "NoNewPrivileges") == ["yes"]:
        _done(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _load_filter(unit)


def _load_filter(unit: Path) -> None:
    seccomp: Any = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(_ERRNO | errno.EPERM))
    numbers = {call: seccomp.seccomp_syscall_resolve_name(call.encode()) for call in allowed_calls(unit)}
    for call, number in numbers.items():
        if number >= 0 and call != "socket":
            _done(seccomp.seccomp_rule_add(context, _ALLOW, number, 0))
    (families,) = settings(unit, "RestrictAddressFamilies")
    for family in families.split():
        only = _Comparison(0, _EQUAL, getattr(socket, family), 0)
        _done(seccomp.seccomp_rule_add_array(context, _ALLOW, numbers["socket"], 1, ctypes.byref(only)))
    _done(seccomp.seccomp_load(context))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"a restriction was refused ({result})")


if __name__ == "__main__":
    _restrict(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
