"""The configuration that `serve` starts with: checked at once, compiled in a process of its own.

Light, since the start waits for it: the compilers and the price data are imported where they are used.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from fastgate.config.load import check, usable
from fastgate.config.place import config_file
from fastgate.config.settings import Settings
from fastgate.control.watch import stamp


def load(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings, Callable[[], bytes]]:
    """The settings, and what compiles them for `handover`: into nothing, where something may have to stand in
    for what they do not give. ConfigError lists every error, a line each."""
    file = config_file(path, environ)
    read = None if file is None else stamp(file)
    checked, found = check(path, environ)
    settings = usable(checked, found)

    def handed() -> bytes:
        from fastgate.control import handover
        from fastgate.control.compile import compile_checked
        from fastgate.control.complete import is_complete
        from fastgate.launch import Embedded

        if not is_complete(settings):
            return b""
        result = compile_checked(settings, found, Embedded(), settings.data_dir, environ)
        return handover.encode(handover.Handover(read, result))

    return settings, handed
