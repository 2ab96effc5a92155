"""docs/providers.md: `python -m fastgate.routing.provider_reference > docs/providers.md`."""

import sys
from typing import Final

from fastgate.domain.endpoint import FORMATS, Endpoint, reachable
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, RERANKS
from fastgate.domain.provider_table import KNOWN, VENDORS_LATER, KnownProvider
from fastgate.wire.reference.table import render as render_translations

_HEAD: Final = """\
# Providers

Made by `python -m fastgate.routing.provider_reference` of `src/fastgate/domain/provider_table.py` and of the
translators; do not edit.

A provider of this table needs nothing but its credentials: in the configuration, or in the variable
that its own SDK reads (several secrets, separated by commas, become several credentials). Every column
can be overridden under `providers.NAME`. Any other name has to say its `dialect`, which brings URL and
catalogue of that dialect's vendor (`bedrock_eu: {dialect: bedrock, region: eu-west-1}`); with `dialect:
openai` it needs a `base_url` too. `openai_compatible` needs `base_url` only.

A provider whose secret is optional is switched on by naming it: `providers: {ollama: {}}`.

"""
_TABLE: Final = (
    "| name | dialect | base URL | credentials from | settings from | secret sent as | `include_usage` "
    "| catalogue |\n|---|---|---|---|---|---|---|---|\n"
)
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
- **bedrock**: models go by Bedrock's own names: `anthropic.claude-sonnet-4-6`, an inference profile
  (`eu.anthropic.claude-sonnet-4-6`) or an ARN. To give one the name that it has elsewhere:
  `deployments: [{model: claude-sonnet-4-6, upstream_model: eu.anthropic.claude-sonnet-4-6}]`.
- **vertex**: the region is `global` unless `region` or GOOGLE_CLOUD_LOCATION says another; the project may
  also come from the file that GOOGLE_APPLICATION_CREDENTIALS names.
- **gemini_openai**: Gemini's OpenAI-compatible endpoint, for those that name it.
- **ollama**: `dialect: ollama` speaks its native API, at `http://127.0.0.1:11434`.
- **replicate**, and others that have an endpoint like OpenAI's: `openai_compatible`, or a name of your own
  with `dialect: openai` and `base_url`.

## Logins in place of a secret

A credential is a `secret`, or one of these logins, which somebody exchanges for secrets of short life:

- **`aws`** (bedrock): keys of one's own, a profile, web identity, the container's or the instance's role; and
  with `role_arn` a role that is assumed with those.
- **`google`** (vertex): a service account's key, workload identity federation, gcloud's login, or the
  machine's own account; and with `impersonate` another service account.
- **`azure`** (azure): an application's secret, workload identity, or a managed identity of Entra ID.

`bedrock` and `vertex` without any `credentials` look where the vendor's own SDKs look. The control process
asks, refreshes well before the end, and hands them to the workers, in memory only; while it is away the
workers keep what they have until it expires. Keys of one's own, in the file or in AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, are used as they are. All else needs the vendor's library: `pip install
'fastgate[aws]'`, `'fastgate[google]'`, `'fastgate[azure]'`; the Docker image has all three.

## Endpoints

A provider that has one endpoint for conversations serves all of them, by translation; likewise embeddings,
and rerank.

| name | itself | also by translation |
|---|---|---|
"""
_KINDS: Final = (("conversations", CONVERSATIONS), ("embeddings", EMBEDDINGS), ("rerank", RERANKS))


def render() -> str:
    table = "".join(_row(name, known) for name, known in KNOWN.items())
    offers = "".join(_offer(name, known) for name, known in KNOWN.items())
    later = ", ".join(sorted(VENDORS_LATER))
    return (
        f"{_HEAD}{_TABLE}{table}{_NOTES}{offers}\n"
        "## Later\n\nWithout a dialect of their own in this version, and skipped with a warning where a key "
        f"or a route names them: {later}.\n" + render_translations()
    )


def _row(name: str, known: KnownProvider) -> str:
    cells = (
        name,
        known.dialect.value,
        f"`{known.base_url}`" if known.base_url else "required",
        ", ".join(f"`{variable}`" for variable in (*known.env, *known.identity_env)),
        ", ".join(f"`{variable}` ({setting})" for setting, variable in known.settings_env),
        _sent(known),
        "yes" if known.stream_usage else "no",
        known.catalogue or "",
    )
    return "| " + " | ".join(cells) + " |\n"


def _sent(known: KnownProvider) -> str:
    if not known.needs_secret:
        return "optional"
    sent = f"`{known.auth_header}: {known.auth_prefix}…`"
    return f"{sent}, or signed (SigV4)" if known.identity == "aws" else sent


def _offer(name: str, known: KnownProvider) -> str:
    itself = [each for each in known.endpoints if each is not Endpoint.MODELS]
    rest = {
        FORMATS[each]
        for each in reachable(known.endpoints, known.formats)
        if each not in itself and each in FORMATS
    }
    translated = [kind for kind, family in _KINDS if family & rest]
    own = ", ".join(each.value.replace("_", " ") for each in Endpoint if each in itself)
    return f"| {name} | {own} | {', '.join(translated)} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
