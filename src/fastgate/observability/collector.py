"""The totals in prometheus_client's terms. Imported by `exposition` only, with the first scrape."""

import platform
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.samples import Exemplar

from fastgate import __version__
from fastgate.observability import catalogue
from fastgate.observability.catalogue import CATALOGUE, Kind, Metric
from fastgate.observability.readings import Reading
from fastgate.observability.totals import Totals

if TYPE_CHECKING:
    from fastgate._core.metrics import Exemplar as KeptExemplar


class Collector:
    """Implements prometheus_client's Collector for one scrape."""

    def __init__(self, directory: Path, gauges: Callable[[], Iterable[Reading]] | None) -> None:
        self._directory = directory
        self._gauges = gauges

    def collect(self) -> Iterator[MetricFamily]:
        totals = Totals(self._directory)
        readings = list(self._readings(totals.skipped))
        for metric in CATALOGUE:
            if metric.scraped:
                yield _readings_family(metric, [r for r in readings if r.metric is metric])
            else:
                yield _FAMILIES[metric.kind](metric, totals)

    def _readings(self, skipped: int) -> Iterator[Reading]:
        yield Reading(catalogue.BUILD_INFO, (__version__, platform.python_version()), 1)
        yield Reading(catalogue.METRICS_FILES_SKIPPED, (), skipped)
        if self._gauges is not None:
            for reading in self._gauges():
                if not reading.metric.scraped:
                    raise ValueError(f"{reading.metric.name} is no scraped gauge")
                yield reading


def _readings_family(metric: Metric, readings: list[Reading]) -> MetricFamily:
    family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels, unit=metric.unit)
    for reading in readings:
        family.add_metric(reading.labels, reading.value)
    return family


def _counter_family(metric: Metric, totals: Totals) -> MetricFamily:
    family = CounterMetricFamily(metric.name, metric.doc, labels=metric.labels, unit=metric.unit)
    scale = _scale(metric)
    for labels, total in totals.series(metric):
        family.add_metric(labels, total.values[0] if scale == 1 else total.values[0] / scale)
    return family


def _gauge_family(metric: Metric, totals: Totals) -> MetricFamily:
    scale = _scale(metric)
    family = GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels, unit=metric.unit)
    for labels, total in totals.series(metric):
        family.add_metric(labels, total.values[0] / scale)
    return family


def _histogram_family(metric: Metric, totals: Totals) -> MetricFamily:
    scale = _scale(metric)
    bounds = [*(repr(bound / scale) for bound in metric.buckets), "+Inf"]
    family = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels, unit=metric.unit)
    for labels, total in totals.series(metric):
        sum_, *counts = total.values
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = [
            (bound, count) if kept is None else (bound, count, _exemplar(kept, scale))
            for bound, count, kept in zip(bounds, accumulate(counts), total.exemplars, strict=True)
        ]
        family.add_metric(labels, buckets, sum_ / scale)
    return family


def _exemplar(kept: "KeptExemplar", scale: int) -> Exemplar:
    request_id, value, timestamp_ms = kept
    text = request_id.decode("utf-8", "replace")
    return Exemplar({"request_id": text}, value / scale, timestamp_ms / 1_000)


def _scale(metric: Metric) -> int:
    return 1_000_000_000 if metric.unit in {"seconds", "usd"} else 1


_FAMILIES: Final = {
    Kind.COUNTER: _counter_family,
    Kind.GAUGE: _gauge_family,
    Kind.HISTOGRAM: _histogram_family,
}
