"""Providers: how they are reached, and what they serve."""

from typing import Annotated, Literal

from msgspec import Meta

from fastgate.config.identity_settings import AwsSettings, AzureSettings, GoogleSettings
from fastgate.config.money_settings import BudgetList, RateLimitSettings
from fastgate.config.section import DAY_S, Identifier, Section
from fastgate.config.shape import SECRET, SENSITIVE
from fastgate.domain.dialect import DialectName
from fastgate.domain.endpoint import Endpoint


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
    """One secret to present to a provider, or a login that is exchanged for one."""

    secret: Annotated[
        str | None,
        Meta(description="The secret: `${VAR}`, `env.VAR`, `file:/path`, or `none`.", extra=SECRET),
    ] = None
    aws: Annotated[AwsSettings | None, Meta(description="In its place: AWS (Bedrock).")] = None
    google: Annotated[GoogleSettings | None, Meta(description="In its place: Google (Vertex AI).")] = None
    azure: Annotated[AzureSettings | None, Meta(description="In its place: Entra ID (Azure OpenAI).")] = None
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
    limits: Annotated[
        RateLimitSettings | None, Meta(description="Caps per time at the provider: beyond, another is used.")
    ] = None


class ProviderSettings(Section, frozen=True):
    """A vendor, or a server of one's own. A known name needs only credentials."""

    dialect: Annotated[DialectName | None, Meta(description="Wire dialect; known names bring it.")] = None
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
    region: Annotated[
        str | None, Meta(description="`{region}` of the URL (Bedrock, Vertex AI), for all its models.")
    ] = None
    project: Annotated[str | None, Meta(description="`{project}` of the URL (Vertex AI).")] = None
    resource: Annotated[str | None, Meta(description="`{resource}` of the URL (Azure OpenAI).")] = None
    host: Annotated[str | None, Meta(description="`{host}` of the URL (Databricks).")] = None
    url_style: Annotated[
        Literal["v1", "deployments"] | None,
        Meta(description="Azure: `/openai/v1` or `/openai/deployments/NAME`."),
    ] = None
    endpoints: Annotated[
        list[Endpoint] | None,
        Meta(
            description="Endpoints it offers; default from the table. One for conversations brings all of "
            "those, by translation; likewise embeddings, and rerank."
        ),
    ] = None
    stream_usage: Annotated[
        bool | None, Meta(description="Whether it takes `stream_options.include_usage`.")
    ] = None
    timeouts: Annotated[TimeoutSettings, Meta(description="Timers.")] = TimeoutSettings()
    retries: Annotated[RetrySettings, Meta(description="Retries.")] = RetrySettings()
    breaker: Annotated[BreakerSettings, Meta(description="Circuit breaker.")] = BreakerSettings()
    network: Annotated[NetworkSettings, Meta(description="Connections.")] = NetworkSettings()
    budget: Annotated[BudgetList, Meta(description="Caps of money.")] = None
    limits: Annotated[
        RateLimitSettings | None,
        Meta(description="Caps per time of the whole provider: beyond, another is used."),
    ] = None
