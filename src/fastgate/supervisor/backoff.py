"""How long to wait before a dead process is started again."""

FIRST_S = 0.5
MAX_S = 30.0
# A process that has lived this long has not died of what killed its predecessors.
HEALTHY_S = 30.0


class Backoff:
    """At once after a healthy life, then 0.5 s, 1 s, 2 s … 30 s while it keeps dying young."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def delay_s(self, lived_s: float) -> float:
        """The wait after a process that lived so long."""
        if lived_s >= HEALTHY_S:
            self._next_s = 0.0
        delay = self._next_s
        self._next_s = min(max(delay * 2, FIRST_S), MAX_S)
        return delay
