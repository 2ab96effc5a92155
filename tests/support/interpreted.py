"""Makes this process run the sources of compiled modules, since a compiled function refuses the stand-ins
that tests give it. Gateways that tests start are processes of their own, and run what is compiled.
"""

import sys
import tomllib
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).parents[2]
COMPILED: Final[list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["fastgate"][
    "compiled"
]


class _Sources(MetaPathFinder):
    def __init__(self) -> None:
        self._paths = {
            path.removeprefix("src/").removesuffix(".py").replace("/", "."): ROOT / path for path in COMPILED
        }

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = self._paths.get(fullname)
        return None if source is None else spec_from_file_location(fullname, source)


def _refuse_what_is_stale() -> None:
    """Tests of an older build would pass whatever the sources say. The stamp is make's."""
    stamp = Path(sys.prefix, ".core-release")
    if stamp.exists():
        built = stamp.stat().st_mtime
        stale = [path for path in COMPILED if (ROOT / path).stat().st_mtime > built]
        if stale:
            raise RuntimeError(f"newer than what is compiled of it: {', '.join(stale[:3])}; run make build")


_refuse_what_is_stale()
sys.meta_path.insert(0, _Sources())
