"""The supervisor from its settings on: what has to be right before a process is started, then the gateway."""

import os
import sys
from pathlib import Path

import lmdb
import uvloop

from fastgate.config.settings import Settings
from fastgate.observability import log
from fastgate.store import conversations, responses
from fastgate.store.data_dir import DataDir
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.gateway import Gateway
from fastgate.supervisor.limits import raise_open_files
from fastgate.supervisor.lock import Lock


def serve(settings: Settings, handed_fd: int, config_path: Path | None) -> int:
    """Serve until told to stop; the result is the exit code. What is wrong goes to standard error.

    `handed_fd` goes to the control process: see `begin`.
    """
    try:
        return _serve(settings, handed_fd, config_path)
    except StartError as exc:
        log.flush()
        sys.stderr.write("".join(f"fastgate: {line}\n" for line in str(exc).splitlines()))
        return 1


def _serve(settings: Settings, handed_fd: int, config_path: Path | None) -> int:
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
        lock = Lock(data_dir.lock)
    except (OSError, ValueError) as exc:
        raise StartError(f"data_dir: cannot use {data_dir.path}: {_reason(exc)}") from exc
    try:
        _tidy(data_dir)
        raise_open_files()
        return uvloop.run(Gateway(settings, handed_fd, config_path, data_dir, lock).run())
    finally:
        lock.close()


def _tidy(data_dir: DataDir) -> None:
    """What has to be done while no child uses the directory."""
    try:
        data_dir.remove_leftovers()
        responses.prepare(data_dir.responses)
        conversations.prepare(data_dir.conversations)
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
