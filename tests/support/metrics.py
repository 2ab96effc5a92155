"""A scrape of `/metrics` as values that tests can compare."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Scrape:
    """Samples by name and labels. Labels that a test doesn't name are summed over."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels; 0 where there is none."""
        return sum((sample.value for sample in self.samples(name, **labels)), start=0.0)

    def samples(self, name: str, **labels: str) -> Iterator[Sample]:
        for sample in self._samples.get(name, ()):
            if labels.items() <= sample.labels.items():
                yield sample

    def names(self) -> set[str]:
        return set(self._samples)

    def since(self, before: "Scrape") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What has changed: (name, labels) → difference."""
        then, now = before._flat(), self._flat()
        changes = {key: value - then.get(key, 0.0) for key, value in now.items()}
        return {key: change for key, change in changes.items() if change}

    def _flat(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for samples in self._samples.values()
            for sample in samples
        }
