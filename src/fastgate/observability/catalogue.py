"""Every metric, declared once: its name with the unit, its doc, its labels in order, its buckets.

Times are kept in integer nanoseconds and shown in seconds, money in nano-USD and shown in USD. A
label's values come from the configuration or from a closed set, never from a client's free text:
`LABELS` says from which.
`docs/metrics.md` is generated from this module.
"""

from enum import StrEnum
from typing import Final, NamedTuple

PREFIX: Final = "fastgate_"

NONE: Final = "none"
"""Label value where there is none: a request refused before it had a provider, say."""

OTHER: Final = "other"
"""Label value for what the configuration doesn't name, and of the cell that takes excess series."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """`buckets` are upper bounds in nanoseconds or nano-USD. A `scraped` gauge is in no file: it is read from
    shared state while a scrape is answered, by whichever worker answers."""

    name: str
    kind: Kind
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[int, ...] = ()
    scraped: bool = False

    @property
    def unit(self) -> str:
        """The unit as OpenMetrics names it, "" for a plain number."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes", "usd") if stem.endswith("_" + unit)), "")


LABELS: Final[dict[str, str]] = {
    "endpoint": "The operation: one of `fastgate.domain.endpoint.Endpoint`, `budget`, `usage`, or `other` "
    "for an unknown path.",
    "provider": "A configured provider's name; `none` where the request never got one.",
    "model": "A configured or catalogued model or route as the client names it; `other` for any other, "
    "`none` where the request named none.",
    "deployment": "A deployment's id.",
    "credential": "A provider credential's id (never its secret).",
    "status": "HTTP status sent to the client; `0` where the client left before there was one.",
    "kind": "Why an attempt failed: one of `fastgate.domain.failure.FailureKind`.",
    "state": "One of a closed set; the current one has the value 1, the others 0.",
    "code": "Our error code: one of `fastgate.errors.ERRORS`.",
    "from_provider": "The configured provider that was given up.",
    "to_provider": "The configured provider that was tried next; may be the same with another deployment.",
    "level": "Whose limit or budget it is: one of `fastgate.domain.account.Level`.",
    "owner": "Id of the owner of a budget, for the `budgets.metrics_top` fullest; `other` for the rest.",
    "period": "A budget's period, as the configuration says it.",
    "policy": "What the configuration says of models without a price: `allowed` or `denied`.",
    "process": "`worker-1` … `worker-N`, `control` or `supervisor`.",
    "version": "fastgate's version.",
    "python_version": "The interpreter's version.",
}

BREAKER_STATES: Final = ("closed", "open", "half_open")
CREDENTIAL_STATES: Final = ("ok", "cooling_down", "rejected")

_US: Final = 1_000
_MS: Final = 1_000_000
_S: Final = 1_000_000_000

# Fine below a millisecond: the gateway's own time is some tens of microseconds.
_OVERHEAD_BUCKETS: Final = (
    *(n * _US for n in (25, 50, 75, 100, 150, 250, 500)),
    *(n * _MS for n in (1, 2, 5, 10, 25, 50, 100, 500)),
)
_GAP_BUCKETS: Final = (
    *(n * _MS for n in (1, 2, 5, 10, 20, 30, 50, 100, 200, 500)),
    *(n * _S for n in (1, 2, 5, 10, 30, 60)),
)
_FIRST_BUCKETS: Final = (
    *(n * _MS for n in (10, 25, 50, 100, 200, 300, 500, 750)),
    *(n * _S for n in (1, 2, 3, 5, 10, 20, 30, 60, 120)),
)
_USD: Final = 1_000_000_000
_OVERSHOOT_BUCKETS: Final = (
    0,
    *(n * _USD // 10_000 for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)),
)
_DURATION_BUCKETS: Final = (
    *(n * _MS for n in (5, 10, 25, 50, 100, 250, 500)),
    *(n * _S for n in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)),
)


def _counter(name: str, doc: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, Kind.COUNTER, doc, labels)


def _gauge(name: str, doc: str, *labels: str, scraped: bool = False) -> Metric:
    return Metric(PREFIX + name, Kind.GAUGE, doc, labels, scraped=scraped)


def _histogram(name: str, doc: str, buckets: tuple[int, ...], *labels: str) -> Metric:
    return Metric(PREFIX + name, Kind.HISTOGRAM, doc, labels, buckets)


# --- requests ---------------------------------------------------------------------------------------

REQUESTS: Final = _counter(
    "requests_total", "Requests that ended, however they did.", "endpoint", "provider", "model", "status"
)
REQUESTS_IN_FLIGHT: Final = _gauge("requests_in_flight", "Requests being worked on.", "endpoint")
OPEN_STREAMS: Final = _gauge("open_streams", "Streamed responses that have not ended.", "provider")
REQUEST_DURATION: Final = _histogram(
    "request_duration_seconds",
    "From a request's head to the last byte of its response.",
    _DURATION_BUCKETS,
    "endpoint",
    "provider",
    "model",
)
OVERHEAD: Final = _histogram(
    "overhead_seconds",
    "The gateway's own time in a request: its duration less what was spent waiting for upstream and client.",
    _OVERHEAD_BUCKETS,
    "endpoint",
)
AUTH_FAILURES: Final = _counter("auth_failures_total", "Requests refused for their virtual key.", "code")
CLIENT_DISCONNECTS: Final = _counter(
    "client_disconnects_total", "Clients that left before their response was complete.", "endpoint"
)
DOWNSTREAM_RECEIVED_BYTES: Final = _counter(
    "downstream_received_bytes_total", "Bytes of request bodies from clients.", "endpoint"
)
DOWNSTREAM_SENT_BYTES: Final = _counter(
    "downstream_sent_bytes_total", "Bytes of response bodies to clients.", "endpoint"
)

# --- attempts upstream ------------------------------------------------------------------------------

ATTEMPTS: Final = _counter("attempts_total", "Attempts upstream, hedges included.", "provider", "deployment")
ATTEMPT_FAILURES: Final = _counter(
    "attempt_failures_total", "Attempts that failed, by the class of the error.", "provider", "kind"
)
RETRIES: Final = _counter("retries_total", "Further attempts on the same deployment.", "provider")
FALLBACKS: Final = _counter(
    "fallbacks_total",
    "Attempts on another deployment after one had failed.",
    "from_provider",
    "to_provider",
)
HEDGES_STARTED: Final = _counter(
    "hedges_started_total", "Second attempts started because the first was slow.", "provider"
)
HEDGES_WON: Final = _counter("hedges_won_total", "Hedges whose answer the client got.", "provider")
UPSTREAM_LATENCY: Final = _histogram(
    "upstream_latency_seconds",
    "From the start of an attempt to its response headers.",
    _DURATION_BUCKETS,
    "provider",
    "model",
)
TIME_TO_FIRST_TOKEN: Final = _histogram(
    "time_to_first_token_seconds",
    "From a streamed request's head to the first content sent to the client.",
    _FIRST_BUCKETS,
    "provider",
    "model",
)
INTER_CHUNK_GAP: Final = _histogram(
    "inter_chunk_gap_seconds",
    "Between two chunks of content of a stream.",
    _GAP_BUCKETS,
    "provider",
    "model",
)
UPSTREAM_SENT_BYTES: Final = _counter(
    "upstream_sent_bytes_total", "Bytes of request bodies to providers.", "provider"
)
UPSTREAM_RECEIVED_BYTES: Final = _counter(
    "upstream_received_bytes_total", "Bytes of response bodies from providers.", "provider"
)

# --- usage ------------------------------------------------------------------------------------------

INPUT_TOKENS: Final = _counter(
    "input_tokens_total", "Input tokens, cached ones included.", "provider", "model"
)
OUTPUT_TOKENS: Final = _counter(
    "output_tokens_total", "Output tokens, reasoning included.", "provider", "model"
)
CACHED_INPUT_TOKENS: Final = _counter(
    "cached_input_tokens_total", "Input tokens that came from the provider's cache.", "provider", "model"
)
REASONING_TOKENS: Final = _counter(
    "reasoning_tokens_total", "Output tokens spent on reasoning.", "provider", "model"
)

# --- money and limits -------------------------------------------------------------------------------

COST: Final = _counter("cost_usd_total", "What calls cost, as the ledger has it.", "provider", "model")
ESTIMATED: Final = _counter(
    "estimated_usage_total", "Billed attempts whose usage the provider did not say.", "provider"
)
UNPRICED: Final = _counter("unpriced_calls_total", "Calls of models without a price.", "provider", "policy")
OVERSHOOT: Final = _histogram(
    "budget_overshoot_usd",
    "By how much a call cost more than was held for it; 0 where it did not.",
    _OVERSHOOT_BUCKETS,
)
BUDGET_REFUSALS: Final = _counter(
    "budget_refusals_total", "Attempts not made because a budget did not cover them.", "level"
)
LIMIT_REFUSALS: Final = _counter(
    "limit_refusals_total", "Requests and attempts refused by a rate limit of the gateway's own.", "level"
)
LIMIT_WAIT: Final = _histogram(
    "limit_wait_seconds", "Time that requests waited for a rate limit.", _DURATION_BUCKETS, "level"
)
HOLDS: Final = _gauge("holds", "Holds in flight.", "process")
JOURNAL_BYTES: Final = _gauge("journal_bytes", "Size of a worker's journal on the disk.", "process")
UNRECORDED: Final = _counter("unrecorded_calls_total", "Calls that found no room in the journal.")
BUDGET_LIMIT: Final = _gauge(
    "budget_limit_usd", "Limit of a budget.", "level", "owner", "period", scraped=True
)
BUDGET_SPENT: Final = _gauge(
    "budget_spent_usd", "Spent of a budget in its period.", "level", "owner", "period", scraped=True
)
BUDGET_RESERVED: Final = _gauge(
    "budget_reserved_usd", "Held of a budget for calls in flight.", "level", "owner", "period", scraped=True
)
BUDGET_LEFT: Final = _gauge(
    "budget_left_usd", "Left of a budget in its period.", "level", "owner", "period", scraped=True
)
LEDGER_ENTRIES: Final = _counter("ledger_entries_total", "Entries written to the ledger.")
LEDGER_WRITE: Final = _histogram(
    "ledger_write_seconds", "Time that the database took for a batch of entries.", _DURATION_BUCKETS
)
LEDGER_LAG: Final = _gauge(
    "ledger_lag_seconds", "Age of the oldest entry of the last batch when it was written."
)
LEDGER_UP: Final = _gauge("ledger_up", "Whether the last write to the ledger succeeded.")
LOST_HOLDS: Final = _counter(
    "lost_holds_total", "Calls of workers that died, settled at what was delivered until then."
)
LEDGER_DIFFERENCES: Final = _counter(
    "ledger_differences_total", "Budgets whose counters did not agree with the ledger, and were put right."
)
SOFT_LIMITS: Final = _counter("budget_soft_limits_total", "Soft limits of budgets that were passed.", "level")

# --- connections and health -------------------------------------------------------------------------

POOL_OPEN: Final = _gauge("pool_open_connections", "Connections to a provider, in use or idle.", "provider")
POOL_IDLE: Final = _gauge("pool_idle_connections", "Connections to a provider in no use.", "provider")
POOL_WAITING: Final = _gauge("pool_waiting_requests", "Attempts waiting for a connection.", "provider")
COOLDOWNS: Final = _counter("cooldowns_total", "Cooldowns of credentials that began.", "provider")
BREAKER_STATE: Final = _gauge(
    "breaker_state",
    f"A deployment's circuit breaker: {', '.join(BREAKER_STATES)}.",
    "provider",
    "deployment",
    "state",
    scraped=True,
)
CREDENTIAL_STATE: Final = _gauge(
    "credential_state",
    f"A provider credential: {', '.join(CREDENTIAL_STATES)}.",
    "provider",
    "credential",
    "state",
    scraped=True,
)

# --- the gateway itself -----------------------------------------------------------------------------

CONFIG_GENERATION: Final = _gauge(
    "config_generation", "Generation of the configuration that a process runs on.", "process"
)
CONFIG_RELOAD_FAILURES: Final = _counter(
    "config_reload_failures_total", "Reloads refused because the new configuration is broken."
)
KEY_STORE_VERSION: Final = _gauge(
    "key_store_version", "Version of the virtual-key store that a process has seen.", "process"
)
WORKER_RESTARTS: Final = _counter(
    "worker_restarts_total", "Processes that were started again after they had died.", "process"
)
PROCESS_START_TIME: Final = _gauge(
    "process_start_time_seconds", "When a process started, since the Unix epoch.", "process"
)
PROCESS_MEMORY: Final = _gauge(
    "process_memory_bytes",
    "Resident memory of a process; what it shares with the others counts in each.",
    "process",
    scraped=True,
)
LOG_LINES_DROPPED: Final = _counter(
    "log_lines_dropped_total", "Log lines lost: the queue was full, or the file could not be written."
)
SERIES_DROPPED: Final = _counter(
    "series_dropped_total",
    "Look-ups of label sets beyond `metrics.max_series`, which were counted as `other`.",
)
METRICS_FILES_SKIPPED: Final = _gauge(
    "metrics_files_skipped", "Files of metrics that this scrape could not read whole.", scraped=True
)
BUILD_INFO: Final = _gauge("build_info", "Always 1.", "version", "python_version", scraped=True)

CATALOGUE: Final[tuple[Metric, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
