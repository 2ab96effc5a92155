"""`fastgate serve`: what has to be right before a process is started, and then the gateway."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import uvloop

from fastgate.config.load import load
from fastgate.config.settings import Settings
from fastgate.errors import ConfigError
from fastgate.observability import log
from fastgate.store.data_dir import DataDir
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.gateway import Gateway
from fastgate.supervisor.lock import Lock


def serve(config_path: Path | None, overrides: Mapping[str, str]) -> int:
    """Serve until told to stop; the result is the exit code. What is wrong goes to standard error.

    `overrides` are environment variables (`FASTGATE_SERVER__PORT`) that win over those that are set.
    """
    os.environ.update(overrides)
    try:
        return _serve(load(config_path, os.environ), config_path)
    except (ConfigError, StartError) as exc:
        log.flush()
        sys.stderr.write("".join(f"fastgate: {line}\n" for line in str(exc).splitlines()))
        return 1


def _serve(settings: Settings, config_path: Path | None) -> int:
    try:
        log.configure(settings.logging.level, settings.logging.file, "supervisor")
    except OSError as exc:
        raise StartError(f"logging.file: cannot open {settings.logging.file}: {exc.strerror}") from exc
    data_dir = DataDir(Path(settings.data_dir).absolute())
    try:
        data_dir.create()
    except OSError as exc:
        raise StartError(f"data_dir: cannot use {data_dir.path}: {exc.strerror}") from exc
    lock = Lock(data_dir.lock)
    try:
        return uvloop.run(Gateway(settings, config_path, data_dir, lock).run())
    finally:
        lock.close()
