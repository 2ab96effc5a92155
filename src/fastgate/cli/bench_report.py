"""What `fastgate bench` tells: a table, or the same as an object."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastgate.cli.bench_load import Measured
from fastgate.cli.output import note, print_table

_QUANTILES: Final = (("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999))  # of a thousand
_MS: Final = 1e6


def as_object(measured: Measured) -> dict[str, Any]:
    """Times in milliseconds; a quantile is null where there are too few calls to tell it."""
    answered, seconds = len(measured.latencies_ns), measured.elapsed_ns / 1e9
    return {
        "url": measured.target.url,
        "stream": measured.target.stream,
        "connections": measured.connections,
        "seconds": round(seconds, 3),
        "answered": answered,
        "failures": dict(sorted(measured.failures.items())),
        "answers_per_s": round(answered / seconds, 2) if seconds else 0.0,
        "chunks": measured.chunks,
        **{name: _times(values) for name, values in _series(measured)},
    }


def show(measured: Measured) -> None:
    """The table on standard output; how many calls, and what failed, beside it."""
    answered, seconds = len(measured.latencies_ns), measured.elapsed_ns / 1e9
    rate = answered / seconds if seconds else 0.0
    note(f"{answered:,} answers in {seconds:.1f} s, {rate:,.1f} a second, {measured.connections} connections")
    if measured.target.stream:
        note(f"{measured.chunks:,} chunks with content")
    for kind, number in measured.failures.most_common():
        note(f"{number:,} failed: {kind}")
    columns = ("MILLISECONDS", *(name.upper() for name, _ in _QUANTILES), "MAX", "MEAN")
    rows = (
        (name.removesuffix("_ms").replace("_", " "), _times(values)) for name, values in _series(measured)
    )
    print_table(columns, ((name, *map(_cell, times.values())) for name, times in rows))


def _series(measured: Measured) -> Iterator[tuple[str, Sequence[int]]]:
    if measured.target.stream:
        yield "first_content_ms", measured.first_contents_ns
        yield "between_chunks_ms", measured.gaps_ns
        yield "whole_answer_ms", measured.latencies_ns
    else:
        yield "answer_ms", measured.latencies_ns


def _times(values_ns: Sequence[int]) -> dict[str, float | None]:
    ordered = sorted(values_ns)
    times = {name: _quantile(ordered, part) for name, part in _QUANTILES}
    times["max"] = ordered[-1] / _MS if ordered else None
    times["mean"] = sum(ordered) / len(ordered) / _MS if ordered else None
    return {name: None if time is None else round(time, 3) for name, time in times.items()}


def _quantile(ordered: Sequence[int], part: int) -> float | None:
    """Nearest rank. With fewer values than it takes for one to lie beyond it, nothing is known of it."""
    if len(ordered) * (1000 - part) < 1000:
        return None
    return ordered[len(ordered) * part // 1000] / _MS


def _cell(time: float | None) -> str:
    return "-" if time is None else f"{time:,.3f}"
