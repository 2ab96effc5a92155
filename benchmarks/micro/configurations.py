"""Configurations of one provider and one virtual key, without and with all of governance."""

from typing import Any, Final

import yaml

SECRET: Final = "sk-bench-0123456789abcdef0123456789abcdef"
MODEL: Final = "bench"
STREAM: Final = "bench-stream-400x40"
"""What the simulated provider (`benchmarks/upstream`) streams for ten seconds."""

_PLAIN: Final = """
providers:
  upstream:
    dialect: openai
    base_url: http://127.0.0.1:PORT/v1
    credentials: [{secret: upstream-secret}]
    models: [bench, STREAM]
virtual_keys:
  - {id: vk_bench, secret: SECRET, customer_id: bench, allowed_models: ["bench*"]}
"""

# Five budgets, six limits and a price hold for each call.
_GOVERNED: Final = """
providers:
  upstream:
    dialect: openai
    base_url: http://127.0.0.1:PORT/v1
    credentials: [{secret: upstream-secret}]
    models: [bench, STREAM]
    budget: {max_per_month_usd: 1000000}
prices:
  - {provider: upstream, model: "bench*", input_per_mtok_usd: 0.15, cached_input_per_mtok_usd: 0.075,
     output_per_mtok_usd: 0.6}
customers:
  - {id: bench, budget: {max_per_month_usd: 1000000}, rate_limit: {tokens_per_minute: 100000000000}}
teams:
  - id: team
    customer_id: bench
    budget: {max_per_day_usd: 1000000}
    rate_limit: {requests_per_minute: 100000000}
virtual_keys:
  - id: vk_bench
    secret: SECRET
    team_id: team
    tags: {env: prod}
    allowed_models: ["bench*"]
    budget: {max_per_day_usd: 1000000, soft_limit: [0.8]}
    rate_limit:
      {requests_per_minute: 100000000, requests_per_day: 1000000000, tokens_per_minute: 100000000000,
       concurrent_requests: 10000}
tag_budgets:
  - {tags: {env: prod}, budget: {max_per_month_usd: 1000000}}
"""

NAMES: Final = ("plain", "governed")


def configuration(name: str, provider_port: int, **more: object) -> dict[str, Any]:
    """With further blocks, `more`."""
    text = {"plain": _PLAIN, "governed": _GOVERNED}[name]
    for place, value in (("SECRET", SECRET), ("STREAM", STREAM), ("PORT", str(provider_port))):
        text = text.replace(place, value)
    given: dict[str, Any] = yaml.safe_load(text)
    return given | more
