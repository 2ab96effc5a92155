"""`docs/metrics.md` and `docs/logs.md`, from the catalogue and the records.

`python -m fastgate.observability.reference metrics > docs/metrics.md`, and the same with `logs`.
"""

import sys
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from fastgate.observability.catalogue import CATALOGUE, LABELS, Metric
from fastgate.observability.line_writer import MAX_QUEUED_BYTES, MAX_QUEUED_LINES
from fastgate.observability.records import AttemptRecord, ExchangeRecord

_METRICS_HEAD: Final = """\
# Metrics

Generated from `fastgate.observability.catalogue`; do not edit.

`GET /metrics` on any worker answers for all processes: each writes its own file under
`<data_dir>/metrics`, and a scrape sums them. A worker that is started again goes on counting where the
dead one stopped. Prometheus's text format is the default; OpenMetrics, asked for by the `Accept` header
as Prometheus does, adds exemplars with request ids to the histograms of durations and first tokens.

No label holds a client's free text. A worker keeps at most `metrics.max_series` combinations of label
values; any further one is counted under `other` in every label, and `fastgate_series_dropped_total` grows.
"""

_LOGS_HEAD: Final = f"""\
# Logs

Generated from `fastgate.observability.records`; do not edit.

One JSON object a line, on standard error or appended to `logging.file`. SIGHUP reopens the file, for log
rotation. Lines are written up to 50 ms after they came about. When more than {MAX_QUEUED_LINES:,} lines or
{MAX_QUEUED_BYTES >> 20} MiB wait, or the disk is full, lines are dropped: `fastgate_log_lines_dropped_total`
counts them, and a warning `log lines dropped` says how many as soon as there is room again.

Every line has the five fields `ts`, `level` (`debug`, `info`, `warning`, `error`), `message`, `pid` and
`process` (`worker-1` … `worker-N`, `control`, `supervisor`). There are two kinds of lines:

- `message` is `exchange`: one request of a client, with the fields below. `logging.requests: false`
  switches them off. A field at its default is left out: absent numbers are 0, absent texts empty.
- any other `message`: something happened to the gateway itself; the other fields say with what.

Secrets are in no line, and prompts and answers only where `log_prompts` of the virtual key is on.
"""


def metrics_page() -> str:
    """`docs/metrics.md` as Markdown."""
    lines = [_METRICS_HEAD, "## All metrics\n", "| metric | type | labels | |", "|---|---|---|---|"]
    lines += [_metric_row(metric) for metric in CATALOGUE]
    lines += ["\n## Labels\n", "| label | values |", "|---|---|"]
    lines += [f"| `{name}` | {doc} |" for name, doc in LABELS.items()]
    lines += [
        "\n## Buckets\n",
        "Upper bounds in seconds; `+Inf` follows.\n",
        "| metric | buckets |",
        "|---|---|",
    ]
    lines += [_buckets_row(metric) for metric in CATALOGUE if metric.buckets]
    return "\n".join(lines) + "\n"


def logs_page() -> str:
    """`docs/logs.md` as Markdown."""
    lines = [_LOGS_HEAD, "## Fields of an exchange\n", *_field_rows(ExchangeRecord)]
    lines += ["\n## Fields of an attempt\n", *_field_rows(AttemptRecord)]
    return "\n".join(lines) + "\n"


def _metric_row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.doc} |"


def _buckets_row(metric: Metric) -> str:
    return f"| `{metric.name}` | {', '.join(f'{bound / 1e9:g}' for bound in metric.buckets)} |"


def _field_rows(record: type[msgspec.Struct]) -> list[str]:
    rows = ["| field | type | |", "|---|---|---|"]
    for name, hint in get_type_hints(record, include_extras=True).items():
        annotated, meta = get_args(hint)
        rows.append(f"| `{name}` | {_type_name(annotated)} | {meta.description} |")
    return rows


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(hint) if value)
    return _TYPE_NAMES[hint]


_TYPE_NAMES: Final[dict[Any, str]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "`true`, or absent",
    dict[str, str]: "object of texts",
    list[AttemptRecord]: "list of attempts",
    list[str]: "list of texts",
}

_PAGES: Final = {"metrics": metrics_page, "logs": logs_page}

if __name__ == "__main__":
    sys.stdout.write(_PAGES[sys.argv[1]]())
