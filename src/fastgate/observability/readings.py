"""Values of gauges that are in no file: read from shared state while a scrape is answered."""

from collections.abc import Iterator
from typing import NamedTuple

from fastgate.observability.catalogue import Metric


class Reading(NamedTuple):
    """The value of a scraped gauge, in the unit of its name."""

    metric: Metric
    labels: tuple[str, ...]
    value: float


def state_readings(
    metric: Metric, labels: tuple[str, ...], states: tuple[str, ...], current: str
) -> Iterator[Reading]:
    """One reading for each of `states`, 1 for the current one. The label `state` is the last."""
    for state in states:
        yield Reading(metric, (*labels, state), float(state == current))
