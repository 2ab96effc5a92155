"""What clients and providers see."""

from typing import Final

from deploy.grafana.query import (
    FROM,
    GOOD_TO_BAD,
    SERVED,
    USED,
    Panel,
    Query,
    Row,
    now,
    one,
    quantile,
    quantiles,
    rate,
    share,
    stat,
    total,
)

ERRORS: Final = rate("fastgate_requests_total", where=f'{SERVED}, status=~"[45]..|0"')


ROWS: Final = (
    Row(
        "At a glance",
        (
            stat("Requests", "reqps", rate("fastgate_requests_total", where=SERVED)),
            stat(
                "Without an answer to their question",
                "percentunit",
                share(ERRORS, rate("fastgate_requests_total", where=SERVED)),
                "Requests that ended with a status of 400 or more, or whose client left before it had one.",
                ((0.0, "green"), (0.01, "orange"), (0.05, "red")),
            ),
            stat(
                "First token, p90",
                "s",
                quantile(0.9, "fastgate_time_to_first_token_seconds", where=SERVED),
            ),
            stat("Spend an hour", "currencyUSD", f"{rate('fastgate_cost_usd_total', where=SERVED)} * 3600"),
            stat(
                "Fullest budget",
                "percentunit",
                f"max({USED})",
                "Spent and held, as a share of the limit.",
                ((0.0, "green"), (0.8, "orange"), (1.0, "red")),
            ),
            stat(
                "Deployments out",
                "short",
                f'sum(fastgate_breaker_state{{{FROM}, state="open"}}) or vector(0)',
                "Deployments whose circuit breaker is open.",
                GOOD_TO_BAD,
            ),
        ),
        collapsed=False,
    ),
    Row(
        "Traffic",
        (
            Panel(
                "Requests by operation",
                "reqps",
                one(rate("fastgate_requests_total", "endpoint", where=SERVED), "{{endpoint}}"),
                stacked=True,
            ),
            Panel(
                "Requests by provider",
                "reqps",
                one(rate("fastgate_requests_total", "provider", where=SERVED), "{{provider}}"),
                stacked=True,
            ),
            Panel(
                "Requests by model, the ten busiest",
                "reqps",
                one(f"topk(10, {rate('fastgate_requests_total', 'model', where=SERVED)})", "{{model}}"),
                stacked=True,
            ),
            Panel(
                "In flight",
                "short",
                one(total("fastgate_requests_in_flight", "endpoint"), "{{endpoint}}"),
                stacked=True,
            ),
            Panel(
                "Open streams",
                "short",
                one(total("fastgate_open_streams", "provider", where=FROM), "{{provider}}"),
                stacked=True,
            ),
            Panel(
                "Tokens",
                "short",
                (
                    Query(rate("fastgate_input_tokens_total", where=SERVED), "input a second"),
                    Query(rate("fastgate_cached_input_tokens_total", where=SERVED), "of it cached"),
                    Query(rate("fastgate_output_tokens_total", where=SERVED), "output a second"),
                    Query(rate("fastgate_reasoning_tokens_total", where=SERVED), "of it reasoning"),
                ),
            ),
            Panel(
                "Bytes with clients and providers",
                "Bps",
                (
                    Query(rate("fastgate_downstream_received_bytes_total"), "from clients"),
                    Query(rate("fastgate_downstream_sent_bytes_total"), "to clients"),
                    Query(rate("fastgate_upstream_sent_bytes_total", where=FROM), "to providers"),
                    Query(rate("fastgate_upstream_received_bytes_total", where=FROM), "from providers"),
                ),
            ),
            Panel(
                "Clients that left early",
                "reqps",
                one(rate("fastgate_client_disconnects_total", "endpoint"), "{{endpoint}}"),
            ),
            Panel(
                "Usage that was estimated",
                "reqps",
                one(rate("fastgate_estimated_usage_total", "provider", where=FROM), "{{provider}}"),
                about="Billed attempts whose usage the provider did not say.",
            ),
        ),
        collapsed=False,
    ),
    Row(
        "Latency",
        (
            Panel(
                "Whole request",
                "s",
                quantiles("fastgate_request_duration_seconds", 0.5, 0.9, 0.99, where=SERVED),
            ),
            Panel(
                "First token of a stream",
                "s",
                quantiles("fastgate_time_to_first_token_seconds", 0.5, 0.9, 0.99, where=SERVED),
            ),
            Panel(
                "First token by model, p90",
                "s",
                one(
                    quantile(0.9, "fastgate_time_to_first_token_seconds", "provider", "model", where=SERVED),
                    "{{provider}} {{model}}",
                ),
            ),
            Panel(
                "Provider's response headers",
                "s",
                quantiles("fastgate_upstream_latency_seconds", 0.5, 0.9, 0.99, where=SERVED),
            ),
            Panel(
                "Between two chunks",
                "s",
                quantiles("fastgate_inter_chunk_gap_seconds", 0.5, 0.9, 0.99, where=SERVED),
            ),
            Panel(
                "The gateway's own time",
                "s",
                quantiles("fastgate_overhead_seconds", 0.5, 0.9, 0.99),
                about="A request's duration less what was spent waiting for provider and client.",
            ),
        ),
        collapsed=False,
    ),
    Row(
        "Errors",
        (
            Panel(
                "Answers by status",
                "reqps",
                one(
                    rate("fastgate_requests_total", "status", where=f'{SERVED}, status!~"2.."'), "{{status}}"
                ),
                about="0: the client left before there was one.",
                stacked=True,
            ),
            Panel(
                "Failed attempts by reason",
                "ops",
                one(rate("fastgate_attempt_failures_total", "kind", where=FROM), "{{kind}}"),
                about="What a client never saw, as another deployment answered, is among them.",
                stacked=True,
            ),
            Panel(
                "Failed attempts by provider",
                "percentunit",
                one(
                    f"{rate('fastgate_attempt_failures_total', 'provider', where=FROM)}"
                    f" / ({rate('fastgate_attempts_total', 'provider', where=FROM)} > 0)",
                    "{{provider}}",
                ),
                ceiling=1.0,
            ),
            Panel(
                "Refused virtual keys",
                "reqps",
                one(rate("fastgate_auth_failures_total", "code"), "{{code}}"),
                stacked=True,
            ),
        ),
    ),
    Row(
        "Providers, deployments, credentials",
        (
            Panel(
                "Circuit breakers that are not closed",
                "short",
                now(
                    "sum by (provider, deployment, state)"
                    f' (fastgate_breaker_state{{{FROM}, state!="closed"}}) > 0',
                ),
                "table",
            ),
            Panel(
                "Credentials that are not in use",
                "short",
                now(
                    "sum by (provider, credential, state)"
                    f' (fastgate_credential_state{{{FROM}, state!="ok"}}) > 0',
                ),
                "table",
            ),
            Panel(
                "Cooldowns",
                "ops",
                one(rate("fastgate_cooldowns_total", "provider", where=FROM), "{{provider}}"),
            ),
            Panel(
                "Connections",
                "short",
                (
                    Query(
                        total("fastgate_pool_open_connections", "provider", where=FROM), "{{provider}} open"
                    ),
                    Query(
                        total("fastgate_pool_idle_connections", "provider", where=FROM), "{{provider}} idle"
                    ),
                ),
            ),
            Panel(
                "Attempts waiting for a connection",
                "short",
                one(total("fastgate_pool_waiting_requests", "provider", where=FROM), "{{provider}}"),
            ),
        ),
    ),
    Row(
        "Failover",
        (
            Panel(
                "Attempts by deployment",
                "ops",
                one(
                    f"topk(15, {rate('fastgate_attempts_total', 'provider', 'deployment', where=FROM)})",
                    "{{deployment}}",
                ),
                stacked=True,
            ),
            Panel(
                "Attempts a request",
                "none",
                one(
                    f"{rate('fastgate_attempts_total', where=FROM)}"
                    f" / ({rate('fastgate_requests_total', where=FROM)} > 0)",
                    "attempts",
                ),
                about="1 where nothing fails; the retry budget bounds it.",
            ),
            Panel(
                "Further attempts on the same deployment",
                "ops",
                one(rate("fastgate_retries_total", "provider", where=FROM), "{{provider}}"),
            ),
            Panel(
                "Fallbacks",
                "ops",
                one(
                    rate("fastgate_fallbacks_total", "from_provider", "to_provider"),
                    "{{from_provider}} → {{to_provider}}",
                ),
            ),
            Panel(
                "Hedges",
                "ops",
                (
                    Query(
                        rate("fastgate_hedges_started_total", "provider", where=FROM), "{{provider}} started"
                    ),
                    Query(rate("fastgate_hedges_won_total", "provider", where=FROM), "{{provider}} won"),
                ),
            ),
        ),
    ),
)
