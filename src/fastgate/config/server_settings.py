"""The processes, the public port, logs and metrics."""

from typing import Annotated, Literal

from msgspec import Meta

from fastgate.config.section import DAY_S, Section
from fastgate.domain.snapshot import StreamFailure
from fastgate.launch import Edge


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
    edge: Annotated[
        Edge,
        Meta(
            description="What speaks HTTP with the clients: `native` is uvloop and httptools in the worker's "
            "own thread, `asgi` and `rsgi` are granian's two interfaces."
        ),
    ] = "native"
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
    keep_alive_s: Annotated[
        float,
        Meta(
            gt=0,
            le=DAY_S,
            description="How long a connection may be idle between two requests. Only the edge `native` "
            "knows it.",
        ),
    ] = 75.0
    head_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=DAY_S,
            description="How long the head of a request may take to arrive. Only the edge `native` knows it; "
            "granian's is 30 s.",
        ),
    ] = 30.0
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
