"""Names that a mistyped one may have meant, fast enough for a hostile client to ask for a thousand."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

_LEAST_LIKENESS: Final = 0.35


class Suggester:
    """Compares by shared trigrams (Dice's coefficient), by way of an index from trigrams to names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._sizes: list[int] = []
        self._index: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            trigrams = _trigrams(name)
            self._sizes.append(len(trigrams))
            for trigram in trigrams:
                self._index.setdefault(trigram, []).append(number)

    def similar(self, name: str) -> Iterator[str]:
        """Known names, the most similar first."""
        trigrams = _trigrams(name)
        shared: Counter[int] = Counter()
        for trigram in trigrams:
            shared.update(self._index.get(trigram, ()))
        scores = [
            (2 * count / (len(trigrams) + self._sizes[number]), -number) for number, count in shared.items()
        ]
        for score, negative in sorted(scores, reverse=True):
            if score < _LEAST_LIKENESS:
                return
            yield self._names[-negative]


def _trigrams(name: str) -> set[str]:
    padded = f"  {name.lower()} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}
