"""docs/api.md and docs/errors.md, made from the tables that the code runs on.

`python -m fastgate.api.reference api|errors > docs/….md`; a test compares.
"""

import sys
import textwrap
from typing import Final

from fastgate.api.operations import ANTHROPIC, BEDROCK, COHERE, GOOGLE, OPERATIONS, STORED_RESPONSE
from fastgate.errors import ERRORS
from fastgate.pipeline.operation import BodyKind, Operation

_API_HEAD: Final = """\
# Endpoints

Made by `python -m fastgate.api.reference api`; do not edit.

How to point an SDK here, with examples: [OpenAI's](clients/openai.md), [Anthropic's](clients/anthropic.md),
[Google's](clients/gemini.md), [boto3](clients/bedrock.md), [Cohere's](clients/cohere.md).

## Relayed to a provider

A virtual key goes into `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`, into the access key id of
a request that is signed for AWS, or for Gemini's paths into the query, `?key=`. `x-fg-virtual-key` and `x-bf-vk` win
over those.

Where the provider has an endpoint of the same format, the body is forwarded byte for byte; else it is translated
([providers.md](providers.md)). Only what says model, stream, caps on the output, number of answers, end user,
metadata, service tier, fallbacks and, for responses, `previous_response_id` and `store` is looked at, by each
format's own names. A key that stands twice, or differs from one of these only in case, is refused, since another
parser might read it differently; so are more than 4,096 keys, and forms of more than 1,000 parts. The body comes
without `content-encoding`.

### OpenAI's

Everything below `/v1` is also served without it, below `/openai/v1`, and below `/openai` (where Azure's SDK sends
what has no deployment in its path).

"""

_API_COLUMNS: Final = "| endpoint | body | label in metrics and logs |\n|---|---|---|\n"

_OPENAI_TAIL: Final = """
`POST /openai/deployments/{name}/…?api-version=…` is the same endpoints as Azure's SDK calls them: `{name}` is the
model, the `api-version` is not forwarded.

A stored response is answered by the deployment that made it, for the virtual key that made it; anybody else gets
404 `response_not_found`. It is known for 30 days. `previous_response_id` follows the same rule. Ids of other things
that a provider stores (conversations, items, files) are not checked: whoever knows one can use it with any key that
reaches the same provider account. Responses of providers that do not have this API are stored by the gateway itself
where `responses.store_translated` is on ([settings.md](settings.md)), for as long as `responses.ttl_s` says.

"""

_OTHERS: Final = (
    ("Anthropic's", "Also below `/anthropic`.", "", ANTHROPIC),
    (
        "Google's",
        "Below `/v1`, `/v1beta`, `/v1alpha` and `/v1beta1`, with `/genai` in front or without; and with Vertex AI's "
        "`projects/…/locations/…/publishers/…/` before `models`. The last two are Claude's on Vertex AI.",
        "/v1/models/{model}:",
        GOOGLE,
    ),
    ("Bedrock's", "The model is percent-encoded.", "/model/{model}/", BEDROCK),
    ("Cohere's", "", "", COHERE),
)
"""Title, remark, and the operations by what stands behind the prefix."""

_API_TAIL: Final = """\
## Answered by the gateway

| endpoint | what |
|---|---|
| `GET /v1/models`, `GET /v1/models/{id}` | the models and routes that the virtual key may use; in Anthropic's shape with an `anthropic-version` header, in Gemini's with `x-goog-api-key` or below `/v1beta`, `/v1alpha`, `/genai` |
| `GET /v1/budget` | budgets (limit, spent, reserved, left, reset) and rate limits of this key, its teams and its customer |
| `GET /v1/usage` | calls, tokens and cost of this key by day, the last 30 |
| `GET /`, `HEAD /` | name and version |
| `GET /health/live` | 200 while the process runs |
| `GET /health/ready` | 200 while it takes requests, 503 when it drains |
| `GET /metrics` | Prometheus metrics, OpenMetrics when asked for (docs/metrics.md) |

`HEAD` is answered for `/`, health and metrics, which ask for no virtual key.

## Request headers

| header | meaning |
|---|---|
| `x-request-id` | kept as the request's id if it is at most 128 of `A-Za-z0-9._:/+=@-` |
| `x-fastgate-tags: env=prod, feature=search` | tags of the call, of those that `tags.allowed` names (docs/money.md) |
| `x-fastgate-compat: drop`, `strict`, `pass` | what becomes of fields that the provider cannot be told, instead of the setting `compat` |
| `x-fastgate-dry-run: 1` | answer which deployments would be tried, in order, and why others are out; nothing is called |

Of the client's headers only `openai-organization`, `openai-project`, `openai-beta`, `anthropic-version`,
`anthropic-beta`, Bedrock's `x-amzn-bedrock-guardrailidentifier`, `-guardrailversion`, `-performanceconfig-latency`,
`-service-tier` and `-trace`, `idempotency-key`, `traceparent` and `tracestate` are forwarded, and those in
`upstream.forward_request_headers`; a vendor's own only to that vendor. An `idempotency-key` gets the virtual key's id
in front, since providers keep such keys by account.

## Response headers

| header | meaning |
|---|---|
| `x-fastgate-request-id` | also in the log line; and under the name by which the SDK puts it into its errors: `x-request-id`, `request-id` (Messages), `x-amzn-requestid` (Bedrock) |
| `x-fastgate-provider`, `-model`, `-deployment` | who answered, and the model's name there |
| `x-fastgate-dropped` | what of a request the provider was not told: fields by the names that the client wrote, `anthropic-beta: NAME` of a header; and as `answer.…` what of its answer the client's format has no place for |
| `x-fastgate-model-deprecated` | a sentence: the provider is about to retire the model, or `redirects` named another one in its place |
| `x-fastgate-estimated: 1` | tokens were counted by the gateway, not by the provider |
| `x-fastgate-attempts` | every try in order: `deployment:credential=result(status)`; the code of an error, without a status, where nothing was sent |
| `x-fastgate-cost-usd` | what the call cost, on answers that are not streamed |
| `x-fastgate-budget-warning`, `-budget-limit-usd`, `-budget-spent-usd`, `-budget-left-usd`, `-budget-resets` | the tightest budget, when a soft limit is passed or `budgets.response_headers` is on |
| `x-ratelimit-limit-*`, `-remaining-*`, `-reset-*` with `requests` or `tokens` | the key's tightest limits of either kind |
| `x-fastgate-overhead-us` | the gateway's own time until the response's head, in microseconds |
| `x-fastgate-upstream-request-id` | the provider's `x-request-id`, `request-id`, `apim-request-id` or `x-amzn-requestid` |
| `x-upstream-ratelimit-*` | the provider's `x-ratelimit-*` or `anthropic-ratelimit-*` |
| `openai-processing-ms`, `openai-version`, `openai-model` | as the provider sent them |

## Fallbacks in the body

`"fallbacks": ["openai/gpt-4o", {"provider": "azure", "model": "gpt-4o"}]` are tried, in order, when the model asked
for has no deployment left; then the key's own. The field is cut out before the request is forwarded. It stands at the
top of the body, whatever its format.
"""

_ERRORS_HEAD: Final = """\
# Errors

Made by `python -m fastgate.api.reference errors`; do not edit.

Errors have the shape of the client's format, whoever made them:

| format | shape | in the middle of a stream |
|---|---|---|
| OpenAI's | `{"error": {"message", "type", "param", "code"}}`, all four always there | an event with `error`; of Responses `response.failed` |
| Anthropic's | `{"type": "error", "error": {"type", "message"}, "request_id"}` | `event: error` |
| Gemini's | `{"error": {"code", "message", "status"}}` | the last event, or element of the array |
| Bedrock's | `x-amzn-ErrorType` and `{"message"}` | an exception frame |
| Cohere's | `{"message", "id"}` | |

Code and type below are OpenAI's; the other formats have those of their own that go with the status. A provider's
refusal of the request itself (400, 404, 413, 422 …) is passed through; if its body has another shape, its text is put
into the client's. What follows from which failure upstream is in [failover.md](failover.md).

Statuses are the same for all formats. So a bad key is 401 also for boto3, where AWS says 403: its SDKs go by the name,
`AccessDeniedException`, and raise the same for either.

| code | status | type | when |
|---|---|---|---|
"""

_ERRORS_TAIL: Final = """
## What fastgate is not told

Natively (`server.edge`) each fault of a client's HTTP is answered, logged and counted. Behind granian 2.8 and its
hyper 1.12, two are not fastgate's to answer, or to tell apart:

- **A malformed request head, or one that is too large**, is answered by hyper with an empty 400, 414 or 431, and the
  connection ends. No log line and no metric has it. `Server::on_error` (`src/proto/h1/role.rs`) makes the answer, and
  `Conn::on_parse_error` (`src/proto/h1/conn.rs`) leaves the error to the connection's future, whose result granian
  drops (`conn_handle_h1_impl!`, `src/workers.rs`). Its count of failed connections, which has resets too, is not to be
  had of an embedded server (`granian/server/embed.py` refuses `metrics_enabled`).
- **Malformed chunks, and chunks that break off since the client leaves**, are one event: `ASGIHTTPProtocol::receive`
  (`src/asgi/io.rs`) makes `http.disconnect` of any error that hyper has for a body. Both are refused with
  `invalid_body`, as RFC 9112, 8 lets a server do; a client that has left does not see it. A body with `content-length`
  can only break off: `client` is `disconnected` in its log line, and nothing is answered. By RSGI a trailer behind the
  last chunk cannot be told from these either (`RSGIHTTPProtocol::__anext__`, `src/rsgi/io.rs`), and is refused too.
"""


def api() -> str:
    openai = [_row(f"/v1{path}", operation) for path, operation in OPERATIONS.items()]
    for (method, suffix), operation in STORED_RESPONSE.items():
        below = f"/{suffix}" if suffix else ""
        openai.append(f"| `{method} /v1/responses/{{id}}{below}` | none | `{operation.label}` |\n")
    others = []
    for title, remark, prefix, operations in _OTHERS:
        rows = [_row(prefix + path, operation) for path, operation in operations.items()]
        remarked = f"{textwrap.fill(remark, 118)}\n\n" if remark else ""
        others.append(f"### {title}\n\n{remarked}{_API_COLUMNS}{''.join(rows)}\n")
    return "".join((_API_HEAD, _API_COLUMNS, *openai, _OPENAI_TAIL, *others, _API_TAIL))


def _row(path: str, operation: Operation) -> str:
    body = "multipart/form-data" if operation.body is BodyKind.FORM else "JSON"
    return f"| `POST {path}` | {body} | `{operation.label}` |\n"


def errors() -> str:
    rows = (f"| `{code}` | {spec.status} | `{spec.type}` | {spec.doc} |\n" for code, spec in ERRORS.items())
    return _ERRORS_HEAD + "".join(rows) + _ERRORS_TAIL


if __name__ == "__main__":
    sys.stdout.write({"api": api, "errors": errors}[sys.argv[1]]())
