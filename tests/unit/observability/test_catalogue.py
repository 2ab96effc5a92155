"""The catalogue keeps Prometheus's conventions, and is what `Metrics` offers."""

import re
from pathlib import Path

import pytest

from fastgate.observability import catalogue
from fastgate.observability.catalogue import CATALOGUE, LABELS, Kind, Metric
from fastgate.observability.metrics import Family, Metrics


def names(metric: Metric) -> str:
    return metric.name


@pytest.mark.parametrize("metric", CATALOGUE, ids=names)
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"fastgate_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.doc.endswith(".")
    assert metric.scraped <= (metric.kind is Kind.GAUGE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=names)
def test_a_histogram_has_ascending_buckets_and_a_unit(metric: Metric) -> None:
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    if metric.buckets:
        assert metric.unit in {"seconds", "usd"}


def test_the_unit_is_read_off_the_name() -> None:
    assert catalogue.DOWNSTREAM_SENT_BYTES.unit == "bytes"
    assert catalogue.OVERHEAD.unit == "seconds"
    assert catalogue.INPUT_TOKENS.unit == ""


def test_names_are_unique() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_every_label_is_documented_and_used() -> None:
    assert {label for metric in CATALOGUE for label in metric.labels} == set(LABELS)


def test_overhead_is_fine_from_25_microseconds_up() -> None:
    assert catalogue.OVERHEAD.buckets[0] == 25_000
    assert sum(bound < 1_000_000 for bound in catalogue.OVERHEAD.buckets) >= 5


def test_processes_offer_each_metric_that_is_not_scraped_once(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    families = [value for value in vars(metrics).values() if isinstance(value, Family)]
    offered = sorted(family.metric.name for family in families)
    assert offered == sorted(metric.name for metric in CATALOGUE if not metric.scraped)


def test_an_attribute_is_named_as_its_metric(tmp_path: Path) -> None:
    for attribute, value in vars(Metrics(tmp_path, "worker-1", 100)).items():
        if isinstance(value, Family):
            assert value.metric is getattr(catalogue, attribute.upper())
