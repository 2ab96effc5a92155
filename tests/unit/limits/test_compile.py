"""From the settings to rate limits."""

from tests.support.configs import settings_of

from fastgate.config.money_view import MoneyView
from fastgate.domain.account import Level, Limit, LimitRef, Measure, Owner
from fastgate.limits.compile import compile_limits
from fastgate.limits.spec import accounts_of

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000

TEXT = """
gateway: {rate_limit: {requests_per_second: 9}}
virtual_keys:
  - id: v
    rate_limit:
      requests_per_minute: 600
      tokens_per_day: 1000
      concurrent_requests: 4
      burst: {requests_per_minute: 50}
    model_limits: {"gpt*": {output_tokens_per_minute: 7}, unlimited: {}}
    provider_limits: {local: {input_tokens_per_day: 8}}
providers:
  local:
    dialect: openai
    base_url: http://h/v1
    credentials: [{secret: none}]
    deployments: [{model: m, region: eu, limits: {requests_per_hour: 3}}]
    limits: {requests_per_day: 2}
"""


def test_every_level_and_what_is_narrowed() -> None:
    specs = {spec.name: spec for spec in compile_limits(MoneyView(settings_of(TEXT)))}
    assert {name: spec.limits for name, spec in specs.items()} == {
        "limits/gateway//": (Limit(2, Measure.REQUESTS, 9, 1_000_000_000, 9),),
        "limits/provider/local/": (Limit(5, Measure.REQUESTS, 2, DAY_NS, 2),),
        "limits/deployment/local/eu/m/": (Limit(4, Measure.REQUESTS, 3, 60 * MINUTE_NS, 3),),
        "limits/virtual_key/v/": (
            Limit(3, Measure.REQUESTS, 600, MINUTE_NS, 50),
            Limit(11, Measure.TOKENS, 1000, DAY_NS, 1000),
            Limit(12, Measure.CONCURRENT, 4),
        ),
        "limits/virtual_key/v/model=gpt*": (Limit(8, Measure.OUTPUT_TOKENS, 7, MINUTE_NS, 7),),
        "limits/virtual_key/v/provider=local": (Limit(7, Measure.INPUT_TOKENS, 8, DAY_NS, 8),),
    }
    assert specs["limits/virtual_key/v/model=gpt*"].owner == Owner(Level.VIRTUAL_KEY, "v", "model=gpt*")


def test_accounts_are_by_the_owner_as_a_whole() -> None:
    specs = compile_limits(MoneyView(settings_of(TEXT)))
    accounts = accounts_of(specs, {spec.name: index for index, spec in enumerate(specs)})
    of_key = accounts[Owner(Level.VIRTUAL_KEY, "v")].limits
    assert [(ref.line, ref.owner.narrowed) for ref in of_key] == [
        (3, ""),
        (4, "model=gpt*"),
        (5, "provider=local"),
    ]
    gateway = Owner(Level.GATEWAY, "")
    assert accounts[gateway].limits == (LimitRef(0, gateway, specs[0].limits),)


def test_a_limit_keeps_its_word_when_others_come_and_go() -> None:
    def words(limits: str) -> dict[Measure, int]:
        (spec,) = compile_limits(MoneyView(settings_of(f"gateway: {{rate_limit: {{{limits}}}}}")))
        return {limit.measure: limit.word for limit in spec.limits}

    alone = words("tokens_per_minute: 1")
    assert (
        words("requests_per_second: 1, tokens_per_minute: 1, concurrent_requests: 1").items() > alone.items()
    )
