"""What a scrape is answered with, read by prometheus_client's own parsers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from fastgate import __version__, clock
from fastgate._core.metrics import MetricsFile
from fastgate.observability import catalogue, exposition
from fastgate.observability.catalogue import CATALOGUE, Metric
from fastgate.observability.metrics import Metrics, entry_name
from fastgate.observability.readings import Reading, state_readings

FORMATS = pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])


def scrape(directory: Path, openmetrics: bool = True) -> dict[str, MetricFamily]:
    body, _ = exposition.render(directory, None, openmetrics)
    return parse(body, openmetrics)


def parse(body: bytes, openmetrics: bool) -> dict[str, MetricFamily]:
    text = body.decode()
    families = (
        parse_openmetrics(text)  # type: ignore[no-untyped-call]  # it has no annotations
        if openmetrics
        else parse_text(text)
    )
    return {family.name: family for family in families}


def samples(families: dict[str, MetricFamily], metric: Metric) -> list[Sample]:
    return list(families[metric.name.removesuffix("_total")].samples)


def values(families: dict[str, MetricFamily], metric: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels[label] for label in metric.labels): s.value for s in samples(families, metric)}


def buckets(families: dict[str, MetricFamily], metric: Metric) -> dict[float, Sample]:
    return {float(s.labels["le"]): s for s in samples(families, metric) if s.name.endswith("_bucket")}


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    return Metrics(tmp_path, "worker-1", 1_000)


@FORMATS
def test_an_empty_directory_gives_every_family(tmp_path: Path, openmetrics: bool) -> None:
    families = scrape(tmp_path, openmetrics)
    assert list(families) == [metric.name.removesuffix("_total") for metric in CATALOGUE]
    for metric in CATALOGUE:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.doc)
        if openmetrics:
            assert family.unit == metric.unit


@FORMATS
def test_counters_and_gauges_of_all_processes_are_summed(
    tmp_path: Path, metrics: Metrics, openmetrics: bool
) -> None:
    other = Metrics(tmp_path, "worker-2", 1_000)
    for process, n in ((metrics, 2), (other, 5)):
        process.requests.labels("chat", "openai", "gpt-4o", 200).inc(n)
        process.open_streams.labels("openai").set(n)
    other.requests.labels("chat", "none", "none", 401).inc()
    families = scrape(tmp_path, openmetrics)
    assert values(families, catalogue.REQUESTS) == {
        ("chat", "openai", "gpt-4o", "200"): 7,
        ("chat", "none", "none", "401"): 1,
    }
    assert values(families, catalogue.OPEN_STREAMS) == {("openai",): 7}


@FORMATS
def test_histograms_are_cumulative_and_in_seconds(
    tmp_path: Path, metrics: Metrics, openmetrics: bool
) -> None:
    other = Metrics(tmp_path, "worker-2", 1_000)
    metrics.overhead.labels("chat").observe(20_000)
    metrics.overhead.labels("chat").observe(60_000)
    other.overhead.labels("chat").observe(2_000_000_000)
    families = scrape(tmp_path, openmetrics)
    counts = {le: sample.value for le, sample in buckets(families, catalogue.OVERHEAD).items()}
    assert len(counts) == len(catalogue.OVERHEAD.buckets) + 1
    assert (counts[0.000025], counts[0.00005], counts[0.000075]) == (1, 1, 2)
    assert (counts[0.5], counts[float("inf")]) == (2, 3)
    rest = {s.name: s.value for s in samples(families, catalogue.OVERHEAD) if "le" not in s.labels}
    assert rest["fastgate_overhead_seconds_count"] == 3
    assert rest["fastgate_overhead_seconds_sum"] == pytest.approx(2.00008)


def test_the_start_time_is_in_seconds(tmp_path: Path, metrics: Metrics) -> None:
    started = values(scrape(tmp_path), catalogue.PROCESS_START_TIME)
    assert started["worker-1",] == pytest.approx(clock.time_ns() / 1e9, abs=60)


@pytest.fixture
def wall_clock() -> Iterator[list[int]]:
    now = [1_700_000_000_000_000_000]
    clock.install(clock.monotonic_ns, lambda: now[0])
    yield now
    clock.reset()


def test_the_newest_exemplar_of_all_processes_is_shown(
    tmp_path: Path, metrics: Metrics, wall_clock: list[int]
) -> None:
    other = Metrics(tmp_path, "worker-2", 1_000)
    other.time_to_first_token.labels("openai", "gpt-4o").observe(40_000_000, b"older")
    wall_clock[0] += 1_500_000_000
    metrics.time_to_first_token.labels("openai", "gpt-4o").observe(30_000_000, b"newer")
    shown = buckets(scrape(tmp_path), catalogue.TIME_TO_FIRST_TOKEN)
    exemplar = shown[0.05].exemplar
    assert exemplar is not None
    assert exemplar.labels == {"request_id": "newer"}
    assert exemplar.value == 0.03
    assert float(exemplar.timestamp or 0) == 1_700_000_001.5
    assert shown[0.1].exemplar is None


def test_the_text_format_has_no_exemplars(tmp_path: Path, metrics: Metrics) -> None:
    metrics.request_duration.labels("chat", "openai", "gpt-4o").observe(1, b"request-1")
    assert b"request-1" not in exposition.render(tmp_path, None, False)[0]


@pytest.mark.parametrize("request_id", [b"a\\b", b"line\nfeed", b"\xff\xfe", b"} 1 # {"])
def test_a_clients_request_id_cannot_break_the_format(
    tmp_path: Path, metrics: Metrics, request_id: bytes
) -> None:
    metrics.request_duration.labels("chat", "openai", "gpt-4o").observe(1, request_id)
    exemplar = buckets(scrape(tmp_path), catalogue.REQUEST_DURATION)[0.005].exemplar
    assert exemplar is not None
    assert exemplar.labels == {"request_id": request_id.decode("utf-8", "replace")}


def test_a_quote_in_a_request_id_is_escaped(tmp_path: Path, metrics: Metrics) -> None:
    # Looked at as bytes: prometheus_client's own parser fails on an escaped quote in an exemplar.
    metrics.request_duration.labels("chat", "openai", "gpt-4o").observe(1, b'a"b')
    assert b'# {request_id="a\\"b"} 1e-09 ' in exposition.render(tmp_path, None, True)[0]


@FORMATS
def test_a_configured_name_cannot_break_the_format(
    tmp_path: Path, metrics: Metrics, openmetrics: bool
) -> None:
    name = 'a"b\\c\nd{e="f"} ü,'
    metrics.retries.labels(name).inc()
    assert values(scrape(tmp_path, openmetrics), catalogue.RETRIES) == {(name,): 1}


def test_the_series_of_excess_label_sets_is_hidden_until_there_are_some(
    tmp_path: Path, metrics: Metrics
) -> None:
    assert values(scrape(tmp_path), catalogue.RETRIES) == {}
    metrics.retries.labels("other").inc()
    assert values(scrape(tmp_path), catalogue.RETRIES) == {("other",): 1}


def test_a_counter_without_labels_is_shown_at_zero(tmp_path: Path, metrics: Metrics) -> None:
    assert values(scrape(tmp_path), catalogue.CONFIG_RELOAD_FAILURES) == {(): 0}


# --- gauges that are read while the scrape is answered --------------------------------------------------


@FORMATS
def test_states_are_one_series_each(tmp_path: Path, openmetrics: bool) -> None:
    body, _ = exposition.render(
        tmp_path,
        lambda: state_readings(
            catalogue.BREAKER_STATE, ("openai", "openai/gpt-4o"), catalogue.BREAKER_STATES, "open"
        ),
        openmetrics,
    )
    assert values(parse(body, openmetrics), catalogue.BREAKER_STATE) == {
        ("openai", "openai/gpt-4o", "closed"): 0,
        ("openai", "openai/gpt-4o", "open"): 1,
        ("openai", "openai/gpt-4o", "half_open"): 0,
    }


def test_a_reading_of_a_metric_that_is_in_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fastgate_retries_total is no scraped gauge"):
        exposition.render(tmp_path, lambda: [Reading(catalogue.RETRIES, ("openai",), 1)], False)


def test_the_build_is_told(tmp_path: Path) -> None:
    ((labels, value),) = values(scrape(tmp_path), catalogue.BUILD_INFO).items()
    assert (labels[0], value) == (__version__, 1)


# --- files that cannot be read --------------------------------------------------------------------------


def test_a_broken_file_is_counted_and_the_others_are_summed(tmp_path: Path, metrics: Metrics) -> None:
    metrics.retries.labels("openai").inc()
    whole = (tmp_path / "worker-1.metrics").read_bytes()
    (tmp_path / "worker-2.metrics").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "worker-3.metrics").write_bytes(b"")
    (tmp_path / "worker-4.metrics").write_bytes(b"text, and no metrics at all\n")
    (tmp_path / "worker-5.metrics").mkdir()
    (tmp_path / "unrelated").write_bytes(b"is not even looked at")
    families = scrape(tmp_path)
    assert values(families, catalogue.RETRIES) == {("openai",): 1}
    assert values(families, catalogue.METRICS_FILES_SKIPPED) == {(): 4}


@pytest.mark.parametrize(
    "name",
    [b"not json", b"[]", b'["fastgate_no_such_total"]', b'["fastgate_retries_total"]', b'["a",1]', b"\xff"],
)
def test_an_unknown_series_is_counted_and_the_rest_of_its_file_summed(
    tmp_path: Path, metrics: Metrics, name: bytes
) -> None:
    foreign = MetricsFile(str(tmp_path / "worker-2.metrics"), 65_536, True)
    foreign.add(foreign.counter(name), 1)
    foreign.add(foreign.counter(entry_name(catalogue.RETRIES, ("openai",))), 1)
    families = scrape(tmp_path)
    assert values(families, catalogue.RETRIES) == {("openai",): 1}
    assert values(families, catalogue.METRICS_FILES_SKIPPED) == {(): 1}


def test_a_histogram_with_other_buckets_is_not_summed(tmp_path: Path, metrics: Metrics) -> None:
    metrics.overhead.labels("chat").observe(1)
    foreign = MetricsFile(str(tmp_path / "worker-2.metrics"), 65_536, True)
    foreign.observe(foreign.histogram(entry_name(catalogue.OVERHEAD, ("chat",)), (1, 2)), 1)
    families = scrape(tmp_path)
    assert buckets(families, catalogue.OVERHEAD)[float("inf")].value == 1
    assert values(families, catalogue.METRICS_FILES_SKIPPED) == {(): 1}


# --- formats ------------------------------------------------------------------------------------------------

PROMETHEUS_ACCEPT = (
    b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    b"text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS_ACCEPT, True),
        (b"Application/OpenMetrics-Text", True),
        (b"text/plain, application/openmetrics-text;version=1.0.0", True),
        (b"text/plain;version=0.0.4", False),
        (b"*/*", False),
        (b"application/openmetrics-text-not", False),
        (b"", False),
        (None, False),
    ],
)
def test_openmetrics_is_given_to_whoever_names_it(accept: bytes | None, wanted: bool) -> None:
    assert exposition.wants_openmetrics(accept) is wanted


def test_each_format_has_its_content_type(tmp_path: Path) -> None:
    body, content_type = exposition.render(tmp_path, None, True)
    assert content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")
    _, content_type = exposition.render(tmp_path, None, False)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_the_library_is_not_imported_before_the_first_scrape(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from fastgate.observability import exposition, log, metrics, readings, records\n"
        "m = metrics.Metrics(pathlib.Path(sys.argv[1]), 'worker-1', 100)\n"
        "print('prometheus_client' in sys.modules)\n"
        "exposition.render(pathlib.Path(sys.argv[1]), None, False)\n"
        "print('prometheus_client' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True)
    assert result.stdout.split() == [b"False", b"True"]
