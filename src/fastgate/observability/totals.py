"""The sum of all processes' metrics files."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastgate._core.metrics import COUNTER, GAUGE, HISTOGRAM, MetricsFile
from fastgate.observability.catalogue import OTHER, Kind, Metric
from fastgate.observability.metrics import SUFFIX, parse_entry_name

if TYPE_CHECKING:
    from fastgate._core.metrics import Exemplar, MetricEntry

_KIND_IN_FILE: Final = {Kind.COUNTER: COUNTER, Kind.GAUGE: GAUGE, Kind.HISTOGRAM: HISTOGRAM}


class Total:
    """One series. `values` are a single one, or a histogram's sum and the counts of its buckets."""

    __slots__ = ("exemplars", "values")

    def __init__(self, values: tuple[int, ...], exemplars: "tuple[Exemplar | None, ...]") -> None:
        self.values = values
        self.exemplars = exemplars

    def add(self, values: tuple[int, ...], exemplars: "tuple[Exemplar | None, ...]") -> None:
        self.values = tuple(one + other for one, other in zip(self.values, values, strict=True))
        self.exemplars = tuple(map(_newer, self.exemplars, exemplars))


class Totals:
    """`skipped` counts the files that could not be read whole: torn, foreign, or just replaced."""

    def __init__(self, directory: Path) -> None:
        self._series: dict[str, dict[tuple[str, ...], Total]] = {}
        self.skipped = 0
        for path in sorted(directory.glob("*" + SUFFIX)):
            try:
                entries = MetricsFile(str(path), 0, False).entries()
            except (ValueError, OSError):
                self.skipped += 1
                continue
            known = [self._add(entry) for entry in entries]
            self.skipped += not all(known)

    def series(self, metric: Metric) -> Iterator[tuple[tuple[str, ...], Total]]:
        """Label values and totals, in order. A reserved series that has counted nothing is left out."""
        reserved = (OTHER,) * len(metric.labels)
        series = self._series.get(metric.name, {})
        for labels in sorted(series):
            total = series[labels]
            if labels != reserved or not labels or any(total.values):
                yield labels, total

    def _add(self, entry: "MetricEntry") -> bool:
        name, kind, values, bounds, exemplars = entry
        try:
            metric, labels = parse_entry_name(name)
        except ValueError:
            return False
        if kind != _KIND_IN_FILE[metric.kind] or bounds != metric.buckets:
            return False
        series = self._series.setdefault(metric.name, {})
        if labels in series:
            series[labels].add(values, exemplars)
        else:
            series[labels] = Total(values, exemplars)
        return True


def _newer(one: "Exemplar | None", other: "Exemplar | None") -> "Exemplar | None":
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda exemplar: exemplar[2])
