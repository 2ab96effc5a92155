"""The compiled configuration that workers run on: flat values, everything resolved but secrets.

Written by the supervisor at start and by the control process on reload, as MessagePack; read by
each worker when the generation changes. A secret is kept as the template that the configuration
gave, and resolved by the process that presents it, so a snapshot on disk holds none that the
configuration file did not hold itself.
"""

from enum import StrEnum

import msgspec

from fastgate.domain.endpoint import Endpoint

SNAPSHOT_FORMAT = 1


class Strategy(StrEnum):
    WEIGHTED = "weighted"
    LEAST_BUSY = "least_busy"
    LOWEST_LATENCY = "lowest_latency"
    ROUND_ROBIN = "round_robin"


class SecretRef(msgspec.Struct, frozen=True):
    """`template` as written (`${VAR}`, `env.VAR`, `file:/path`, or a literal); `part` is the index
    in a comma-separated list, -1 for the whole."""

    template: str
    part: int = -1


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `total_s` bounds only calls that are not streamed; 0 switches it off."""

    connect_s: float = 5.0
    headers_s: float = 120.0
    first_content_s: float = 120.0
    between_chunks_s: float = 60.0
    total_s: float = 600.0


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """`max`: further attempts on the same deployment. Backoff is exponential with full jitter."""

    max: int = 1
    backoff_initial_ms: int = 200
    backoff_max_ms: int = 5_000
    max_retry_after_s: float = 60.0


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Opens when `error_ratio` of at least `min_requests` failed within `window_s`; after `open_s`
    (doubled each time, up to `max_open_s`) one probe at a time is let through."""

    window_s: float = 10.0
    min_requests: int = 10
    error_ratio: float = 0.5
    open_s: float = 5.0
    max_open_s: float = 120.0
    cooldown_429_s: float = 10.0


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider's origins are reached. `proxy` is an http:// URL (CONNECT for https origins)."""

    proxy: str | None = None
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    verify_tls: bool = True
    server_hostname: str | None = None
    max_connections: int = 1_000
    max_idle_connections: int = 100
    idle_expiry_s: float = 30.0
    pool_wait_s: float = 10.0
    dns_ttl_s: float = 30.0
    local_address: str | None = None


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    secret: SecretRef | None
    weight: int = 1
    models: tuple[str, ...] | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """`auth_header` is lower case; the secret is presented as `auth_prefix` + secret."""

    name: str
    dialect: str
    auth_header: str
    auth_prefix: str
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    azure_deployments: bool = False
    stream_usage: bool = True
    endpoints: tuple[Endpoint, ...] = tuple(Endpoint)
    credentials: tuple[Credential, ...] = ()
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    network: Network = Network()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One callable target. `id` is unique and stable (`provider/model`, or `provider/region/model`).

    `model` is the name that the upstream is sent; `base_url` has no trailing slash.
    """

    id: str
    provider: str
    model: str
    base_url: str
    region: str | None = None
    credentials: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as a member of a group. `any_model` forwards the requested model's name."""

    deployment: str
    weight: int = 1


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """When a group takes part: all given must hold. Tags are exact; sizes are of the request body."""

    tags: dict[str, str] = {}
    min_body_bytes: int = 0
    max_body_bytes: int = 0


class Group(msgspec.Struct, frozen=True, kw_only=True):
    strategy: Strategy = Strategy.WEIGHTED
    targets: tuple[Target, ...] = ()
    when: Condition | None = None


class Hedge(msgspec.Struct, frozen=True, kw_only=True):
    """`after_ms` 0 means: after the deployment's own p95."""

    after_ms: int = 0
    max: int = 1


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A public model name. `timeouts` and `retries` given here win over the provider's."""

    name: str
    groups: tuple[Group, ...]
    hedge: Hedge | None = None
    timeouts: Timeouts | None = None
    retries: Retries | None = None
    public: bool = True


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the data plane that a reload may change."""

    max_body_bytes: int = 32 * 1024 * 1024
    body_timeout_s: float = 60.0
    max_response_bytes: int = 64 * 1024 * 1024
    max_event_bytes: int = 16 * 1024 * 1024
    open_auth: bool = False
    forward_request_headers: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    retry_budget_ratio: float = 0.2
    retry_budget_min_per_s: float = 5.0
    log_requests: bool = True


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`models` maps each public model name to its route: configured routes first, then what the
    providers' model lists and the catalogue know. `wildcards` are providers that accept any model."""

    format: int = SNAPSHOT_FORMAT
    generation: int
    worker: Worker
    providers: dict[str, Provider]
    deployments: dict[str, Deployment]
    routes: dict[str, Route]
    wildcards: tuple[str, ...] = ()
