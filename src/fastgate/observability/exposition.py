"""What a scrape is answered with: the sum of all processes, in either of Prometheus's formats."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from fastgate.observability.readings import Reading

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: bytes | None) -> bool:
    """Whether an Accept header names OpenMetrics, as Prometheus's does: the format that has exemplars."""
    return any(
        media.split(b";")[0].strip().lower() == b"application/openmetrics-text"
        for media in (accept or b"").split(b",")
    )


def render(
    directory: Path, gauges: Callable[[], Iterable[Reading]] | None, openmetrics: bool
) -> tuple[bytes, str]:
    """The body and its content type. `gauges` reads the scraped gauges of the catalogue.

    With thousands of series this takes longer than an event loop may stand still: call it in a thread.
    """
    # Imported with the first scrape: this library is a megabyte or two that other workers save.
    from prometheus_client.exposition import generate_latest as text
    from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

    from fastgate.observability.collector import Collector

    collector = Collector(directory, gauges)
    if openmetrics:
        body: bytes = openmetrics_text(collector)  # type: ignore[no-untyped-call]  # it has no annotations
        return body, OPENMETRICS
    return text(collector), TEXT
