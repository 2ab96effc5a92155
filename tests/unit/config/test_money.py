"""Budgets, limits, tags and the ledger in the settings: what is right, and what is said of what is wrong."""

import pytest
from tests.support.configs import check_text, messages, settings_of

from fastgate.config.diagnostics import Severity
from fastgate.config.restart import restart_only
from fastgate.config.show import show


@pytest.mark.parametrize(
    "budget",
    [
        "{max_per_month_usd: 12000, reset_duration: monthly}",
        "{max_usd: 5, reset_duration: 30d, anchor: '2024-02-01T00:00:00Z'}",
        "{max_per_day_usd: 50, max_per_month_usd: 1000, soft_limit: [0.8, 0.955]}",
        "[{max_usd: 5, reset_duration: 1h}, {max_usd: 5, reset_duration: hourly}]",
        "[{max_per_day_usd: 5}, {max_per_day_usd: 9, timezone: Asia/Tokyo}]",
        "[{max_per_week_usd: 5}, {max_per_week_usd: 9, week_starts_on: sunday}]",
        "{max_per_day_usd: 0}",
        "{max_per_day_usd: 70000000}",
        "{max_per_day_usd: 0.000000001, increases: [{usd: 1, until: '2030-01-01T00:00:00Z', reason: x}]}",
        "{}",
    ],
)
def test_budgets_that_are_right(budget: str) -> None:
    assert check_text(f"virtual_keys: [{{id: v, budget: {budget}}}]")[1] == []


@pytest.mark.parametrize(
    ("budget", "errors"),
    [
        ("{strict: true}", [": has no cap; such as `max_per_month_usd`"]),
        (
            "{max_per_month_usd: 1, reset_duration: daily}",
            [
                ".reset_duration: `daily` contradicts `max_per_month_usd`, which is monthly; "
                "give `max_usd` for it, or leave it out"
            ],
        ),
        (
            "{max_usd: 1, reset_duration: monthly, max_per_month_usd: 2}",
            [".max_usd: there is another cap for the same period: see line 1"],
        ),
        (
            "[{max_usd: 1, reset_duration: 1h}, {max_usd: 1, reset_duration: 60m}]",
            ["[1].max_usd: there is another cap for the same period: see line 1"],
        ),
        (
            "{max_usd: 1, reset_duration: 59s}",
            [".reset_duration: expected a time from one minute to ten years"],
        ),
        (
            "{max_per_day_usd: 1, anchor: '2024-01-01T00:00:00Z'}",
            [".anchor: only periods such as `30d` have one; others go by the calendar"],
        ),
        (
            "{max_usd: 1, reset_duration: 1h, anchor: '2024-01-01'}",
            [".anchor: expected an RFC 3339 time with a zone; such as 2030-01-31T00:00:00Z"],
        ),
        (
            "{max_per_day_usd: 1, soft_limit: [1]}",
            [".soft_limit[0]: expected a fraction between 0 and 1, such"],
        ),
        (
            "{max_per_day_usd: 1, soft_limit: [0.8555]}",
            [".soft_limit[0]: expected a fraction between 0 and 1"],
        ),
        ("{max_per_day_usd: 1, soft_limit: [0]}", [".soft_limit[0]: expected a fraction between 0 and 1"]),
        ("{max_per_day_usd: 70000000.01}", [".max_per_day_usd: at most 70000000 US dollars"]),
        (
            "{max_per_day_usd: 69999999, increases: [{usd: 2, until: '2030-01-01T00:00:00Z', reason: x}]}",
            [".max_per_day_usd: at most 70000000 US dollars, increases included"],
        ),
        ("{max_per_day_usd: 0.0000000001}", [".max_per_day_usd: has more than nine digits after the point"]),
        (
            "{max_per_day_usd: 1, increases: [{usd: 1, until: tomorrow, reason: x}]}",
            [".increases[0].until: expected an RFC 3339 time with a zone"],
        ),
        (
            "{max_per_day_usd: 1, max_per_month_usd: 9, "
            "increases: [{usd: 1, until: '2030-01-01T00:00:00Z', reason: x}]}",
            [".increases: it is not clear which cap they are for"],
        ),
        ("{max_per_day_usd: 1, timezone: Mars/Base}", [".timezone: `Mars/Base` is no time zone"]),
        (
            "{max_per_day_usd: 1, on_exceeded: {fallback_to: {model: gpt-9}}}",
            [".on_exceeded.fallback_to.model: nothing serves `gpt-9`"],
        ),
        (
            "{max_per_day_usd: 1, on_exceeded: {fallback_to: {model: 'llama*'}}}",
            [".on_exceeded.fallback_to.model: is one model, so no `*`, `?` or `[`"],
        ),
        (
            "{max_per_day_usd: 1, on_exceeded: {fallback_to: {model: llama-3, provider: nope}}}",
            [".on_exceeded.fallback_to.provider: no provider is called `nope`"],
        ),
    ],
)
def test_budgets_that_are_wrong(budget: str, errors: list[str]) -> None:
    local = (
        "local: {dialect: openai, base_url: 'http://h/v1', credentials: [{secret: none}], models: [llama-3]}"
    )
    found = messages(f"providers: {{{local}}}\nvirtual_keys: [{{id: v, budget: {budget}}}]")
    expected = [f"2: virtual_keys[0].budget{error}".replace("line 1", "line 2") for error in errors]
    assert len(found) == len(expected)
    assert all(map(str.startswith, found, expected)), found


@pytest.mark.parametrize("owner", ["customers", "teams", "virtual_keys"])
def test_each_owner_takes_budgets_and_limits(owner: str) -> None:
    text = (
        f"{owner}: [{{id: a, budget: [{{max_per_day_usd: 1}}, {{max_per_month_usd: 9}}], "
        "rate_limit: {requests_per_second: 5, burst: {requests_per_second: 50}}, "
        "model_limits: {'gpt*': {tokens_per_day: 1}}, provider_limits: {openai: {concurrent_requests: 2}}}]"
    )
    assert check_text(text, OPENAI_API_KEY="sk-1")[1] == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (
            "gateway: {rate_limit: {requests_per_day: 1, burst: {requests_per_hour: 1}}}",
            ["1: gateway.rate_limit.burst.requests_per_hour: there is no limit `requests_per_hour`"],
        ),
        (
            "gateway: {rate_limit: {requests_per_day: 1, burst: {requests_per_day: 10001}}}",
            ["1: gateway.rate_limit.burst.requests_per_day: at most 10000 times the limit"],
        ),
        (
            "virtual_keys: [{id: v, provider_limits: {nope: {requests_per_day: 1}}}]",
            ["1: virtual_keys[0].provider_limits.nope: no provider is called `nope`"],
        ),
        (
            "virtual_keys: [{id: v, model_limits: {'': {requests_per_day: 1}}}]",
            ["1: virtual_keys[0].model_limits.: an empty text matches no model"],
        ),
        (
            "tag_budgets: [{tags: {}, budget: {max_per_day_usd: 1}}]",
            ["1: tag_budgets[0].tags: must not be empty"],
        ),
        (
            "tag_budgets: [{tags: {a: x, b: y}}, {tags: {b: y, a: x}}]",
            ["1: tag_budgets[1].tags: stands twice: see line 1"],
        ),
        (
            "model_budgets: [{model: O3*}, {model: o3*}]",
            ["1: model_budgets[1].model: stands twice: see line 1"],
        ),
        ("tags: {allowed: [env, 'a=b']}", ["1: tags.allowed[1]: the name of a tag is a letter"]),
        (
            "virtual_keys: [{id: v, tags: {env: 'a,b'}}]",
            ["1: virtual_keys[0].tags.env: the value of a tag has 1 to"],
        ),
        (
            "virtual_keys: [{id: v, tags: {" + ", ".join(f"t{n}: {'x' * 60}" for n in range(9)) + "}}]",
            ["1: virtual_keys[0].tags: too much: tags may take 512 bytes"],
        ),
        (
            "customers: [{id: c, metadata: {a: " + "x" * 600 + "}}]\n"
            "teams: [{id: t, customer_id: c, metadata: {b: " + "x" * 300 + "}}]\n"
            "virtual_keys: [{id: v, team_id: t, metadata: {a: x}}, {id: w, team_id: t, metadata: {c: "
            + "x" * 200
            + "}}]",
            ["3: virtual_keys[1].metadata: too much: with that of its customer and teams it may"],
        ),
        (
            "teams: [{id: a, parent_team_id: b}, {id: b, parent_team_id: c}, {id: c, parent_team_id: b}]",
            ["1: teams[1].parent_team_id: a team cannot be a part of itself: b → c → b"],
        ),
        (
            "teams: [{id: a, parent_team_id: a}]",
            ["1: teams[0].parent_team_id: a team cannot be a part of itself"],
        ),
        ("teams: [{id: a, parent_team_id: b}]", ["1: teams[0].parent_team_id: there is no team `b`"]),
        (
            "teams: [{id: a, customer_id: x, parent_team_id: b}, {id: b, customer_id: y}]",
            ["1: teams[0].customer_id: its parent `b` belongs to `y`"],
        ),
        (
            "teams: [{id: a, parent_team_id: b}, {id: b, customer_id: y}]\n"
            "virtual_keys: [{id: v, team_id: a, customer_id: x}]",
            ["2: virtual_keys[0].customer_id: its team `a` belongs to `y`"],
        ),
        (
            "customers: [{id: acme, budget: {max_per_day_usd: 1}}]\n"
            "virtual_keys: [{id: v, customer_id: acem}]",
            ["2: virtual_keys[0].customer_id: there is no customer `acem`; did you mean acme?"],
        ),
        (
            "teams: [{id: t, rate_limit: {requests_per_day: 1}}]\nvirtual_keys: [{id: v, team_id: other}]",
            ["2: virtual_keys[0].team_id: there is no team `other`"],
        ),
        (
            "ledger: {url: 'mysql://h/x'}",
            ["1: ledger.url: expected the URL of a database; such as postgresql://"],
        ),
        ("ledger: {url: '${LEDGER}'}", ["1: ledger.url: the environment variable LEDGER is not set"]),
        ("ledger: {journal: {fsync: 0ms}}", ["1: ledger.journal.fsync: expected text of the form"]),
        ("model_budgets: [{model: ''}]", ["1: model_budgets[0].model: expected text that is not empty"]),
        (
            "gateway: {budget: {max_per_day_usd: 1, increases: "
            "[{usd: 1, until: '2030-01-01T00:00:00Z', reason: ''}]}}",
            ["1: gateway.budget.increases[0].reason: expected text of 1 to 500 characters"],
        ),
    ],
)
def test_what_is_wrong(text: str, errors: list[str]) -> None:
    found = messages(text)
    assert len(found) == len(errors), found
    assert all(map(str.startswith, found, errors)), found


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (
            "tag_budgets: [{tags: {env: prod}}]\nmodel_budgets: [{model: gpt-4o}]\ntags: {allowed: [env]}",
            [
                "1: tag_budgets[0]: has no effect: it has neither `budget` nor `rate_limit`",
                "2: model_budgets[0]: has no effect: it has neither `budget` nor `rate_limit`",
            ],
        ),
        (
            "virtual_keys: [{id: v, tags: {env: prod}}]\ntags: {allowed: [feature]}\ntag_budgets:\n"
            "  - {tags: {env: prod}, budget: {max_per_day_usd: 1}}\n"
            "  - {tags: {feature: any}, budget: {max_per_day_usd: 1}}\n"
            "  - {tags: {env: dev}, budget: {max_per_day_usd: 1}}\n"
            "  - {tags: {featur: x}, budget: {max_per_day_usd: 1}}",
            [
                "6: tag_budgets[2].tags.env: no virtual key has the tag `env=dev`",
                "7: tag_budgets[3].tags.featur: no virtual key has the tag `featur=x`, and `tags.allowed` "
                "does not name it; did you mean feature?",
            ],
        ),
    ],
)
def test_what_has_no_effect_is_warned_of(text: str, warnings: list[str]) -> None:
    found = messages(text, Severity.WARNING)
    assert len(found) == len(warnings), found
    assert all(map(str.startswith, found, warnings)), found


def many(count: int) -> str:
    return "[" + ", ".join(f"{{max_usd: 1, reset_duration: {n + 1}h}}" for n in range(count)) + "]"


@pytest.mark.parametrize(("own", "errors"), [(3, 0), (4, 1)])
def test_more_budgets_than_a_call_may_meet(own: int, errors: int) -> None:
    text = (
        f"gateway: {{budget: {many(10)}}}\n"
        f"teams: [{{id: a, budget: {many(10)}}}, {{id: b, parent_team_id: a, budget: {many(7)}}}]\n"
        f"virtual_keys: [{{id: v}}, {{id: w, team_id: b, budget: {many(own)}}}]\n"
        "tag_budgets:\n"
        "- {tags: {env: prod}, budget: {max_per_day_usd: 1}}\n"
        "- {tags: {env: test}, budget: {max_per_day_usd: 1}}\n"  # no call has both
        "model_budgets: [{model: a, budget: {max_per_day_usd: 1}}, {model: b, budget: {max_per_day_usd: 1}}]"
    )
    found = messages(text)
    assert len(found) == errors
    for message in found:
        assert message == "3: virtual_keys[1]: a call could meet 33 budgets, those around it too; at most 32"


def test_nothing_is_said_to_be_without_effect() -> None:
    key = "{id: v, budget: {max_per_day_usd: 1}, rate_limit: {requests_per_day: 1}}"
    assert messages(f"virtual_keys: [{key}]\nunpriced: deny", Severity.WARNING) == []


def test_the_password_of_the_database_is_not_shown() -> None:
    settings = settings_of("ledger: {url: 'postgresql://me:hunter2@h/db'}")
    assert "hunter2" not in show(settings)
    assert "hunter2" not in str(restart_only(settings))
    other = settings_of("ledger: {url: 'postgresql://me:hunter3@h/db'}")
    assert restart_only(settings)["ledger.url"] != restart_only(other)["ledger.url"]
