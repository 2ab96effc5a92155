"""The suite's own programs in Go: the load generator, the simulated provider, the reference gateway."""

from pathlib import Path
from typing import Final

PROGRAMS: Final = Path(__file__).parents[2] / "build/bench"


def not_built(name: str) -> str | None:
    """What is missing to run one of them."""
    return (
        None
        if (PROGRAMS / name).exists()
        else f"build/bench/{name} is not built (make bench-programs; needs go)"
    )
