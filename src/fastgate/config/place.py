"""Where the configuration is. Light: also for processes that never read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

CONFIG: Final = "FASTGATE_CONFIG"
CONFIG_YAML: Final = "FASTGATE_CONFIG_YAML"
DEFAULT_FILE: Final = Path("fastgate.yaml")


def config_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file that is read, if one is: `path`, FASTGATE_CONFIG, or `fastgate.yaml` where it exists."""
    if path is not None:
        return path
    if name := environ.get(CONFIG):
        return Path(name)
    if environ.get(CONFIG_YAML) or not DEFAULT_FILE.exists():
        return None
    return DEFAULT_FILE
