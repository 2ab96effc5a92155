"""The one line that is logged for each exchange: its fields, fixed, each with its doc.

`docs/logs.md` is generated from this module. A field at its default is not written. There is no
field that takes headers or other free form of a request, so no secret can come in by one.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Level = Literal["debug", "info", "warning", "error"]
Client = Literal["", "disconnected"]
Finish = Literal["", "complete", "error", "cut", "cancelled"]


class AttemptRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One try on one deployment."""

    deployment: Annotated[str, Meta(description="Id of the deployment.")]
    credential: Annotated[str, Meta(description="Id of the credential; absent where none is needed.")] = ""
    result: Annotated[
        str,
        Meta(
            description="`ok`; the class of the failure (failover.md, `FailureKind`); or our error code, "
            "where the request was not sent, as the provider cannot be told it."
        ),
    ]
    status: Annotated[int, Meta(description="Status that the provider answered, if it did.")] = 0
    ms: Annotated[float, Meta(description="How long the attempt took, in milliseconds.")] = 0.0
    reused: Annotated[bool, Meta(description="It went over a connection that had served before.")] = False


class ExchangeRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One request of a client, from its head to the end of its response.

    `ts`, `level`, `message`, `pid` and `process` are filled in when the record is logged.
    """

    ts: Annotated[str, Meta(description="When the exchange ended: RFC 3339, UTC, milliseconds.")] = ""
    level: Annotated[
        Literal["", "debug", "info", "warning", "error"],
        Meta(description="`info`, unless the pipeline says otherwise."),
    ] = ""
    message: Annotated[str, Meta(description="Always `exchange`.")] = ""
    pid: Annotated[int, Meta(description="Process id.")] = 0
    process: Annotated[str, Meta(description="`worker-1` … `worker-N`.")] = ""

    request_id: Annotated[str, Meta(description="Also sent to the client, as `x-fastgate-request-id`.")] = ""
    endpoint: Annotated[str, Meta(description="The operation, as in the metrics' label.")] = ""
    method: Annotated[str, Meta(description="HTTP method.")] = ""
    path: Annotated[str, Meta(description="Path of the request, without its query.")] = ""
    stream: Annotated[bool, Meta(description="The client asked for a stream.")] = False
    status: Annotated[int, Meta(description="Status sent to the client; absent if there was none.")] = 0
    code: Annotated[str, Meta(description="Our error code, where the answer is an error of ours.")] = ""
    error: Annotated[str, Meta(description="What went wrong, in one sentence.")] = ""

    virtual_key: Annotated[str, Meta(description="Id of the virtual key.")] = ""
    customer_id: Annotated[str, Meta(description="Customer that the key belongs to.")] = ""
    team_id: Annotated[str, Meta(description="Team that the key belongs to.")] = ""
    tags: Annotated[dict[str, str], Meta(description="Tags of the key and of the request.")] = {}
    metadata: Annotated[dict[str, str], Meta(description="Metadata of customer, team and key.")] = {}

    model: Annotated[str, Meta(description="Model as the client asked for it.")] = ""
    route: Annotated[str, Meta(description="Route that the model led to.")] = ""
    provider: Annotated[str, Meta(description="Provider whose answer the client got.")] = ""
    deployment: Annotated[str, Meta(description="Id of its deployment.")] = ""
    credential: Annotated[str, Meta(description="Id of the credential that was presented.")] = ""
    upstream_model: Annotated[str, Meta(description="Model as the provider was asked for it.")] = ""
    upstream_request_id: Annotated[str, Meta(description="The provider's id of the request.")] = ""

    attempts: Annotated[list[AttemptRecord], Meta(description="Every try, in order.")] = []
    retries: Annotated[int, Meta(description="Tries on the same deployment after the first.")] = 0
    fallbacks: Annotated[int, Meta(description="Changes to another deployment after a failure.")] = 0
    hedges: Annotated[int, Meta(description="Tries started because another was slow.")] = 0

    dropped: Annotated[
        list[str],
        Meta(description="What of the provider's answer the client's format has no place for: `answer.…`."),
    ] = []

    ttft_ms: Annotated[
        float, Meta(description="Milliseconds from the request's head to the first content of a stream.")
    ] = 0.0
    duration_ms: Annotated[
        float, Meta(description="Milliseconds from the request's head to the end of the response.")
    ] = 0.0
    overhead_us: Annotated[int, Meta(description="The gateway's own time, in microseconds.")] = 0
    upstream_ms: Annotated[float, Meta(description="Milliseconds spent waiting for providers.")] = 0.0
    bytes_in: Annotated[int, Meta(description="Bytes of the client's body.")] = 0
    bytes_out: Annotated[int, Meta(description="Bytes of the body sent to the client.")] = 0
    chunks: Annotated[int, Meta(description="Pieces that a stream was sent in.")] = 0

    input_tokens: Annotated[int, Meta(description="Input tokens, cached ones included.")] = 0
    output_tokens: Annotated[int, Meta(description="Output tokens, reasoning included.")] = 0
    cached_input_tokens: Annotated[int, Meta(description="Input tokens from the provider's cache.")] = 0
    reasoning_tokens: Annotated[int, Meta(description="Output tokens spent on reasoning.")] = 0

    cost_nano_usd: Annotated[int, Meta(description="Cost of all attempts, in billionths of a USD.")] = 0
    estimated: Annotated[
        bool, Meta(description="The provider did not say what it consumed, so tokens were counted here.")
    ] = False

    unpriced: Annotated[bool, Meta(description="There was no price, so the cost says nothing.")] = False

    client: Annotated[
        Client,
        Meta(description="`disconnected`: left early."),
    ] = ""
    finish: Annotated[
        Finish,
        Meta(
            description="`complete`; `error`: answered with an error; `cut`: failed after content had been "
            "sent; `cancelled`: ended because the client left."
        ),
    ] = ""

    prompt: Annotated[
        str, Meta(description="First MiB of the request's body; only with `log_prompts` on the virtual key.")
    ] = ""
    answer: Annotated[
        str, Meta(description="First MiB of the response's body; only with `log_prompts` on the virtual key.")
    ] = ""
