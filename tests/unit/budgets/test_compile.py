"""From the settings to budgets."""

from tests.support.configs import settings_of

from fastgate.budgets.compile import compile_budgets
from fastgate.budgets.periods import calendar, rolling
from fastgate.budgets.spec import AccountSpec, Increase, Terms, accounts_of
from fastgate.config.money_view import MoneyView
from fastgate.domain.account import BudgetRef, Level, Owner
from fastgate.domain.model_ref import ModelRef

EVERY_LEVEL = """
gateway: {budget: {max_per_year_usd: 1000000}}
customers: [{id: c, timezone: Europe/Berlin, budget: {max_per_month_usd: 50000}}]
teams:
  - {id: outer, customer_id: c, budget: {max_per_day_usd: 9}}
  - {id: inner, parent_team_id: outer, budget: {max_usd: 8, reset_duration: 30d}}
virtual_keys:
  - id: v
    team_id: inner
    budget:
      - {max_per_day_usd: 1.5, max_per_hour_usd: 0.000000001, strict: true, soft_limit: [0.95, 0.8]}
      - max_per_week_usd: 7
        timezone: Asia/Tokyo
        week_starts_on: sunday
        on_exceeded: {fallback_to: {model: m, provider: local}}
        increases: [{usd: 2, until: "2030-01-01T00:00:00+01:00", reason: launch}]
tag_budgets: [{tags: {feature: search, env: prod}, budget: {max_per_day_usd: 3}}]
model_budgets: [{model: "o3*", budget: {max_per_day_usd: 4}}]
providers:
  local: {dialect: openai, base_url: "http://h/v1", credentials: [{secret: none}], models: [m], budget: {max_per_day_usd: 5}}
"""  # noqa: E501 - a provider in one line


def compiled(text: str) -> tuple[AccountSpec, ...]:
    return compile_budgets(MoneyView(settings_of(text)))


def test_every_level() -> None:
    specs = {spec.name: spec for spec in compiled(EVERY_LEVEL)}
    assert list(specs) == [
        "budget/gateway//yearly@UTC",
        "budget/customer/c/monthly@Europe/Berlin",
        "budget/team/outer/daily@Europe/Berlin",
        "budget/team/inner/2592000s@Europe/Berlin",
        "budget/tag/env=prod,feature=search/daily@UTC",
        "budget/model/o3*/daily@UTC",
        "budget/provider/local/daily@UTC",
        "budget/virtual_key/v/hourly@Europe/Berlin",
        "budget/virtual_key/v/daily@Europe/Berlin",
        "budget/virtual_key/v/weekly-sunday@Asia/Tokyo",
    ]
    assert specs["budget/team/inner/2592000s@Europe/Berlin"] == AccountSpec(
        name="budget/team/inner/2592000s@Europe/Berlin",
        owner=Owner(Level.TEAM, "inner"),
        terms=Terms(
            period=rolling(30 * 86_400, "Europe/Berlin"),
            word="30d",
            limit_nano=8_000_000_000,
        ),
    )
    assert specs["budget/virtual_key/v/hourly@Europe/Berlin"].terms.limit_nano == 1
    assert specs["budget/virtual_key/v/daily@Europe/Berlin"] == AccountSpec(
        name="budget/virtual_key/v/daily@Europe/Berlin",
        owner=Owner(Level.VIRTUAL_KEY, "v"),
        terms=Terms(
            period=calendar("daily", "Europe/Berlin"),
            word="daily",
            limit_nano=1_500_000_000,
            strict=True,
            soft=(800, 950),
        ),
    )
    assert specs["budget/virtual_key/v/weekly-sunday@Asia/Tokyo"] == AccountSpec(
        name="budget/virtual_key/v/weekly-sunday@Asia/Tokyo",
        owner=Owner(Level.VIRTUAL_KEY, "v"),
        terms=Terms(
            period=calendar("weekly", "Asia/Tokyo", "sunday"),
            word="weekly",
            limit_nano=7_000_000_000,
            fallback=ModelRef("m", "local"),
            increases=(Increase(2_000_000_000, 1_893_452_400_000_000_000, "launch"),),
        ),
    )


def test_another_limit_is_the_same_account_and_another_period_is_not() -> None:
    def name(budget: str) -> str:
        (spec,) = compiled(f"virtual_keys: [{{id: v, budget: {budget}}}]")
        return spec.name

    daily = name("{max_per_day_usd: 1}")
    assert name("{max_usd: 2, reset_duration: daily, strict: true}") == daily
    assert name("{max_per_day_usd: 1, week_starts_on: sunday}") == daily
    assert name("{max_per_day_usd: 1, timezone: Asia/Tokyo}") != daily
    assert name("{max_usd: 1, reset_duration: 1d}") != daily
    hour = name("{max_usd: 1, reset_duration: 1h}")
    assert name("{max_usd: 1, reset_duration: 60m}") == hour
    assert name("{max_usd: 1, reset_duration: 1h, anchor: '2024-01-01T00:30:00Z'}") != hour


def test_accounts_are_by_owner_in_the_order_of_the_configuration() -> None:
    specs = compiled("virtual_keys: [{id: v, budget: {max_per_month_usd: 9, max_per_day_usd: 1}}]")
    lines = {spec.name: 10 + index for index, spec in enumerate(specs)}
    owner = Owner(Level.VIRTUAL_KEY, "v")
    ((found, accounts),) = accounts_of(specs, lines).items()
    assert found == owner
    assert accounts.budgets == (BudgetRef(10, owner, "daily"), BudgetRef(11, owner, "monthly"))
