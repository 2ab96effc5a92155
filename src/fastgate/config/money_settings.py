"""Budgets, rate limits, and what is kept of the calls."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta

from fastgate.config.section import DAY_S, Section, Usd
from fastgate.config.shape import FACTOR, SECRET
from fastgate.domain.snapshot import WhenFull

MAX_RATE: Final = 10**12  # so that what a bucket owes fits 64 bits

_Rate = Annotated[int, Meta(ge=1, le=MAX_RATE)]
_Fraction = Annotated[Decimal, Meta(extra=FACTOR)]
_Tokens = Annotated[int, Meta(ge=0, le=100_000_000)]


# --- budgets ------------------------------------------------------------------------------------


class IncreaseSettings(Section, frozen=True):
    """More money than the cap, until a time."""

    usd: Annotated[Usd, Meta(description="By how much.")]
    until: Annotated[str, Meta(description="RFC 3339 time when it ends.")]
    reason: Annotated[str, Meta(min_length=1, max_length=500, description="Why, for the record.")]


class FallbackTo(Section, frozen=True):
    """A model that costs less."""

    model: Annotated[str, Meta(description="Model or route.")]
    provider: Annotated[str | None, Meta(description="Provider; default is whoever serves the model.")] = None


class OnExceeded(Section, frozen=True):
    """Go on with another model."""

    fallback_to: Annotated[FallbackTo, Meta(description="What is used instead, where the budget allows it.")]


class BudgetSettings(Section, frozen=True):
    """Caps of money per period. Several in one are several budgets; all of them hold."""

    max_usd: Annotated[Usd | None, Meta(description="Cap for the period that `reset_duration` names.")] = None
    max_per_hour_usd: Annotated[Usd | None, Meta(description="Cap an hour.")] = None
    max_per_day_usd: Annotated[Usd | None, Meta(description="Cap a day.")] = None
    max_per_week_usd: Annotated[Usd | None, Meta(description="Cap a week.")] = None
    max_per_month_usd: Annotated[Usd | None, Meta(description="Cap a month.")] = None
    max_per_quarter_usd: Annotated[Usd | None, Meta(description="Cap a quarter.")] = None
    max_per_year_usd: Annotated[Usd | None, Meta(description="Cap a year.")] = None
    reset_duration: Annotated[
        Annotated[str, Meta(pattern=r"^([0-9]{1,6}[smhdw]|hourly|daily|weekly|monthly|quarterly|yearly)$")]
        | None,
        Meta(
            description="Period of `max_usd`: rolling (`1h`, `30d`) or by the calendar (`daily` … `yearly`)."
        ),
    ] = None
    timezone: Annotated[
        str | None, Meta(description="IANA zone of the periods; default the customer's, else UTC.")
    ] = None
    week_starts_on: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        Meta(description="First day of a week."),
    ] = "monday"
    anchor: Annotated[
        str | None,
        Meta(
            description="RFC 3339 time that rolling periods are counted from, without a gap; "
            "default the start of 2024 in the zone."
        ),
    ] = None
    strict: Annotated[bool, Meta(description="Never exceed the cap, not even by calls in flight.")] = False
    soft_limit: Annotated[
        list[_Fraction], Meta(description="Fractions of the cap at which a warning is given, such as `0.8`.")
    ] = []
    on_exceeded: Annotated[
        Literal["deny"] | OnExceeded, Meta(description="What becomes of a call that does not fit.")
    ] = "deny"
    increases: Annotated[
        list[IncreaseSettings], Meta(description="Temporary increases; for a budget with one cap only.")
    ] = []


BudgetList = BudgetSettings | Annotated[list[BudgetSettings], Meta(min_length=1)] | None
"""One budget or several."""


# --- rate limits --------------------------------------------------------------------------------


class RateSettings(Section, frozen=True):
    """A number for each limit."""

    requests_per_second: Annotated[_Rate | None, Meta(description="Requests a second.")] = None
    requests_per_minute: Annotated[_Rate | None, Meta(description="Requests a minute.")] = None
    requests_per_hour: Annotated[_Rate | None, Meta(description="Requests an hour.")] = None
    requests_per_day: Annotated[_Rate | None, Meta(description="Requests a day.")] = None
    input_tokens_per_minute: Annotated[_Rate | None, Meta(description="Input tokens a minute.")] = None
    input_tokens_per_day: Annotated[_Rate | None, Meta(description="Input tokens a day.")] = None
    output_tokens_per_minute: Annotated[_Rate | None, Meta(description="Output tokens a minute.")] = None
    output_tokens_per_day: Annotated[_Rate | None, Meta(description="Output tokens a day.")] = None
    tokens_per_minute: Annotated[_Rate | None, Meta(description="Tokens a minute, input and output.")] = None
    tokens_per_day: Annotated[_Rate | None, Meta(description="Tokens a day, input and output.")] = None


class BurstSettings(RateSettings, frozen=True):
    """How much may come at once, by the name of the limit; default is the whole amount of the limit."""


class RateLimitSettings(RateSettings, frozen=True):
    """Caps per time (token buckets), and on what is in flight. All of them hold."""

    concurrent_requests: Annotated[_Rate | None, Meta(description="Requests in flight.")] = None
    burst: Annotated[BurstSettings | None, Meta(description="How much may come at once.")] = None


class TagSettings(Section, frozen=True):
    """Tags that a request brings with it."""

    allowed: Annotated[
        list[str], Meta(description="Names that `x-fastgate-tags` and the body's `metadata` may set.")
    ] = []


class TagBudgetSettings(Section, frozen=True):
    """Caps for all calls that have certain tags."""

    tags: Annotated[
        dict[str, str], Meta(min_length=1, description="Tags that a call must have, all of them.")
    ]
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None


class ModelBudgetSettings(Section, frozen=True):
    """Caps for all calls of certain models, whoever makes them."""

    model: Annotated[str, Meta(min_length=1, description="Glob of the model, in any case.")]
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None


class GatewaySettings(Section, frozen=True):
    """Caps for all calls together."""

    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Caps per time.")] = None


# --- how they are applied -------------------------------------------------------------------------


class QueueSettings(Section, frozen=True):
    """Requests that wait for a rate limit instead of being refused, in fair order among keys."""

    max_wait_ms: Annotated[int, Meta(ge=0, le=600_000, description="Longest wait; 0: none waits.")] = 0
    max_waiting: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Requests that may wait in one worker.")
    ] = 1_000


class LimitsSettings(Section, frozen=True):
    """How rate limits are applied."""

    queue: Annotated[QueueSettings, Meta(description="Waiting.")] = QueueSettings()


class BudgetsSettings(Section, frozen=True):
    """How budgets are applied and shown."""

    default_output_hold_tokens: Annotated[
        _Tokens, Meta(description="Output tokens that are held for a request without a cap of its own.")
    ] = 4_096
    response_headers: Annotated[
        bool, Meta(description="Say in `x-fastgate-budget-…` headers what is left.")
    ] = False
    cost_headers: Annotated[bool, Meta(description="Say in `x-fastgate-cost-usd` what an answer cost.")] = (
        True
    )
    stream_cost: Annotated[bool, Meta(description="End a stream with its cost in an SSE comment.")] = False
    metrics_top: Annotated[
        int,
        Meta(ge=1, le=10_000, description="Budgets of a level with metrics of their own; the rest: `other`."),
    ] = 100


# --- the ledger -----------------------------------------------------------------------------------


class ArchiveSettings(Section, frozen=True):
    """Where entries go before they are deleted."""

    directory: Annotated[str, Meta(min_length=1, description="Directory of the files.")]
    format: Annotated[Literal["parquet", "csv"], Meta(description="Form of the files.")] = "parquet"


class JournalSettings(Section, frozen=True):
    """What workers write down before a call is settled, until the ledger has it."""

    max_mb: Annotated[int, Meta(ge=16, le=1_048_576, description="Most that one worker keeps.")] = 1_024
    fsync: Annotated[
        str,
        Meta(
            pattern=r"^(none|each|[1-9][0-9]{0,4}ms)$",
            description="When a record is on the disk: `none` (when the kernel sees fit; only a crash of the "
            "machine loses any), within `100ms`, or `each` before its call is settled.",
        ),
    ] = "none"


class LedgerSettings(Section, frozen=True):
    """The record of every call that costs."""

    url: Annotated[
        str | None,
        Meta(
            description="Database: `postgresql://…` or `sqlite:///…`; default SQLite in the data directory.",
            extra=SECRET,
        ),
    ] = None
    retention_days: Annotated[
        int, Meta(ge=1, le=36_500, description="How long entries are kept; roll-ups stay for ever.")
    ] = 400
    archive: Annotated[ArchiveSettings | None, Meta(description="Files that entries go to then.")] = None
    when_full: Annotated[
        WhenFull, Meta(description="When the journal has no room: `deny`, or `allow_unrecorded` calls.")
    ] = WhenFull.DENY
    journal: Annotated[JournalSettings, Meta(description="Journals of the workers.")] = JournalSettings()
    drain_interval_ms: Annotated[
        int, Meta(ge=10, le=DAY_S * 1000, description="How often journals are brought into the ledger.")
    ] = 250
