"""Configurations for tests: the blocks of the public contract, and short ways to check a text."""

from fastgate.config.diagnostics import Diagnostic, Severity
from fastgate.config.load import check
from fastgate.config.settings import Settings

TEAM_BLOCK = """\
virtual_keys:
  - id: vk_acme_prod
    customer_id: acme_corp
    budget:
      max_per_month_usd: 12000
      reset_duration: monthly
    rate_limit:
      requests_per_minute: 600
    allowed_providers:
      - openai
      - anthropic
      - bedrock
    fallbacks:
      - provider: openai
        model: gpt-4o
      - provider: anthropic
        model: claude-sonnet-4-6
      - provider: bedrock
        model: anthropic.claude-sonnet-4-6
"""

VOCABULARY_BLOCK = """\
providers:
  openai:                                  # a known name: dialect, URL, header and catalogue come with it
    credentials:
      - {id: main, secret: "${OPENAI_API_KEY}", weight: 3}
      - {id: spare, secret: "file:/run/secrets/openai", weight: 1, models: ["gpt-4o*"]}
  local:                                   # any other name says its dialect and URL
    dialect: openai
    base_url: http://127.0.0.1:8000/v1
    credentials: [{secret: none}]
    models: [llama-3, gpt-4o-mini]         # what it serves, where no catalogue knows it
    timeouts: {connect_s: 5, headers_s: 60, first_content_s: 60, between_chunks_s: 30}
    retries: {max: 2, backoff_initial_ms: 200, backoff_max_ms: 5000}
routes:
  smart:
    - {strategy: weighted, deployments: [{provider: openai, model: gpt-4o, weight: 4}, {provider: local, model: llama-3}]}
    - {deployments: [{provider: anthropic, model: claude-sonnet-4-6}]}      # next group: only when the first has nothing left
customers:
  - {id: acme_corp, timezone: Europe/Berlin, budget: {max_per_month_usd: 50000}}
teams:
  - {id: search, customer_id: acme_corp, rate_limit: {tokens_per_minute: 2000000}}
virtual_keys:
  - {id: vk_search, team_id: search, secret: "${SEARCH_KEY}", allowed_models: ["gpt-4o*", smart], metadata: {team_internal_billing_code: "4711"}}
prices:
  - {provider: local, model: llama-3, input_per_mtok_usd: 0.10, output_per_mtok_usd: 0.40}
unpriced: deny
server: {host: 127.0.0.1, port: 8080, workers: 2}
"""  # noqa: E501 - the block is quoted as the contract has it


def check_text(text: str, /, **environ: str) -> tuple[Settings | None, list[Diagnostic]]:
    """Check YAML text under exactly this environment."""
    return check(None, {"FASTGATE_CONFIG_YAML": text or "{}", **environ})


def settings_of(text: str, /, **environ: str) -> Settings:
    """The settings of a text that has no error."""
    settings, found = check_text(text, **environ)
    assert settings is not None, found
    return settings


def messages(text: str, severity: Severity = Severity.ERROR, /, **environ: str) -> list[str]:
    """The findings of a severity, each as `line: path: message; suggestion`, the source left out."""
    _, found = check_text(text, **environ)
    return [
        str(item).removeprefix("FASTGATE_CONFIG_YAML:").replace(f"{severity}: ", "", 1)
        for item in found
        if item.severity is severity
    ]
