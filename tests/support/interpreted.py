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


sys.meta_path.insert(0, _Sources())
