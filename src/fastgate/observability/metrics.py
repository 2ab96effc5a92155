"""The metrics of one process, kept in a mapped file that outlives it.

Each process writes its own file; whoever answers a scrape sums them all (`exposition`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from fastgate import clock
from fastgate._core.metrics import MetricsFile
from fastgate.observability import catalogue, log
from fastgate.observability.catalogue import OTHER, Metric

SUFFIX: Final = ".metrics"

# A counter takes some 120 bytes, a histogram with its exemplars some 1,500; about a quarter are those.
_BYTES_PER_SERIES: Final = 512
_RESERVED_BYTES: Final = 128 * 1_024
_MAX_FILE_BYTES: Final = 1 << 30

LabelValue = str | int
CellT = TypeVar("CellT")


def directory_of(data_dir: Path) -> Path:
    return data_dir / "metrics"


def fresh_directory(data_dir: Path) -> Path:
    """Make the directory of metrics files and empty it of an earlier run's: the supervisor's first step."""
    directory = directory_of(data_dir)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in directory.glob("*" + SUFFIX):
        path.unlink()
    return directory


class Counter:
    __slots__ = ("_add", "_handle")

    def __init__(self, file: MetricsFile, name: bytes) -> None:
        self._add = file.add
        self._handle = file.counter(name)

    def inc(self, n: int = 1) -> None:
        self._add(self._handle, n)


class Gauge:
    """Whole numbers; a gauge of seconds is set in nanoseconds."""

    __slots__ = ("_add", "_handle", "_set")

    def __init__(self, file: MetricsFile, name: bytes) -> None:
        self._add = file.add
        self._set = file.set
        self._handle = file.gauge(name)

    def set(self, value: int) -> None:
        self._set(self._handle, value)

    def inc(self, n: int = 1) -> None:
        self._add(self._handle, n)

    def dec(self, n: int = 1) -> None:
        self._add(self._handle, -n)


class Histogram:
    __slots__ = ("_handle", "_observe")

    def __init__(self, file: MetricsFile, name: bytes, buckets: tuple[int, ...]) -> None:
        self._observe = file.observe
        self._handle = file.histogram(name, buckets)

    def observe(self, ns: int, exemplar: bytes = b"") -> None:
        """Count `ns`. `exemplar` is a request id; one beyond 36 bytes is not kept."""
        if exemplar:
            self._observe(self._handle, ns, exemplar, clock.time_ns() // 1_000_000)
        else:
            self._observe(self._handle, ns)


class _Room:
    """How many more series this process may add. Those that its predecessor left cost nothing."""

    def __init__(self, max_series: int, existing: set[bytes]) -> None:
        self._existing = existing
        self._left = max(0, max_series - len(existing))

    def take(self, name: bytes) -> bool:
        if name in self._existing:
            return True
        if self._left == 0:
            return False
        self._left -= 1
        return True


class Family(Generic[CellT]):
    """A metric with its cells, one for each set of label values that occurred."""

    __slots__ = ("_cells", "_drop", "_make", "_other", "_room", "metric")

    def __init__(
        self, metric: Metric, make: Callable[[bytes], CellT], room: _Room, drop: Callable[[], None]
    ) -> None:
        self.metric = metric
        self._make = make
        self._room = room
        self._drop = drop
        # Made now, so that it is there when there is room for nothing else. It is the only cell of a
        # metric without labels.
        other: tuple[LabelValue, ...] = (OTHER,) * len(metric.labels)
        self._other = make(entry_name(metric, other))
        self._cells: dict[tuple[LabelValue, ...], CellT] = {other: self._other}

    def labels(self, *values: LabelValue) -> CellT:
        """The cell of these label values, in the catalogue's order; the cell `other` without room."""
        try:
            return self._cells[values]
        except KeyError:
            return self._add(values)

    def _add(self, values: tuple[LabelValue, ...]) -> CellT:
        if len(values) != len(self.metric.labels):
            raise ValueError(f"{self.metric.name} has the labels {self.metric.labels}, got {values}")
        name = entry_name(self.metric, values)
        try:
            cell = self._make(name) if self._room.take(name) else None
        except OverflowError:
            cell = None
        if cell is None:
            # Not remembered: what is unbounded must not grow this dict instead of the file.
            self._drop()
            return self._other
        self._cells[values] = cell
        return cell


def entry_name(metric: Metric, values: tuple[LabelValue, ...]) -> bytes:
    """A series' name in the file: a JSON list of the metric's name and its label values."""
    return msgspec.json.encode([metric.name, *map(str, values)])


def parse_entry_name(name: bytes) -> tuple[Metric, tuple[str, ...]]:
    """The inverse of `entry_name`. ValueError for what this version doesn't declare."""
    full_name, *values = msgspec.json.decode(name, type=list[str])
    metric = _BY_NAME.get(full_name)
    if metric is None or len(values) != len(metric.labels):
        raise ValueError(f"unknown series {name!r}")
    return metric, tuple(values)


_BY_NAME: Final = {metric.name: metric for metric in catalogue.CATALOGUE}


class Metrics:
    """One family for each metric of the catalogue that processes count, for one process.

    `process` (`worker-1`, `control`, `supervisor`) names the file in `directory`. Counters of a
    predecessor of that name go on, its gauges start at zero. Not thread-safe.
    """

    def __init__(self, directory: Path, process: str, max_series: int) -> None:
        self._file = _open(directory / (process + SUFFIX), max_series)
        self._file.zero_gauges()
        reserved = {entry_name(m, (OTHER,) * len(m.labels)) for m in catalogue.CATALOGUE}
        self._room = _Room(max_series, {entry[0] for entry in self._file.entries()} - reserved)

        self.series_dropped = self._counters(catalogue.SERIES_DROPPED)

        self.requests = self._counters(catalogue.REQUESTS)
        self.requests_in_flight = self._gauges(catalogue.REQUESTS_IN_FLIGHT)
        self.open_streams = self._gauges(catalogue.OPEN_STREAMS)
        self.request_duration = self._histograms(catalogue.REQUEST_DURATION)
        self.overhead = self._histograms(catalogue.OVERHEAD)
        self.auth_failures = self._counters(catalogue.AUTH_FAILURES)
        self.client_disconnects = self._counters(catalogue.CLIENT_DISCONNECTS)
        self.downstream_received_bytes = self._counters(catalogue.DOWNSTREAM_RECEIVED_BYTES)
        self.downstream_sent_bytes = self._counters(catalogue.DOWNSTREAM_SENT_BYTES)

        self.attempts = self._counters(catalogue.ATTEMPTS)
        self.attempt_failures = self._counters(catalogue.ATTEMPT_FAILURES)
        self.retries = self._counters(catalogue.RETRIES)
        self.fallbacks = self._counters(catalogue.FALLBACKS)
        self.hedges_started = self._counters(catalogue.HEDGES_STARTED)
        self.hedges_won = self._counters(catalogue.HEDGES_WON)
        self.upstream_latency = self._histograms(catalogue.UPSTREAM_LATENCY)
        self.time_to_first_token = self._histograms(catalogue.TIME_TO_FIRST_TOKEN)
        self.inter_chunk_gap = self._histograms(catalogue.INTER_CHUNK_GAP)
        self.upstream_sent_bytes = self._counters(catalogue.UPSTREAM_SENT_BYTES)
        self.upstream_received_bytes = self._counters(catalogue.UPSTREAM_RECEIVED_BYTES)

        self.input_tokens = self._counters(catalogue.INPUT_TOKENS)
        self.output_tokens = self._counters(catalogue.OUTPUT_TOKENS)
        self.cached_input_tokens = self._counters(catalogue.CACHED_INPUT_TOKENS)
        self.reasoning_tokens = self._counters(catalogue.REASONING_TOKENS)

        self.cost = self._counters(catalogue.COST)
        self.estimated = self._counters(catalogue.ESTIMATED)
        self.unpriced = self._counters(catalogue.UNPRICED)
        self.overshoot = self._histograms(catalogue.OVERSHOOT)
        self.budget_refusals = self._counters(catalogue.BUDGET_REFUSALS)
        self.limit_refusals = self._counters(catalogue.LIMIT_REFUSALS)
        self.limit_wait = self._histograms(catalogue.LIMIT_WAIT)
        self.holds = self._gauges(catalogue.HOLDS)
        self.journal_bytes = self._gauges(catalogue.JOURNAL_BYTES)
        self.unrecorded = self._counters(catalogue.UNRECORDED)
        self.ledger_entries = self._counters(catalogue.LEDGER_ENTRIES)
        self.ledger_write = self._histograms(catalogue.LEDGER_WRITE)
        self.ledger_lag = self._gauges(catalogue.LEDGER_LAG)
        self.ledger_up = self._gauges(catalogue.LEDGER_UP)
        self.lost_holds = self._counters(catalogue.LOST_HOLDS)
        self.ledger_differences = self._counters(catalogue.LEDGER_DIFFERENCES)
        self.soft_limits = self._counters(catalogue.SOFT_LIMITS)

        self.pool_open = self._gauges(catalogue.POOL_OPEN)
        self.pool_idle = self._gauges(catalogue.POOL_IDLE)
        self.pool_waiting = self._gauges(catalogue.POOL_WAITING)
        self.cooldowns = self._counters(catalogue.COOLDOWNS)

        self.config_generation = self._gauges(catalogue.CONFIG_GENERATION)
        self.config_reload_failures = self._counters(catalogue.CONFIG_RELOAD_FAILURES)
        self.key_store_version = self._gauges(catalogue.KEY_STORE_VERSION)
        self.worker_restarts = self._counters(catalogue.WORKER_RESTARTS)
        self.process_start_time = self._gauges(catalogue.PROCESS_START_TIME)
        self.log_lines_dropped = self._counters(catalogue.LOG_LINES_DROPPED)

        self.process_start_time.labels(process).set(clock.time_ns())
        self._log_drops_seen = log.dropped()

    def count_log_drops(self) -> None:
        """Add the log lines dropped since the last time: call it every second or so."""
        dropped = log.dropped()
        self.log_lines_dropped.labels().inc(dropped - self._log_drops_seen)
        self._log_drops_seen = dropped

    def _counters(self, metric: Metric) -> Family[Counter]:
        return Family(metric, lambda name: Counter(self._file, name), self._room, self._dropped)

    def _gauges(self, metric: Metric) -> Family[Gauge]:
        return Family(metric, lambda name: Gauge(self._file, name), self._room, self._dropped)

    def _histograms(self, metric: Metric) -> Family[Histogram]:
        return Family(
            metric, lambda name: Histogram(self._file, name, metric.buckets), self._room, self._dropped
        )

    def _dropped(self) -> None:
        self.series_dropped.labels().inc()


def _open(path: Path, max_series: int) -> MetricsFile:
    """Open or create the file; one that is no metrics file is replaced, which is better than no worker."""
    capacity = min(_RESERVED_BYTES + max_series * _BYTES_PER_SERIES, _MAX_FILE_BYTES)
    try:
        return MetricsFile(str(path), capacity, True)
    except ValueError as error:
        log.event("error", "metrics file replaced", file=path.name, reason=str(error))
        path.unlink()
        return MetricsFile(str(path), capacity, True)
