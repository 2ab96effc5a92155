"""Where the gateway is that a command is about, and what it is configured to be."""

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastgate.cli.errors import CommandError

if TYPE_CHECKING:
    from fastgate.config.settings import Settings


def load_settings(config: Path | None) -> "Settings":
    """The configuration, checked whole. Raises ConfigError."""
    from fastgate.config.load import load

    return load(config, os.environ)


def find_data_dir(config: Path | None, data_dir: Path | None) -> Path:
    """The directory of the gateway's files: as given, or as the configuration says.

    Looks at that one setting only: a key must be revocable from a terminal that lacks the gateway's
    secrets, and while somebody edits the file. Raises ConfigError or CommandError.
    """
    if data_dir is not None:
        return data_dir
    from fastgate.config import environment, yaml_source
    from fastgate.config.diagnostics import Report
    from fastgate.config.interpolate import expand
    from fastgate.config.place import CONFIG_YAML, config_file
    from fastgate.config.settings import Settings

    file = config_file(config, os.environ)
    source = CONFIG_YAML if file is None else str(file)
    unclear = CommandError(f"{source} does not say where the gateway's files are: give --data-dir")
    ignored = Report()
    try:
        text = os.environ.get(source, "") if file is None else file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise unclear from None
    tree = yaml_source.parse(text, source, ignored)
    if tree is None or not isinstance(tree.value, dict | None):
        raise unclear
    if tree.value is None:
        tree.value = {}
    environment.overlay(tree, os.environ, ignored)
    written = tree.value.get("data_dir")
    if written is None:
        return Path(Settings().data_dir)
    if not isinstance(written.value, str):
        raise unclear
    return Path(expand(written.value, os.environ))


def in_use(data_dir: Path) -> bool:
    """Whether processes of a gateway hold the lock of the directory."""
    from fastgate.store.data_dir import DataDir

    try:
        with open(DataDir(data_dir).lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
