"""What fastgate._core.literals has to do."""

from collections.abc import Sequence


def present(literals: Sequence[bytes], data: bytes) -> int:
    return sum(1 << i for i, literal in enumerate(literals) if literal in data)
