"""What follows from the parties of a call, worked out once for many calls."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from fastgate.domain.entry import Parties

MAX_KNOWN: Final = 2_048

T = TypeVar("T")


class PerParties(Generic[T]):
    """The result of `work`, remembered for each `Parties` object: their contents are not compared."""

    def __init__(self, work: Callable[[Parties], T]) -> None:
        self._work = work
        self._known: dict[int, tuple[Parties, T]] = {}

    def of(self, parties: Parties) -> T:
        found = self._known.get(id(parties))
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            # With the object itself, so that no other one gets its id meanwhile.
            found = self._known[id(parties)] = (parties, self._work(parties))
        return found[1]

    def clear(self) -> None:
        """What `work` goes by has changed."""
        self._known.clear()
