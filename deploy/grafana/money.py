"""Money and limits, the ledger, and the gateway's own processes."""

from typing import Final

from deploy.grafana.query import (
    BAD_TO_GOOD,
    FROM,
    GOOD_TO_BAD,
    SERVED,
    USED,
    WHERE,
    Panel,
    Query,
    Row,
    now,
    one,
    quantiles,
    rate,
    stat,
    total,
)

NOTHING: Final = f'{WHERE}, le=~"0|0.0"'

ROWS: Final = (
    Row(
        "Money",
        (
            Panel(
                "Spend an hour by provider",
                "currencyUSD",
                one(f"{rate('fastgate_cost_usd_total', 'provider', where=SERVED)} * 3600", "{{provider}}"),
                stacked=True,
            ),
            Panel(
                "Spend an hour by model, the ten dearest",
                "currencyUSD",
                one(
                    f"topk(10, {rate('fastgate_cost_usd_total', 'model', where=SERVED)}) * 3600", "{{model}}"
                ),
                stacked=True,
            ),
            Panel(
                "Spend in the time shown",
                "currencyUSD",
                now(
                    f"sum by (provider, model) (increase(fastgate_cost_usd_total{{{SERVED}}}[$__range])) > 0",
                ),
                "table",
                about="Prometheus extrapolates: the ledger has what is billed (`fastgate spend`).",
            ),
            Panel(
                "Budgets used, the twenty fullest",
                "percentunit",
                now(f"topk(20, {USED})", "{{level}} {{owner}} {{period}}"),
                "bargauge",
                width=12,
                ceiling=1.0,
                thresholds=((0.0, "green"), (0.8, "orange"), (1.0, "red")),
            ),
            Panel(
                "Left of budgets, the twenty least",
                "currencyUSD",
                now(
                    f"bottomk(20, {total('fastgate_budget_left_usd', 'level', 'owner', 'period')})",
                    "{{level}} {{owner}} {{period}}",
                ),
                "table",
                width=12,
            ),
            Panel(
                "Attempts that no budget covered",
                "ops",
                one(rate("fastgate_budget_refusals_total", "level"), "{{level}}"),
                stacked=True,
            ),
            Panel(
                "Soft limits passed",
                "ops",
                one(rate("fastgate_budget_soft_limits_total", "level"), "{{level}}"),
            ),
            Panel(
                "Held for calls in flight",
                "currencyUSD",
                one(total("fastgate_budget_reserved_usd", "level"), "{{level}}"),
            ),
            Panel(
                "Overshoot of a call",
                "currencyUSD",
                quantiles("fastgate_budget_overshoot_usd", 0.9, 0.99, 0.999),
                about="By how much a call cost more than was held for it.",
            ),
            Panel(
                "Calls that cost more than was held",
                "percentunit",
                one(
                    f"1 - {rate('fastgate_budget_overshoot_usd_bucket', where=NOTHING)}"
                    f" / ({rate('fastgate_budget_overshoot_usd_count')} > 0)",
                    "calls",
                ),
            ),
            Panel(
                "Calls of models without a price",
                "ops",
                one(
                    rate("fastgate_unpriced_calls_total", "provider", "policy", where=FROM),
                    "{{provider}} {{policy}}",
                ),
            ),
        ),
    ),
    Row(
        "Rate limits",
        (
            Panel(
                "Refusals",
                "ops",
                one(rate("fastgate_limit_refusals_total", "level"), "{{level}}"),
                stacked=True,
            ),
            Panel("Waits", "ops", one(rate("fastgate_limit_wait_seconds_count", "level"), "{{level}}")),
            Panel("Time that was waited", "s", quantiles("fastgate_limit_wait_seconds", 0.5, 0.9, 0.99)),
        ),
    ),
    Row(
        "Ledger and journals",
        (
            stat("Ledger up", "bool_yes_no", f"min(fastgate_ledger_up{{{WHERE}}})", thresholds=BAD_TO_GOOD),
            stat(
                "Differences",
                "short",
                f"sum(increase(fastgate_ledger_differences_total{{{WHERE}}}[$__range]))",
                "Budgets whose counters did not agree with the ledger, and were put right.",
                GOOD_TO_BAD,
            ),
            stat(
                "Calls without a record",
                "short",
                f"sum(increase(fastgate_unrecorded_calls_total{{{WHERE}}}[$__range]))",
                "There was no room in the journal.",
                GOOD_TO_BAD,
            ),
            stat(
                "Calls of dead workers",
                "short",
                f"sum(increase(fastgate_lost_holds_total{{{WHERE}}}[$__range]))",
                "Settled at what was delivered until then.",
            ),
            Panel("Entries", "ops", one(rate("fastgate_ledger_entries_total"), "entries")),
            Panel(
                "Lag",
                "s",
                one(f"max by (instance) (fastgate_ledger_lag_seconds{{{WHERE}}})", "{{instance}}"),
            ),
            Panel("Time for a batch", "s", quantiles("fastgate_ledger_write_seconds", 0.5, 0.9, 0.99)),
            Panel(
                "Journals",
                "bytes",
                one(total("fastgate_journal_bytes", "instance", "process"), "{{instance}} {{process}}"),
            ),
            Panel(
                "Holds in flight",
                "short",
                one(total("fastgate_holds", "instance", "process"), "{{instance}} {{process}}"),
            ),
        ),
    ),
    Row(
        "Processes",
        (
            Panel(
                "Memory",
                "bytes",
                one(
                    total("fastgate_process_memory_bytes", "instance", "process"), "{{instance}} {{process}}"
                ),
                about="What processes share counts in each.",
            ),
            Panel(
                "Started again",
                "short",
                one(
                    "sum by (instance, process)"
                    f" (increase(fastgate_worker_restarts_total{{{WHERE}}}[$__rate_interval]))",
                    "{{instance}} {{process}}",
                ),
            ),
            Panel(
                "Age",
                "s",
                now(f"time() - max by (instance, process) (fastgate_process_start_time_seconds{{{WHERE}}})"),
                "table",
            ),
            Panel(
                "Generation of the configuration",
                "none",
                one(
                    f"max by (instance, process) (fastgate_config_generation{{{WHERE}}})",
                    "{{instance}} {{process}}",
                ),
            ),
            Panel(
                "Version of the store of keys",
                "none",
                one(
                    f"max by (instance, process) (fastgate_key_store_version{{{WHERE}}})",
                    "{{instance}} {{process}}",
                ),
            ),
            Panel(
                "What should not be",
                "short",
                (
                    Query(
                        f"sum(increase(fastgate_config_reload_failures_total{{{WHERE}}}[$__rate_interval]))",
                        "reloads refused",
                    ),
                    Query(
                        f"sum(increase(fastgate_log_lines_dropped_total{{{WHERE}}}[$__rate_interval]))",
                        "log lines dropped",
                    ),
                    Query(
                        f"sum(increase(fastgate_series_dropped_total{{{WHERE}}}[$__rate_interval]))",
                        "label sets counted as other",
                    ),
                    Query(total("fastgate_metrics_files_skipped"), "files of metrics that cannot be read"),
                ),
            ),
            Panel(
                "Versions",
                "none",
                now(f"count by (instance, version, python_version) (fastgate_build_info{{{WHERE}}})"),
                "table",
            ),
        ),
    ),
)
