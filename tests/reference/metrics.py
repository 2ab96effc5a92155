"""What fastgate._core.metrics has to do, with lists in one process."""

from bisect import bisect_left
from dataclasses import dataclass

_COUNTER, _GAUGE, _HISTOGRAM = range(3)

Exemplar = tuple[bytes, int, int]
MetricEntry = tuple[bytes, int, tuple[int, ...], tuple[int, ...], tuple[Exemplar | None, ...]]


@dataclass
class _Entry:
    name: bytes
    kind: int
    bounds: tuple[int, ...]
    values: list[int]
    exemplars: list[Exemplar | None]


class MetricsFile:
    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._handles: dict[bytes, int] = {}

    def counter(self, name: bytes) -> int:
        return self._declare(_Entry(name, _COUNTER, (), [0], []))

    def gauge(self, name: bytes) -> int:
        return self._declare(_Entry(name, _GAUGE, (), [0], []))

    def histogram(self, name: bytes, bounds: tuple[int, ...]) -> int:
        if not bounds or list(bounds) != sorted(set(bounds)):
            raise ValueError(bounds)
        buckets = len(bounds) + 1
        return self._declare(_Entry(name, _HISTOGRAM, bounds, [0] * (1 + buckets), [None] * buckets))

    def add(self, handle: int, n: int) -> None:
        entry = self._entries[handle]
        if entry.kind == _HISTOGRAM or (entry.kind == _COUNTER and n < 0):
            raise ValueError(handle)
        entry.values[0] += n

    def set(self, handle: int, value: int) -> None:
        if self._entries[handle].kind != _GAUGE:
            raise ValueError(handle)
        self._entries[handle].values[0] = value

    def get(self, handle: int) -> int:
        if self._entries[handle].kind == _HISTOGRAM:
            raise ValueError(handle)
        return self._entries[handle].values[0]

    def observe(self, handle: int, value: int, exemplar: bytes = b"", timestamp_ms: int = 0) -> None:
        entry = self._entries[handle]
        if entry.kind != _HISTOGRAM:
            raise ValueError(handle)
        bucket = bisect_left(entry.bounds, value)
        entry.values[0] += value
        entry.values[1 + bucket] += 1
        if 0 < len(exemplar) <= 36:
            entry.exemplars[bucket] = (exemplar, value, timestamp_ms)

    def zero_gauges(self) -> None:
        for entry in self._entries:
            if entry.kind == _GAUGE:
                entry.values[0] = 0

    def entries(self) -> list[MetricEntry]:
        return [(e.name, e.kind, tuple(e.values), e.bounds, tuple(e.exemplars)) for e in self._entries]

    def _declare(self, entry: _Entry) -> int:
        handle = self._handles.setdefault(entry.name, len(self._entries))
        if handle == len(self._entries):
            self._entries.append(entry)
        known = self._entries[handle]
        if (known.kind, known.bounds) != (entry.kind, entry.bounds):
            raise ValueError(entry.name)
        return handle
