"""docs/providers.md: `python -m fastgate.routing.provider_reference > docs/providers.md`."""

import sys
from typing import Final

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER, KnownProvider

_HEAD: Final = """\
# Providers

Generated from `src/fastgate/domain/provider_table.py`; a test compares.

A provider of this table needs nothing but its credentials: in the configuration, or in the variable
that its own SDK reads (several, separated by commas, become several credentials). Every column can be
overridden under `providers.NAME`. Any other name has to say `dialect: openai` and `base_url`;
`openai_compatible` needs `base_url` only.

A provider whose secret is optional is switched on by naming it: `providers: {ollama: {}}`.

"""
_TABLE: Final = """\
| name | base URL | credentials from | settings from | secret sent as | `include_usage` | catalogue |
|---|---|---|---|---|---|---|
"""
_NOTES: Final = """
- **`include_usage`**: whether `stream_options.include_usage` is asked for in streams. Those that do not
  take it report usage unasked, or answer such a request with an error.
- **catalogue**: whose models are known by their plain names (`gpt-4o`), from the `genai-prices` package.
  A `models:` list replaces it. Without one, and for any model that the catalogue does not have yet, say
  the provider: `ollama/llama3.2`, `openai/a-model-of-today`.
- **azure**: deployments have names of your own, so list them:
  `deployments: [{model: gpt-4o, upstream_model: my-deployment}]`. The URL is `/openai/v1`; with
  `api_version` (or `url_style: deployments`) it is `/openai/deployments/NAME/…?api-version=…`. Its
  catalogue id serves prices only.

## Endpoints

"""


def render() -> str:
    table = "".join(_row(name, known) for name, known in KNOWN.items())
    endpoints = [endpoint for endpoint in Endpoint if endpoint is not Endpoint.MODELS]
    header = "| name | " + " | ".join(endpoint.value.replace("_", " ") for endpoint in endpoints) + " |\n"
    rule = "|---" * (len(endpoints) + 1) + "|\n"
    offers = "".join(
        f"| {name} | "
        + " | ".join("✓" if endpoint in known.endpoints else "" for endpoint in endpoints)
        + " |\n"
        for name, known in KNOWN.items()
    )
    later = ", ".join(sorted(VENDORS_LATER))
    return (
        f"{_HEAD}{_TABLE}{table}{_NOTES}{header}{rule}{offers}\n"
        "## Later\n\nNot spoken by this version, and skipped with a warning where a key or a route names "
        f"them: {later}.\n"
    )


def _row(name: str, known: KnownProvider) -> str:
    secret = f"`{known.auth_header}: {known.auth_prefix}…`" if known.needs_secret else "optional"
    cells = (
        name,
        f"`{known.base_url}`" if known.base_url else "required",
        ", ".join(f"`{variable}`" for variable in known.env),
        ", ".join(f"`{variable}` ({setting})" for setting, variable in known.settings_env),
        secret,
        "yes" if known.stream_usage else "no",
        known.catalogue or "",
    )
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
