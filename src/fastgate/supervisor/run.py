"""The supervisor from its settings on: what has to be right before a process is started, then the gateway."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import lmdb
import uvloop

from fastgate import __version__
from fastgate.config.settings import Settings
from fastgate.observability import log
from fastgate.store import conversations, layout, responses
from fastgate.store.data_dir import DataDir
from fastgate.store.layout import LayoutError, Written
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.gateway import Gateway
from fastgate.supervisor.limits import raise_open_files
from fastgate.supervisor.lock import Lock
from fastgate.supervisor.predecessor import Predecessor


def serve(
    settings: Settings, handed_fd: int, config_path: Path | None, *, replace: bool, command: Sequence[str]
) -> int:
    """Serve until told to stop; the result is the exit code. What is wrong goes to standard error.

    `handed_fd` goes to the control process: see `begin`. With `replace`, take the place of the gateway that
    runs on the data directory, if there is one. `command` is how this one was started.
    """
    try:
        return _serve(settings, handed_fd, config_path, replace=replace, command=command)
    except StartError as exc:
        log.flush()
        sys.stderr.write("".join(f"fastgate: {line}\n" for line in str(exc).splitlines()))
        return 1


def _serve(
    settings: Settings, handed_fd: int, config_path: Path | None, *, replace: bool, command: Sequence[str]
) -> int:
    try:
        log.configure(settings.logging.level, settings.logging.file, "supervisor")
    except OSError as exc:
        raise StartError(f"logging.file: cannot open {settings.logging.file}: {exc.strerror}") from exc
    data_dir = DataDir(Path(settings.data_dir).absolute())
    for path in (data_dir.path, config_path):
        _check_utf8(path)
    try:
        for warning in data_dir.create():
            log.event("warning", "data directory", finding=warning)
        written = layout.check(data_dir)
        predecessor = Predecessor.find(data_dir.upgrade_socket) if replace else None
        if predecessor is not None:
            predecessor.check(settings)
        lock = Lock(data_dir.lock) if predecessor is None else Lock.shared(predecessor.lock_fd)
    except LayoutError as exc:
        raise StartError(str(exc)) from None
    except (OSError, ValueError) as exc:
        raise StartError(f"data_dir: cannot use {data_dir.path}: {_reason(exc)}") from exc
    try:
        if predecessor is None:
            _tidy(data_dir, written)
        raise_open_files()
        gateway = Gateway(
            settings, handed_fd, config_path, data_dir, lock, predecessor=predecessor, command=command
        )
        return uvloop.run(gateway.run())
    finally:
        lock.close()


def _tidy(data_dir: DataDir, written: Written | None) -> None:
    """What has to be done while no child uses the directory."""
    try:
        layout.check_journals(data_dir, written)
        layout.write(data_dir)
        if written is not None and written.fastgate != __version__:
            log.event(
                "info", "the data directory is another version's", before=written.fastgate, now=__version__
            )
        data_dir.remove_leftovers()
        responses.prepare(data_dir.responses)
        conversations.prepare(data_dir.conversations)
    except LayoutError as exc:
        raise StartError(str(exc)) from None
    except (OSError, lmdb.Error) as exc:
        raise StartError(f"data_dir: cannot use {data_dir.path}: {_reason(exc)}") from exc


def _check_utf8(path: Path | None) -> None:
    """StartError for a path that the children could not be told."""
    try:
        str(path).encode()
    except UnicodeEncodeError as exc:
        raise StartError(f"the path {os.fsencode(str(path))!r} is not UTF-8") from exc


def _reason(exc: Exception) -> str:
    return exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc)
