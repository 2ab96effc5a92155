"""Every setting with its type, default and doc. An unknown key is an error that names its path.

The shape is the public contract (DESIGN part 10). `docs/settings.md` is generated from it.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fastgate.config.shape import SECRET, SENSITIVE
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.snapshot import Strategy, StreamFailure
from fastgate.domain.virtual_key import OnDisconnect

Usd = Decimal  # exact from the YAML text on; money is never a float
DAY_S = 86_400  # an upper bound that no timer needs, so that nanoseconds of any fit 64 bits
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all settings: immutable, and a typo is an error."""


# --- processes and the public port -------------------------------------------------------------


class Tls(Section, frozen=True):
    """HTTPS on the public port."""

    certificate: Annotated[str, Meta(description="PEM file with the certificate chain.")]
    key: Annotated[str, Meta(description="PEM file with the private key.")]


class Cors(Section, frozen=True):
    """Cross-origin access from browsers; off while `allow_origins` is empty."""

    allow_origins: Annotated[
        list[str], Meta(description="Origins that may call from a browser; `*` allows all.")
    ] = []
    max_age_s: Annotated[
        int, Meta(ge=0, le=31_536_000, description="How long a browser may cache the preflight.")
    ] = 600


class Server(Section, frozen=True):
    """The public port and the processes behind it."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port; 0 takes a free one and prints it.")] = 8080
    workers: Annotated[int, Meta(ge=0, le=256, description="Worker processes; 0 means one a core.")] = 0
    drain_s: Annotated[
        float, Meta(ge=0, le=DAY_S, description="How long open requests may finish after SIGTERM.")
    ] = 60.0
    backlog: Annotated[
        int, Meta(ge=1, le=65_535, description="Connections that may wait to be accepted.")
    ] = 2048
    max_concurrent_requests: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Requests in flight in one worker before new ones wait in the socket.",
        ),
    ] = 16_384
    max_body_bytes: Annotated[
        int, Meta(ge=1024, description="Largest request body; more is answered with 413 while it is read.")
    ] = 32 * 1024 * 1024
    body_timeout_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="Longest wait for the next piece of a request body.")
    ] = 60.0
    tls: Annotated[Tls | None, Meta(description="Serve HTTPS instead of HTTP.")] = None
    cors: Annotated[Cors, Meta(description="Cross-origin access.")] = Cors()


class Auth(Section, frozen=True):
    """Who may call."""

    mode: Annotated[
        Literal["virtual_keys", "open"],
        Meta(description="`open` lets anyone call without a key, on any address; think twice."),
    ] = "virtual_keys"


class Logging(Section, frozen=True):
    """One JSON line an exchange, and one an operational event."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe level that is written.")
    ] = "info"
    requests: Annotated[bool, Meta(description="Write a line for each exchange.")] = True
    file: Annotated[str | None, Meta(description="File to append to; default is standard error.")] = None


class Metrics(Section, frozen=True):
    """Prometheus metrics on `GET /metrics` of the public port."""

    enabled: Annotated[bool, Meta(description="Serve `/metrics`.")] = True
    max_series: Annotated[
        int,
        Meta(
            ge=100,
            le=1_000_000,
            description="Most label combinations a worker keeps; further ones count as `other`.",
        ),
    ] = 10_000


# --- providers ----------------------------------------------------------------------------------


class TimeoutSettings(Section, frozen=True):
    """Four timers, each on its own, and a deadline for calls that are not streamed."""

    connect_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None, Meta(description="TCP and TLS set-up. Default 5.")
    ] = None
    headers_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="Until the response's status line. Default 120."),
    ] = None
    first_content_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="From the sent request to the first token of a stream. Default 120."),
    ] = None
    between_chunks_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="Longest silence inside a stream. Default 60."),
    ] = None
    total_s: Annotated[
        Annotated[float, Meta(ge=0, le=DAY_S)] | None,
        Meta(description="Deadline of a call that is not streamed, all attempts; 0: none. Default 600."),
    ] = None


class RetrySettings(Section, frozen=True):
    """Further attempts on the same deployment, when no other one is left."""

    max: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None, Meta(description="Further attempts. Default 1.")
    ] = None
    backoff_initial_ms: Annotated[
        Annotated[int, Meta(ge=0, le=3_600_000)] | None,
        Meta(description="Upper bound of the first wait (full jitter). Default 200."),
    ] = None
    backoff_max_ms: Annotated[
        Annotated[int, Meta(ge=0, le=3_600_000)] | None,
        Meta(description="Upper bound of any wait. Default 5000."),
    ] = None
    max_retry_after_s: Annotated[
        Annotated[float, Meta(ge=0, le=DAY_S)] | None,
        Meta(description="A `Retry-After` beyond this is not waited for in the request. Default 60."),
    ] = None


class BreakerSettings(Section, frozen=True):
    """When a failing deployment is left alone (circuit breaker), and how it is tried again."""

    window_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="Window that failures are counted in. Default 10."),
    ] = None
    min_requests: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Fewer in the window never open it. Default 10."),
    ] = None
    error_ratio: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="Share of failures that opens it. Default 0.5."),
    ] = None
    open_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="First time it stays open; doubled each time. Default 5."),
    ] = None
    max_open_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="Longest time it stays open. Default 120."),
    ] = None
    cooldown_429_s: Annotated[
        Annotated[float, Meta(gt=0, le=DAY_S)] | None,
        Meta(description="Cooldown of a credential after a 429 without `Retry-After`. Default 10."),
    ] = None


class NetworkSettings(Section, frozen=True):
    """How a provider is reached."""

    proxy: Annotated[
        str | None,
        Meta(
            description="`http://host:port`, or `none`; default from HTTPS_PROXY, HTTP_PROXY, NO_PROXY.",
            extra=SENSITIVE,
        ),
    ] = None
    ca_file: Annotated[str | None, Meta(description="PEM file of CAs to trust instead of the system's.")] = (
        None
    )
    client_cert: Annotated[str | None, Meta(description="PEM file with a client certificate.")] = None
    client_key: Annotated[str | None, Meta(description="PEM file with its key.")] = None
    verify_tls: Annotated[bool, Meta(description="Switch off only against a test server.")] = True
    server_hostname: Annotated[
        str | None, Meta(description="Name for SNI and verification, where it differs.")
    ] = None
    max_connections: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Connections to one origin, per worker.")
    ] = 10_000
    max_idle_connections: Annotated[int, Meta(ge=0, le=1_000_000, description="Idle ones that are kept.")] = (
        100
    )
    idle_expiry_s: Annotated[
        float, Meta(ge=0, le=DAY_S, description="Idle connections are closed after this.")
    ] = 30.0
    pool_wait_s: Annotated[float, Meta(ge=0, le=DAY_S, description="Longest wait for a free connection.")] = (
        10.0
    )
    dns_ttl_s: Annotated[float, Meta(ge=0, le=DAY_S, description="How long a resolved address is used.")] = (
        30.0
    )


class CredentialSettings(Section, frozen=True):
    """One secret to present to a provider."""

    secret: Annotated[
        str, Meta(description="The secret: `${VAR}`, `env.VAR`, `file:/path`, or `none`.", extra=SECRET)
    ]
    id: Annotated[
        Identifier | None, Meta(description="Name in logs and metrics; default `credential-N`.")
    ] = None
    weight: Annotated[int, Meta(ge=1, le=1_000_000, description="Share of the calls.")] = 1
    models: Annotated[list[str] | None, Meta(description="Globs of the models it may be used for.")] = None


class DeploymentSettings(Section, frozen=True):
    """A model at one region or URL of the provider."""

    model: Annotated[str, Meta(description="Public name of the model.")]
    upstream_model: Annotated[
        str | None, Meta(description="Name that the provider is sent; default `model`.")
    ] = None
    region: Annotated[
        str | None, Meta(description="Part of the deployment's name, and `{region}` in URLs.")
    ] = None
    base_url: Annotated[str | None, Meta(description="URL, where it differs from the provider's.")] = None
    credentials: Annotated[
        list[str] | None, Meta(description="Ids of the credentials it uses; default all.")
    ] = None


class ProviderSettings(Section, frozen=True):
    """A vendor, or a server of one's own. A known name needs only credentials."""

    dialect: Annotated[Literal["openai"] | None, Meta(description="Wire dialect; known names bring it.")] = (
        None
    )
    base_url: Annotated[
        str | None, Meta(description="URL up to and including the version, without a slash at the end.")
    ] = None
    credentials: Annotated[
        list[CredentialSettings], Meta(description="Secrets, chosen by weight, rotated on failure.")
    ] = []
    models: Annotated[list[str] | None, Meta(description="Models it serves; default is the catalogue.")] = (
        None
    )
    deployments: Annotated[
        list[DeploymentSettings], Meta(description="Models at regions or URLs of their own.")
    ] = []
    any_model: Annotated[
        bool | None, Meta(description="Accept names that no list knows, as `provider/name`.")
    ] = None
    auth_header: Annotated[str | None, Meta(description="Header that carries the secret.")] = None
    auth_prefix: Annotated[str | None, Meta(description="What stands before the secret in it.")] = None
    headers: Annotated[
        dict[str, Annotated[str, Meta(extra=SENSITIVE)]], Meta(description="Headers added to every call.")
    ] = {}
    api_version: Annotated[str | None, Meta(description="`api-version` query parameter (Azure).")] = None
    resource: Annotated[str | None, Meta(description="`{resource}` of the URL (Azure OpenAI).")] = None
    host: Annotated[str | None, Meta(description="`{host}` of the URL (Databricks).")] = None
    url_style: Annotated[
        Literal["v1", "deployments"] | None,
        Meta(description="Azure: `/openai/v1` or `/openai/deployments/NAME`."),
    ] = None
    endpoints: Annotated[
        list[Endpoint] | None, Meta(description="Endpoints it offers; default from the table.")
    ] = None
    stream_usage: Annotated[
        bool | None, Meta(description="Whether it takes `stream_options.include_usage`.")
    ] = None
    timeouts: Annotated[TimeoutSettings, Meta(description="Timers.")] = TimeoutSettings()
    retries: Annotated[RetrySettings, Meta(description="Retries.")] = RetrySettings()
    breaker: Annotated[BreakerSettings, Meta(description="Circuit breaker.")] = BreakerSettings()
    network: Annotated[NetworkSettings, Meta(description="Connections.")] = NetworkSettings()


# --- routes -------------------------------------------------------------------------------------


class TargetSettings(Section, frozen=True):
    """A deployment in a group."""

    provider: Annotated[str, Meta(description="Name of a configured provider.")]
    model: Annotated[str, Meta(description="Model at that provider.")]
    region: Annotated[str | None, Meta(description="Only the deployment of this region.")] = None
    weight: Annotated[int, Meta(ge=1, le=1_000_000, description="Share of the calls, with `weighted`.")] = 1


class ConditionSettings(Section, frozen=True):
    """When a group takes part; all that is given must hold."""

    tags: Annotated[dict[str, str], Meta(description="Tags of the key that must be equal.")] = {}
    min_body_bytes: Annotated[int, Meta(ge=0, description="Smallest request body.")] = 0
    max_body_bytes: Annotated[int, Meta(ge=0, description="Largest request body; 0: any.")] = 0


class GroupSettings(Section, frozen=True):
    """Deployments that share the load; the next group is used when this one has nothing left."""

    deployments: Annotated[list[TargetSettings], Meta(min_length=1, description="Its members.")]
    strategy: Annotated[Strategy, Meta(description="How a member is chosen.")] = Strategy.WEIGHTED
    when: Annotated[ConditionSettings | None, Meta(description="Condition on the request.")] = None


GroupList = Annotated[list[GroupSettings], Meta(min_length=1)]


class HedgeSettings(Section, frozen=True):
    """A second attempt on the next deployment when the first is slow; the first content wins."""

    after: Annotated[
        str,
        Meta(
            pattern=r"^(p95|[0-9]{1,6}(\.[0-9]{1,6})?(ms|s))$",
            description="`p95`, or a time such as `800ms`.",
        ),
    ] = "p95"
    max: Annotated[int, Meta(ge=1, le=3, description="Further attempts at the same time.")] = 1


class RouteSettings(Section, frozen=True):
    """A route with options; a plain list of groups is the short form."""

    groups: Annotated[GroupList, Meta(description="Groups, in order.")]
    hedge: Annotated[HedgeSettings | None, Meta(description="Hedging; off by default.")] = None
    timeouts: Annotated[TimeoutSettings | None, Meta(description="Timers that win over the provider's.")] = (
        None
    )
    stream_failure: Annotated[
        StreamFailure | None, Meta(description="As `upstream.stream_failure`, for this route.")
    ] = None
    retries: Annotated[RetrySettings | None, Meta(description="Retries that win over the provider's.")] = None


# --- customers, teams, keys ----------------------------------------------------------------------


class BudgetSettings(Section, frozen=True):
    """A cap of money per period. Checked for form only in this version: see CHANGELOG."""

    max_usd: Annotated[Usd | None, Meta(description="Cap for the period that `reset_duration` names.")] = None
    max_per_hour_usd: Annotated[Usd | None, Meta(description="Cap an hour.")] = None
    max_per_day_usd: Annotated[Usd | None, Meta(description="Cap a day.")] = None
    max_per_week_usd: Annotated[Usd | None, Meta(description="Cap a week.")] = None
    max_per_month_usd: Annotated[Usd | None, Meta(description="Cap a month.")] = None
    max_per_quarter_usd: Annotated[Usd | None, Meta(description="Cap a quarter.")] = None
    max_per_year_usd: Annotated[Usd | None, Meta(description="Cap a year.")] = None
    reset_duration: Annotated[
        Annotated[str, Meta(pattern=r"^([0-9]+[smhdw]|hourly|daily|weekly|monthly|quarterly|yearly)$")]
        | None,
        Meta(
            description="Rolling (`1h`, `30d`) or calendar period (`daily` … `yearly`).",
        ),
    ] = None
    timezone: Annotated[str | None, Meta(description="IANA zone of calendar periods.")] = None
    strict: Annotated[bool, Meta(description="Never exceed the cap, not even by calls in flight.")] = False


class RateLimitSettings(Section, frozen=True):
    """A cap per time. Checked for form only in this version: see CHANGELOG."""

    requests_per_second: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Requests a second.")
    ] = None
    requests_per_minute: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Requests a minute.")
    ] = None
    requests_per_hour: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Requests an hour.")] = (
        None
    )
    requests_per_day: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Requests a day.")] = None
    tokens_per_minute: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens a minute, input and output.")
    ] = None
    tokens_per_day: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Tokens a day, input and output.")
    ] = None
    concurrent_requests: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Requests in flight.")
    ] = None


class FallbackSettings(Section, frozen=True):
    """A model to try when the one that was asked for has no deployment left."""

    model: Annotated[str, Meta(description="Model or route.")]
    provider: Annotated[str | None, Meta(description="Provider; default is whoever serves the model.")] = None


class CustomerSettings(Section, frozen=True):
    """Who is billed."""

    id: Annotated[Identifier, Meta(description="Unique name.")]
    timezone: Annotated[str | None, Meta(description="IANA zone of calendar periods.")] = None
    budget: Annotated[BudgetSettings | None, Meta(description="Cap of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Cap per time.")] = None
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}


class TeamSettings(Section, frozen=True):
    """A part of a customer."""

    id: Annotated[Identifier, Meta(description="Unique name.")]
    customer_id: Annotated[str | None, Meta(description="The customer it belongs to.")] = None
    budget: Annotated[BudgetSettings | None, Meta(description="Cap of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Cap per time.")] = None
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}


class VirtualKeySettings(Section, frozen=True):
    """A workload's credential, with what it may use."""

    id: Annotated[Identifier, Meta(description="Unique name; the secret is another thing.")]
    secret: Annotated[
        str | None, Meta(description="The secret, as `${VAR}` or `file:/path`.", extra=SECRET)
    ] = None
    secret_hash: Annotated[
        Annotated[str, Meta(pattern=r"^(sha256:)?[0-9a-f]{64}$")] | None,
        Meta(description="SHA-256 of the secret, hexadecimal.", extra=SENSITIVE),
    ] = None
    enabled: Annotated[bool, Meta(description="Switched off, it is answered with 401.")] = True
    expires_at: Annotated[str | None, Meta(description="RFC 3339 time after which it is refused.")] = None
    customer_id: Annotated[str | None, Meta(description="Customer it belongs to.")] = None
    team_id: Annotated[str | None, Meta(description="Team it belongs to.")] = None
    allowed_providers: Annotated[list[str] | None, Meta(description="Providers it may use; default all.")] = (
        None
    )
    allowed_models: Annotated[
        list[str] | None, Meta(description="Globs of models and routes it may use.")
    ] = None
    denied_models: Annotated[
        list[str], Meta(description="Globs that it may not use, whatever is allowed.")
    ] = []
    fallbacks: Annotated[
        list[FallbackSettings], Meta(description="Tried in order when nothing else is left.")
    ] = []
    budget: Annotated[BudgetSettings | None, Meta(description="Cap of money.")] = None
    rate_limit: Annotated[RateLimitSettings | None, Meta(description="Cap per time.")] = None
    tags: Annotated[dict[str, str], Meta(description="For route conditions and records.")] = {}
    metadata: Annotated[dict[str, str], Meta(description="Free-form, copied onto every record.")] = {}
    log_prompts: Annotated[bool, Meta(description="Write prompts and answers to the log.")] = False
    on_disconnect: Annotated[
        OnDisconnect, Meta(description="When the client leaves: `cancel` the upstream, or `drain` it.")
    ] = OnDisconnect.CANCEL
    drain_max_s: Annotated[float, Meta(gt=0, le=DAY_S, description="Longest time that `drain` goes on.")] = (
        30.0
    )


# --- money (typed here so that a configuration is checked whole) ------------------------------------


class PriceSettings(Section, frozen=True):
    """A price of one's own. Checked for form only in this version: see CHANGELOG."""

    provider: Annotated[str, Meta(description="Provider.")]
    model: Annotated[str, Meta(description="Model.")]
    input_per_mtok_usd: Annotated[Usd | None, Meta(description="A million input tokens.")] = None
    output_per_mtok_usd: Annotated[Usd | None, Meta(description="A million output tokens.")] = None


class AssumedPrice(Section, frozen=True):
    """Price of models that have none."""

    input_per_mtok_usd: Annotated[Usd, Meta(description="A million input tokens.")]
    output_per_mtok_usd: Annotated[Usd, Meta(description="A million output tokens.")]


class AssumeUnpriced(Section, frozen=True):
    """Unpriced models are billed at an assumed price."""

    assume: Annotated[AssumedPrice, Meta(description="The price.")]


# --- the rest ----------------------------------------------------------------------------------------


class Upstream(Section, frozen=True):
    """What holds for the calls to every provider."""

    forward_request_headers: Annotated[
        list[str], Meta(description="Client headers that are forwarded, beside the built-in allow list.")
    ] = []
    stream_failure: Annotated[
        StreamFailure,
        Meta(
            description="When a stream breaks off after its first content: `fail` ends it with the dialect's "
            "error; `continue` lets the next deployment go on with the answer, where it is plain text."
        ),
    ] = StreamFailure.FAIL
    max_response_bytes: Annotated[
        int, Meta(ge=1024, description="Largest response that is not streamed.")
    ] = 64 * 1024 * 1024
    max_event_bytes: Annotated[int, Meta(ge=1024, description="Largest single event of a stream.")] = (
        16 * 1024 * 1024
    )
    retry_budget_ratio: Annotated[
        float,
        Meta(ge=0, le=10, description="Retries and fallbacks may be at most this share of the requests."),
    ] = 0.2
    retry_budget_min_per_s: Annotated[
        float, Meta(ge=0, le=1_000_000, description="Retries that are always allowed, a second and worker.")
    ] = 5.0


class Settings(Section, frozen=True):
    """The whole configuration."""

    data_dir: Annotated[str, Meta(description="Directory of the shared files, mode 0700.")] = (
        "./fastgate-data"
    )
    server: Annotated[Server, Meta(description="Public port and processes.")] = Server()
    auth: Annotated[Auth, Meta(description="Who may call.")] = Auth()
    logging: Annotated[Logging, Meta(description="Logs.")] = Logging()
    metrics: Annotated[Metrics, Meta(description="Metrics.")] = Metrics()
    upstream: Annotated[Upstream, Meta(description="Calls to providers.")] = Upstream()
    providers: Annotated[dict[Identifier, ProviderSettings], Meta(description="Vendors, by name.")] = {}
    routes: Annotated[
        dict[
            Annotated[str, Meta(min_length=1)],
            Annotated[list[GroupSettings], Meta(min_length=1)] | RouteSettings,
        ],
        Meta(description="Public model names of one's own."),
    ] = {}
    customers: Annotated[list[CustomerSettings], Meta(description="Who is billed.")] = []
    teams: Annotated[list[TeamSettings], Meta(description="Parts of customers.")] = []
    virtual_keys: Annotated[list[VirtualKeySettings], Meta(description="Credentials of workloads.")] = []
    prices: Annotated[list[PriceSettings], Meta(description="Prices of one's own.")] = []
    unpriced: Annotated[
        Literal["deny", "allow"] | AssumeUnpriced, Meta(description="What becomes of models without a price.")
    ] = "deny"
