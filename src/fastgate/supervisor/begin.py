"""From the command to the supervisor: the configuration is loaded here, and the rest runs without its loader.

A supervisor lives as long as the gateway, so it keeps none of what only starting takes: YAML, the
catalogue of models, the command line. The process becomes a leaner one (`exec`); the settings, which may
hold secrets, reach it by a pipe. Meanwhile a process of its own compiles them for the control process.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from fastgate.config.settings import Settings
from fastgate.launch import program

# Of the C library, in the gateway's processes. What is larger than this is a mapping of its own: a large
# body grows without being copied, and its memory is given back when it is done with. By default the limit
# rises to 32 MiB with the first such body. The second is what `free` keeps, as it would be by default then.
_ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "2097152"}


Load = Callable[[Path | None, Mapping[str, str]], tuple[Settings, Callable[[], bytes]]]
"""From a configuration file and the environment to the settings, and what compiles them for the control
process. ConfigError."""


def begin(config_path: Path | None, overrides: Mapping[str, str], load: Load, *, replace: bool) -> NoReturn:
    """Become the supervisor. ConfigError where the configuration cannot be used.

    `overrides` are environment variables (`FASTGATE_SERVER__PORT`) that win over those that are set. With
    `replace` it takes the place of the gateway that runs on the data directory.
    """
    gc.disable()  # nearly all that is made is kept, until nothing is
    # Until the gateway obeys them: what they ask for is done at the start anyway, and their default is death.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.environ.update(overrides)
    for name, value in _ALLOCATOR.items():
        os.environ.setdefault(name, value)
    settings, handed = load(config_path, os.environ)
    fds = beside(lambda: msgspec.msgpack.encode(_supervised(settings))), beside(handed)
    path = "" if config_path is None else str(config_path)
    command = program(
        "fastgate.supervisor", *map(str, fds), "replace" if replace else "", path, *_this_command()
    )
    os.execv(command[0], command)  # noqa: S606  # a fixed program, no shell


def _this_command() -> list[str]:
    """What this process was started by, so that its successor can be."""
    # The single binary says where it lies, since a newer one may lie there by then: see deploy/binary.
    if binary := sys._xoptions.get("fastgate"):
        return [str(binary), *sys.argv[1:]]
    return [sys.executable, *sys.orig_argv[1:]]


def beside(work: Callable[[], bytes]) -> int:
    """The inheritable end of a pipe that a process of its own writes to: the result of `work`, or nothing
    where that fails. Whoever reads nothing does the work, and has somewhere to say why it cannot be done."""
    readable, writable = os.pipe()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os.close(writable)
        os.set_inheritable(readable, True)
        return readable
    # The supervisor knows only those that it has started, so this must not become a child of it.
    try:
        if not os.fork():
            os.close(readable)
            with open(writable, "wb") as pipe:
                pipe.write(work())
    finally:
        os._exit(os.EX_OK)


def _supervised(settings: Settings) -> Settings:
    """Without what only the control process reads, which may be hundreds of megabytes. That there is any
    virtual key counts at the start."""
    return msgspec.structs.replace(settings, virtual_keys=settings.virtual_keys[:1], customers=[], teams=[])
