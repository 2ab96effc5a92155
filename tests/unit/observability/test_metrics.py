"""Counting: what a process's file holds, over its death, and within its bound."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fastgate import clock
from fastgate._core.metrics import MetricsFile
from fastgate.observability import catalogue, log
from fastgate.observability.catalogue import CATALOGUE, Metric
from fastgate.observability.metrics import Metrics, directory_of, entry_name, fresh_directory
from fastgate.observability.totals import Totals


def values(directory: Path, metric: Metric) -> dict[tuple[str, ...], tuple[int, ...]]:
    return {labels: total.values for labels, total in Totals(directory).series(metric)}


def test_a_cell_is_found_again_by_its_labels(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    cell = metrics.requests.labels("chat", "openai", "gpt-4o", "200")
    assert metrics.requests.labels("chat", "openai", "gpt-4o", "200") is cell


def test_a_number_and_its_text_are_one_series(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    metrics.requests.labels("chat", "openai", "gpt-4o", "200").inc()
    metrics.requests.labels("chat", "openai", "gpt-4o", 200).inc(2)
    assert values(tmp_path, catalogue.REQUESTS) == {("chat", "openai", "gpt-4o", "200"): (3,)}


def test_gauges_go_up_and_down(tmp_path: Path) -> None:
    gauge = Metrics(tmp_path, "worker-1", 100).open_streams.labels("openai")
    gauge.set(5)
    gauge.inc(3)
    gauge.dec()
    assert values(tmp_path, catalogue.OPEN_STREAMS) == {("openai",): (7,)}


def test_a_histogram_counts_into_the_bucket_that_includes_the_value(tmp_path: Path) -> None:
    cell = Metrics(tmp_path, "worker-1", 100).overhead.labels("chat")
    for ns in (25_000, 25_001, 10**12):
        cell.observe(ns)
    total, *counts = values(tmp_path, catalogue.OVERHEAD)["chat",]
    assert total == 50_001 + 10**12
    assert counts[:2] == [1, 1]
    assert counts[-1] == 1
    assert sum(counts) == 3


def test_the_last_exemplar_of_a_bucket_is_kept_with_its_time(tmp_path: Path) -> None:
    cell = Metrics(tmp_path, "worker-1", 100).request_duration.labels("chat", "openai", "gpt-4o")
    clock.install(clock.monotonic_ns, lambda: 1_700_000_000_123_456_789)
    try:
        cell.observe(1_000_000, b"first")
        cell.observe(2_000_000, b"second")
        cell.observe(3_000_000)
        cell.observe(4_000_000, b"x" * 37)
    finally:
        clock.reset()
    ((_, total),) = Totals(tmp_path).series(catalogue.REQUEST_DURATION)
    assert total.exemplars[0] == (b"second", 2_000_000, 1_700_000_000_123)


def test_the_wrong_number_of_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fastgate_retries_total has the labels"):
        Metrics(tmp_path, "worker-1", 100).retries.labels("openai", "gpt-4o")


def test_a_successor_goes_on_counting_and_starts_with_nothing_in_flight(tmp_path: Path) -> None:
    first = Metrics(tmp_path, "worker-1", 100)
    first.retries.labels("openai").inc(3)
    first.requests_in_flight.labels("chat").inc(7)
    second = Metrics(tmp_path, "worker-1", 100)
    second.retries.labels("openai").inc()
    assert values(tmp_path, catalogue.RETRIES) == {("openai",): (4,)}
    assert values(tmp_path, catalogue.REQUESTS_IN_FLIGHT) == {("chat",): (0,)}


def test_a_killed_process_has_lost_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from fastgate.observability.metrics import Metrics;"
        "m = Metrics(pathlib.Path(sys.argv[1]), 'worker-1', 100); m.retries.labels('openai').inc(41);"
        "m.retries.labels('openai').inc(); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert values(tmp_path, catalogue.RETRIES) == {("openai",): (42,)}


def test_processes_are_summed(tmp_path: Path) -> None:
    for process in ("worker-1", "worker-2", "control"):
        Metrics(tmp_path, process, 100).cooldowns.labels("openai").inc(2)
    assert values(tmp_path, catalogue.COOLDOWNS) == {("openai",): (6,)}


def test_each_process_says_when_it_started(tmp_path: Path) -> None:
    before = clock.time_ns()
    for process in ("worker-1", "supervisor"):
        Metrics(tmp_path, process, 100)
    started = values(tmp_path, catalogue.PROCESS_START_TIME)
    assert set(started) == {("worker-1",), ("supervisor",)}
    assert all(before <= value <= clock.time_ns() for (value,) in started.values())


# --- the bound --------------------------------------------------------------------------------------


def test_label_sets_beyond_the_bound_are_one_series(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    for i in range(300):
        metrics.retries.labels(f"provider-{i}").inc()
    counted = values(tmp_path, catalogue.RETRIES)
    other = counted.pop(("other",))
    dropped = values(tmp_path, catalogue.SERIES_DROPPED)[()]
    # The process's start time is a series too.
    assert len(counted) == 99
    assert other == dropped == (201,)


def test_what_is_beyond_the_bound_takes_no_memory_either(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    cells = {id(metrics.retries.labels(f"provider-{i}")) for i in range(300)}
    assert len(cells) == 100
    # And for each metric the cell that takes what is beyond the bound.
    assert len(MetricsFile(str(tmp_path / "worker-1.metrics"), 0, False).entries()) < 100 + len(CATALOGUE)


def test_the_bound_holds_for_all_metrics_together(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    for i in range(60):
        metrics.retries.labels(f"provider-{i}").inc()
        metrics.open_streams.labels(f"provider-{i}").inc()
    kept = len(values(tmp_path, catalogue.RETRIES)) + len(values(tmp_path, catalogue.OPEN_STREAMS))
    assert kept == 99 + 2
    assert values(tmp_path, catalogue.RETRIES)["other",] == (10,)
    assert values(tmp_path, catalogue.OPEN_STREAMS)["other",] == (11,)


def test_a_full_file_is_a_bound_too(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    for letter in "abcdef":
        metrics.retries.labels(letter * 60_000).inc()
    counted = values(tmp_path, catalogue.RETRIES)
    assert counted["other",] == (6 - (len(counted) - 1),)
    assert counted["other",] > (0,)


def test_series_of_a_predecessor_cost_a_successor_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        metrics = Metrics(tmp_path, "worker-1", 100)
        for i in range(90):
            metrics.retries.labels(f"provider-{i}").inc()
    assert values(tmp_path, catalogue.SERIES_DROPPED) == {(): (0,)}
    assert values(tmp_path, catalogue.RETRIES)["provider-89",] == (3,)


def test_a_successor_has_as_much_room_as_its_predecessor(tmp_path: Path) -> None:
    Metrics(tmp_path, "worker-1", 100)
    metrics = Metrics(tmp_path, "worker-1", 100)
    for i in range(99):
        metrics.retries.labels(f"provider-{i}").inc()
    assert values(tmp_path, catalogue.SERIES_DROPPED) == {(): (0,)}
    metrics.retries.labels("one too many").inc()
    assert values(tmp_path, catalogue.SERIES_DROPPED) == {(): (1,)}


def test_an_unreasonable_bound_makes_no_unreasonable_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastgate.observability.metrics._MAX_FILE_BYTES", 1 << 20)
    Metrics(tmp_path, "worker-1", 10**12).retries.labels("openai").inc()
    assert (tmp_path / "worker-1.metrics").stat().st_size == 1 << 20


# --- the file and its directory -----------------------------------------------------------------------


@pytest.fixture
def log_lines(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "log"
    log.configure("info", str(path), "worker-1")
    yield path
    log.close()


@pytest.mark.parametrize("content", [b"", b"no such format\n", b"\0" * 4096], ids=["empty", "text", "zeros"])
def test_a_foreign_file_is_replaced_and_said_so(tmp_path: Path, log_lines: Path, content: bytes) -> None:
    (tmp_path / "worker-1.metrics").write_bytes(content)
    Metrics(tmp_path, "worker-1", 100).retries.labels("openai").inc()
    log.flush()
    line = msgspec.json.decode(log_lines.read_bytes())
    assert (line["level"], line["message"], line["file"]) == (
        "error",
        "metrics file replaced",
        "worker-1.metrics",
    )
    assert values(tmp_path, catalogue.RETRIES) == {("openai",): (1,)}


def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Metrics(tmp_path / "missing", "worker-1", 100)


def test_a_fresh_directory_holds_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    directory = fresh_directory(tmp_path)
    Metrics(directory, "worker-7", 100)
    assert fresh_directory(tmp_path) == directory == directory_of(tmp_path)
    assert list(directory.iterdir()) == []
    assert directory.stat().st_mode & 0o777 == 0o700


def test_names_are_unambiguous_whatever_the_labels_hold() -> None:
    sets = [("a", "b,c"), ("a,b", "c"), ('a","b', "c"), ("a\n", "b"), ("", "a")]
    assert len({entry_name(catalogue.COOLDOWNS, labels) for labels in sets}) == len(sets)


def test_dropped_log_lines_are_counted_once(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, "worker-1", 100)
    log.configure("info", "/dev/full", "worker-1")
    try:
        log.event("info", "lost")
        log.flush()
        metrics.count_log_drops()
        metrics.count_log_drops()
    finally:
        log.close()
    metrics.count_log_drops()
    assert values(tmp_path, catalogue.LOG_LINES_DROPPED) == {(): (1,)}
