"""The providers that fastgate knows by name: what differs between those that speak OpenAI's dialect.

One row a provider; a configuration may override what has a setting. `{resource}`, `{host}` and
`{region}` in a URL are settings of the provider or deployment, filled in when it is compiled.
`docs/providers.md` is generated from this table.
"""

from typing import Final, NamedTuple

from fastgate.domain.endpoint import Endpoint

_CHAT: Final = (Endpoint.CHAT, Endpoint.MODELS)
_CHAT_EMBED: Final = (*_CHAT, Endpoint.EMBEDDINGS)
_TEXT: Final = (*_CHAT_EMBED, Endpoint.COMPLETIONS)
_AUDIO_IN: Final = (Endpoint.AUDIO_TRANSCRIPTIONS, Endpoint.AUDIO_TRANSLATIONS)
_AUDIO: Final = (Endpoint.AUDIO_SPEECH, *_AUDIO_IN)
_ALL: Final = tuple(Endpoint)


class KnownProvider(NamedTuple):
    """`env` are the variables that hold its credentials, `settings_env` those that hold a setting.

    `stream_usage`: takes `stream_options.include_usage`. `output_cap` is the field by which a chat says how
    much the model may write. `catalogue` is its id in genai-prices, and
    `unlisted` globs of what that lists but this URL does not serve. `account_names`: its models are
    called by names that the account gave them, so that no catalogue can know what it serves.
    """

    base_url: str | None
    env: tuple[str, ...] = ()
    settings_env: tuple[tuple[str, str], ...] = ()
    endpoints: tuple[Endpoint, ...] = _ALL
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    stream_usage: bool = True
    output_cap: str = "max_tokens"
    catalogue: str | None = None
    unlisted: tuple[str, ...] = ()
    account_names: bool = False
    needs_secret: bool = True


KNOWN: Final[dict[str, KnownProvider]] = {
    "openai": KnownProvider(
        "https://api.openai.com/v1",
        env=("OPENAI_API_KEY",),
        endpoints=tuple(e for e in Endpoint if e is not Endpoint.RERANK),
        output_cap="max_completion_tokens",
        catalogue="openai",
        unlisted=("gpt-oss-*",),
    ),
    "azure": KnownProvider(
        "https://{resource}.openai.azure.com/openai/v1",
        env=("AZURE_OPENAI_API_KEY",),
        settings_env=(("api_version", "OPENAI_API_VERSION"),),
        endpoints=(
            *_TEXT,
            Endpoint.RESPONSES,
            Endpoint.IMAGES_GENERATIONS,
            Endpoint.IMAGES_EDITS,
            *_AUDIO,
        ),
        auth_header="api-key",
        auth_prefix="",
        output_cap="max_completion_tokens",
        catalogue="azure",
        account_names=True,
    ),
    "mistral": KnownProvider(
        "https://api.mistral.ai/v1",
        env=("MISTRAL_API_KEY",),
        endpoints=(*_CHAT_EMBED, Endpoint.MODERATIONS, Endpoint.AUDIO_TRANSCRIPTIONS),
        stream_usage=False,
        catalogue="mistral",
    ),
    "groq": KnownProvider(
        "https://api.groq.com/openai/v1",
        env=("GROQ_API_KEY",),
        endpoints=(*_CHAT, Endpoint.RESPONSES, *_AUDIO),
        catalogue="groq",
    ),
    "deepseek": KnownProvider(
        "https://api.deepseek.com/v1",
        env=("DEEPSEEK_API_KEY",),
        endpoints=_CHAT,
        catalogue="deepseek",
    ),
    "xai": KnownProvider(
        "https://api.x.ai/v1",
        env=("XAI_API_KEY",),
        endpoints=(*_CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES, Endpoint.IMAGES_GENERATIONS),
        catalogue="x-ai",
    ),
    "together": KnownProvider(
        "https://api.together.xyz/v1",
        env=("TOGETHER_API_KEY",),
        endpoints=(*_TEXT, Endpoint.IMAGES_GENERATIONS, *_AUDIO, Endpoint.RERANK),
        catalogue="together",
    ),
    "fireworks": KnownProvider(
        "https://api.fireworks.ai/inference/v1",
        env=("FIREWORKS_API_KEY",),
        endpoints=(*_TEXT, Endpoint.RESPONSES, Endpoint.RERANK),
        catalogue="fireworks",
    ),
    "openrouter": KnownProvider(
        "https://openrouter.ai/api/v1",
        env=("OPENROUTER_API_KEY",),
        endpoints=(*_TEXT, Endpoint.RESPONSES),
        catalogue="openrouter",
    ),
    "perplexity": KnownProvider(
        "https://api.perplexity.ai",
        env=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        endpoints=(Endpoint.CHAT,),
        stream_usage=False,
        catalogue="perplexity",
    ),
    "cerebras": KnownProvider(
        "https://api.cerebras.ai/v1",
        env=("CEREBRAS_API_KEY",),
        endpoints=(*_CHAT, Endpoint.COMPLETIONS),
        catalogue="cerebras",
    ),
    "nebius": KnownProvider(
        "https://api.tokenfactory.nebius.com/v1",
        env=("NEBIUS_API_KEY",),
        endpoints=(*_TEXT, Endpoint.IMAGES_GENERATIONS),
        catalogue="huggingface_nebius",
    ),
    "nvidia_nim": KnownProvider(
        "https://integrate.api.nvidia.com/v1",
        env=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        endpoints=_TEXT,
        stream_usage=False,
    ),
    "databricks": KnownProvider(
        "https://{host}/serving-endpoints",
        env=("DATABRICKS_TOKEN",),
        settings_env=(("host", "DATABRICKS_HOST"),),
        endpoints=(Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS),
        stream_usage=False,
        catalogue="databricks",
    ),
    # Not GITHUB_TOKEN: every CI job has one, and would switch this provider on unasked.
    "github_models": KnownProvider(
        "https://models.github.ai/inference",
        env=("GITHUB_MODELS_TOKEN",),
        endpoints=(Endpoint.CHAT, Endpoint.EMBEDDINGS),
    ),
    "gemini": KnownProvider(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        endpoints=(*_CHAT_EMBED, Endpoint.IMAGES_GENERATIONS),
        catalogue="google",
        unlisted=("claude-*", "*-maas"),
    ),
    "ollama": KnownProvider("http://127.0.0.1:11434/v1", endpoints=_TEXT, needs_secret=False),
    "vllm": KnownProvider(
        "http://127.0.0.1:8000/v1",
        endpoints=(*_TEXT, Endpoint.RESPONSES, Endpoint.RERANK, *_AUDIO_IN),
        needs_secret=False,
    ),
    "sglang": KnownProvider(
        "http://127.0.0.1:30000/v1",
        endpoints=(*_TEXT, Endpoint.RESPONSES, Endpoint.RERANK),
        needs_secret=False,
    ),
    "lmstudio": KnownProvider(
        "http://127.0.0.1:1234/v1", endpoints=(*_TEXT, Endpoint.RESPONSES), needs_secret=False
    ),
    "openai_compatible": KnownProvider(None, needs_secret=False),
}

# Vendors whose own dialect comes in a later version: a mention is a warning, never an error.
VENDORS_LATER: Final = frozenset({"anthropic", "bedrock", "vertex", "cohere", "huggingface", "replicate"})
