"""docs/api.md and docs/errors.md, made from the tables that the code runs on.

`python -m fastgate.api.reference api|errors > docs/….md`; a test compares.
"""

import sys
from typing import Final

from fastgate.api.operations import OPERATIONS, STORED_RESPONSE
from fastgate.errors import ERRORS
from fastgate.pipeline.operation import BodyKind

_API_HEAD: Final = """\
# Endpoints

Made by `python -m fastgate.api.reference api`; do not edit.

Everything below `/v1` is also served without it, below `/openai/v1`, and below `/openai` (where Azure's SDK sends
what has no deployment in its path).

## Relayed to a provider

A virtual key goes into `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`; `x-fg-virtual-key` and
`x-bf-vk` win over those. The body is forwarded byte for byte: only `model`, `stream`, `stream_options`,
`max_tokens`, `max_completion_tokens`, `n`, `user`, `metadata`, `service_tier`, `fallbacks` and, for responses,
`previous_response_id`, `store` and `max_output_tokens` are looked at. A key that stands twice, or differs from one of these only in case,
is refused, since another parser might read it differently; so are more than 4,096 keys, and forms of more than 1,000
parts. The body comes without `content-encoding`.

| endpoint | body | label in metrics and logs |
|---|---|---|
"""

_API_TAIL: Final = """
`POST /openai/deployments/{name}/…?api-version=…` is the same endpoints as Azure's SDK calls them: `{name}` is the
model, the `api-version` is not forwarded.

A stored response is answered by the deployment that made it, for the virtual key that made it; anybody else gets
404 `response_not_found`. It is known for 30 days. `previous_response_id` follows the same rule. Ids of other things
that a provider stores (conversations, items, files) are not checked: whoever knows one can use it with any key that
reaches the same provider account.

## Answered by the gateway

| endpoint | what |
|---|---|
| `GET /v1/models`, `GET /v1/models/{id}` | the models and routes that the virtual key may use |
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
| `x-fastgate-dry-run: 1` | answer which deployments would be tried, in order, and why others are out; nothing is called |

Of the client's headers only `openai-organization`, `openai-project`, `openai-beta`, `idempotency-key`, `traceparent`
and `tracestate` are forwarded, and those in `upstream.forward_request_headers`. An `idempotency-key` gets the virtual
key's id in front, since providers keep such keys by account.

## Response headers

| header | meaning |
|---|---|
| `x-fastgate-request-id` | also in the log line |
| `x-fastgate-provider`, `-model`, `-deployment` | who answered, and the model's name there |
| `x-fastgate-attempts` | every try in order: `deployment:credential=result(status)` |
| `x-fastgate-cost-usd` | what the call cost, on answers that are not streamed |
| `x-fastgate-budget-warning`, `-budget-limit-usd`, `-budget-spent-usd`, `-budget-left-usd`, `-budget-resets` | the tightest budget, when a soft limit is passed or `budgets.response_headers` is on |
| `x-ratelimit-limit-*`, `-remaining-*`, `-reset-*` with `requests` or `tokens` | the key's tightest limits of either kind |
| `x-fastgate-overhead-us` | the gateway's own time until the response's head, in microseconds |
| `x-fastgate-upstream-request-id` | the provider's `x-request-id` |
| `x-upstream-ratelimit-*` | the provider's `x-ratelimit-*` |
| `openai-processing-ms`, `openai-version`, `openai-model` | as the provider sent them |

## Fallbacks in the body

`"fallbacks": ["openai/gpt-4o", {"provider": "azure", "model": "gpt-4o"}]` are tried, in order, when the model asked
for has no deployment left; then the key's own. The field is cut out before the request is forwarded.
"""

_ERRORS_HEAD: Final = """\
# Errors

Made by `python -m fastgate.api.reference errors`; do not edit.

Errors of the gateway have OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`, all four always there.
A provider's refusal of the request itself (400, 404, 413, 422 …) is passed through; if its body has another shape,
its text is put into this one. What follows from which failure upstream is in [failover.md](failover.md).

| code | status | type | when |
|---|---|---|---|
"""

_ERRORS_TAIL: Final = """
## What fastgate is not told

Behind granian 2.8 and its hyper 1.12, two faults of a client's HTTP are not fastgate's to answer, or to tell apart:

- **A malformed request head, or one that is too large**, is answered by hyper with an empty 400, 414 or 431, and the
  connection ends. No log line and no metric has it. `Server::on_error` (`src/proto/h1/role.rs`) makes the answer, and
  `Conn::on_parse_error` (`src/proto/h1/conn.rs`) leaves the error to the connection's future, whose result granian
  drops (`conn_handle_h1_impl!`, `src/workers.rs`). Its count of failed connections, which has resets too, is not to be
  had of an embedded server (`granian/server/embed.py` refuses `metrics_enabled`).
- **Malformed chunks, and chunks that break off since the client leaves**, are one event: `ASGIHTTPProtocol::receive`
  (`src/asgi/io.rs`) makes `http.disconnect` of any error that hyper has for a body. Both are refused with
  `invalid_body`, as RFC 9112, 8 lets a server do; a client that has left does not see it. A body with `content-length`
  can only break off: `client` is `disconnected` in its log line, and nothing is answered.
"""


def api() -> str:
    rows = []
    for path, operation in OPERATIONS.items():
        body = "multipart/form-data" if operation.body is BodyKind.FORM else "JSON"
        rows.append(f"| `POST /v1{path}` | {body} | `{operation.label}` |\n")
    for (method, suffix), operation in STORED_RESPONSE.items():
        below = f"/{suffix}" if suffix else ""
        rows.append(f"| `{method} /v1/responses/{{id}}{below}` | none | `{operation.label}` |\n")
    return _API_HEAD + "".join(rows) + _API_TAIL


def errors() -> str:
    rows = (f"| `{code}` | {spec.status} | `{spec.type}` | {spec.doc} |\n" for code, spec in ERRORS.items())
    return _ERRORS_HEAD + "".join(rows) + _ERRORS_TAIL


if __name__ == "__main__":
    sys.stdout.write({"api": api, "errors": errors}[sys.argv[1]]())
