"""What the simulated provider can be told when it starts: the options of `fastgate sim`."""

from typing import Annotated

import msgspec
from msgspec import Meta

DEFAULT_MODELS = ("fastgate-sim", "fastgate-sim-embedding")

Rate = Annotated[float, Meta(ge=0, le=1)]


class SimOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is a flag of the same name. Rates are shares of the requests, from 0 to 1."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port; 0 takes a free one and prints it.")] = 8090
    fd: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="An inherited listening socket, used instead of host and port."),
    ] = None
    lifeline_fd: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="A socket of the parent's: told when this serves; when it ends, so does this."),
    ] = None
    workers: Annotated[
        int, Meta(ge=1, le=64, description="Processes; each keeps its own stored responses.")
    ] = 1
    ttft_ms: Annotated[float, Meta(ge=0, description="Time to the first token, in milliseconds.")] = 0.0
    tokens_per_s: Annotated[
        float, Meta(ge=0, description="Speed of the answer after the first token; 0: no delay.")
    ] = 0.0
    tokens: Annotated[int, Meta(ge=1, le=100_000, description="Length of an answer, in tokens.")] = 32
    jitter: Annotated[Rate, Meta(description="Share by which each delay varies, at random.")] = 0.0
    error_rate: Annotated[Rate, Meta(description="Share answered with 500.")] = 0.0
    rate_limit_rate: Annotated[Rate, Meta(description="Share answered with 429 and Retry-After.")] = 0.0
    cut_rate: Annotated[
        Rate, Meta(description="Share whose connection is cut in the middle of the answer.")
    ] = 0.0
    stall_rate: Annotated[Rate, Meta(description="Share that falls silent in the middle and never ends.")] = (
        0.0
    )
    retry_after_s: Annotated[float, Meta(ge=0, description="Retry-After of a 429, in seconds.")] = 1.0
    seed: Annotated[int, Meta(description="Seed of everything random.")] = 0
    models: Annotated[
        tuple[str, ...],
        Meta(description="Models served, others get 404; none given: any name is served."),
    ] = ()
    key: Annotated[str | None, Meta(description="Bearer token to require; default: none needed.")] = None
