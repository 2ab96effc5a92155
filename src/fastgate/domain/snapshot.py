"""The compiled configuration that workers run on: flat values, everything resolved but secrets.

Written by the control process, at the start and on each reload, as MessagePack; read by each worker
when the generation changes. A secret is kept as the template that the configuration
gave, and resolved by the process that presents it, so a snapshot on disk holds none that the
configuration file did not hold itself.
"""

from enum import StrEnum
from typing import Final

import msgspec

from fastgate.domain.account import Accounts
from fastgate.domain.credential import AwsKeyRefs, Identity, SecretRef
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.price import PriceBook

SNAPSHOT_FORMAT = 3
MAX_MODEL_NAME: Final = 256  # bounds what a client can make the regular expressions and the caches work on


class Strategy(StrEnum):
    WEIGHTED = "weighted"
    LEAST_BUSY = "least_busy"
    LOWEST_LATENCY = "lowest_latency"
    ROUND_ROBIN = "round_robin"


class StreamFailure(StrEnum):
    """What follows when a stream breaks off after its first content."""

    FAIL = "fail"
    CONTINUE = "continue"


class Unpriced(StrEnum):
    """What becomes of a call that has no price."""

    DENY = "deny"
    DENY_BUDGETED = "deny_budgeted"  # refused where a budget applies to it
    ALLOW = "allow"


class Compat(StrEnum):
    """What becomes of a field of a request that the provider cannot be told."""

    DROP = "drop"
    STRICT = "strict"
    PASS = "pass"  # noqa: S105 (no password: it is passed on as it is)


class WhenFull(StrEnum):
    """What becomes of calls while the journal has no room left."""

    DENY = "deny"
    ALLOW_UNRECORDED = "allow_unrecorded"


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
    max_connections: int = 10_000
    max_idle_connections: int = 100
    idle_expiry_s: float = 30.0
    pool_wait_s: float = 10.0
    dns_ttl_s: float = 30.0


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One of `secret`, `aws_keys` and `identity`, or none of them: then there is nothing to present.

    `fingerprint` changes when the configuration of the secret does; it says nothing about its value.
    `models` are globs of what it may be used for; None means everything.
    """

    id: str
    secret: SecretRef | None = None
    aws_keys: AwsKeyRefs | None = None
    identity: Identity | None = None
    fingerprint: str = ""
    weight: int = 1
    models: tuple[str, ...] | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """`auth_header` is lower case; the secret is presented as `auth_prefix` + secret.

    `query` goes onto every URL, without the `?`. With `azure_deployments` the path of a call that names
    a model is `/deployments/MODEL/chat/completions` instead of `/chat/completions`. `endpoints` it has
    itself; `serves` are those and what can be translated into its formats.
    """

    name: str
    dialect: str
    auth_header: str
    auth_prefix: str
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    azure_deployments: bool = False
    stream_usage: bool = True
    output_cap: str = "max_tokens"
    endpoints: tuple[Endpoint, ...] = ()
    serves: tuple[Endpoint, ...] = ()
    credentials: tuple[Credential, ...] = ()
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    breaker: Breaker = Breaker()
    network: Network = Network()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One callable target. `id` is unique and stable: `provider/model`, or `provider/region/model`.

    `model` is its public name and a safe label: it comes from the configuration or the catalogue, and
    is `*` where any name is taken. `upstream_model` is the name that the upstream is sent; None sends
    the name that was asked for. `base_url` has no trailing slash. `credentials` are ids. `deprecated`: its
    vendor says so.
    """

    id: str
    provider: str
    model: str
    upstream_model: str | None
    base_url: str
    region: str | None = None
    credentials: tuple[str, ...] = ()
    deprecated: bool = False


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider serves: names to ids of deployments, then (regular expression, id) in order.

    Both compare without regard to case; the expressions are searched in the lower-case name.
    `wildcard` is the deployment that takes any other name as `provider/name`.
    """

    names: dict[str, tuple[str, ...]] = {}
    patterns: tuple[tuple[str, str], ...] = ()
    wildcard: str | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as a member of a group, and the name that it is sent.

    `timeouts` and `retries` are set where the route's win over the provider's.
    """

    deployment: str
    model: str
    weight: int = 1
    timeouts: Timeouts | None = None
    retries: Retries | None = None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """When a group takes part: all given must hold. Tags are exact; sizes are of the request body.

    `max_body_bytes` 0 means: any.
    """

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
    """A public model name of the configuration's own. `stream_failure` None: as `Worker.stream_failure`."""

    name: str
    groups: tuple[Group, ...]
    hedge: Hedge | None = None
    stream_failure: StreamFailure | None = None


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """How holds are estimated, and what clients are told.

    `default_output_hold_tokens` is what one output without a cap is taken for.
    """

    default_output_hold_tokens: int = 4_096
    unpriced: Unpriced = Unpriced.DENY_BUDGETED
    cost_headers: bool = True
    budget_headers: bool = False
    stream_cost: bool = False


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """How long a request waits for a rate limit, and how many may in one worker; 0: none."""

    max_wait_ms: int = 0
    max_waiting: int = 0


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """`max_bytes` of one worker. `sync_ms`: each record is on the disk after so long at most; 0: at once,
    -1: when the kernel sees fit."""

    max_bytes: int = 1 << 30
    sync_ms: int = -1
    when_full: WhenFull = WhenFull.DENY


class KeptResponses(msgspec.Struct, frozen=True, kw_only=True):
    """Responses of providers that keep none themselves: for `ttl_s`, and of `max_bytes` all together."""

    on: bool = False
    ttl_s: int = 30 * 86_400
    max_bytes: int = 1 << 30


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the data plane that a reload may change."""

    max_body_bytes: int = 32 * 1024 * 1024
    body_timeout_s: float = 60.0
    max_response_bytes: int = 64 * 1024 * 1024
    max_event_bytes: int = 16 * 1024 * 1024
    open_auth: bool = False
    forward_request_headers: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    cors_max_age_s: int = 600
    retry_budget_ratio: float = 0.2
    retry_budget_min_per_s: float = 5.0
    log_requests: bool = True
    stream_failure: StreamFailure = StreamFailure.FAIL
    compat: Compat = Compat.DROP
    money: Money = Money()
    queue: Queue = Queue()
    journal: Journal = Journal()
    responses: KeptResponses = KeptResponses()


class TagAccounts(msgspec.Struct, frozen=True, array_like=True):
    """For exchanges that have all of `tags`."""

    tags: dict[str, str]
    accounts: Accounts


class ModelAccounts(msgspec.Struct, frozen=True, array_like=True):
    """For calls whose deployment's model matches the glob `model`, without regard to case."""

    model: str
    accounts: Accounts


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`serves` is by provider, in the order of the configuration, which is the order of preference.

    `owners` is by `gateway/`, `customer/ID`, `team/ID`, `provider/NAME` and `deployment/ID`; those without a
    budget or a limit are left out. `redirects` are from lower-case public names to public names.
    `allowed_tags` are the names that a request may set tags by.
    """

    format: int = SNAPSHOT_FORMAT
    generation: int
    worker: Worker
    providers: dict[str, Provider]
    deployments: dict[str, Deployment]
    serves: dict[str, Served]
    routes: dict[str, Route]
    redirects: dict[str, str] = {}
    prices: PriceBook = PriceBook()
    owners: dict[str, Accounts] = {}
    tag_accounts: tuple[TagAccounts, ...] = ()
    model_accounts: tuple[ModelAccounts, ...] = ()
    allowed_tags: tuple[str, ...] = ()
