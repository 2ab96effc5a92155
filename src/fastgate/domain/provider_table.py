"""The providers that fastgate knows by name: what comes with the name of each.

One row a provider; a configuration may override what has a setting. `{resource}`, `{host}`, `{project}` and
`{region}` in a URL are settings of the provider or deployment, filled in when it is compiled.
`docs/providers.md` is generated from this table.
"""

from typing import Final, Literal, NamedTuple

from fastgate.domain.dialect import DialectName
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.format import Format

_CHAT: Final = (Endpoint.CHAT, Endpoint.MODELS)
_CHAT_EMBED: Final = (*_CHAT, Endpoint.EMBEDDINGS)
_TEXT: Final = (*_CHAT_EMBED, Endpoint.COMPLETIONS)
_AUDIO_IN: Final = (Endpoint.AUDIO_TRANSCRIPTIONS, Endpoint.AUDIO_TRANSLATIONS)
_AUDIO: Final = (Endpoint.AUDIO_SPEECH, *_AUDIO_IN)
_OPENAI: Final = (
    *_TEXT,
    Endpoint.RESPONSES,
    Endpoint.MODERATIONS,
    Endpoint.IMAGES_GENERATIONS,
    Endpoint.IMAGES_EDITS,
    *_AUDIO,
)
_MESSAGES: Final = (Endpoint.MESSAGES, Endpoint.COUNT_TOKENS)
_CONTENT: Final = (Endpoint.GENERATE_CONTENT, Endpoint.CONTENT_TOKENS)

IdentityKind = Literal["aws", "google", "azure"]


class KnownProvider(NamedTuple):
    """`env` are the variables that hold its credentials, `settings_env` those that hold a setting; the first
    that is set counts. `identity` is the kind of login that it takes in place of a secret; it has that of its
    surroundings where `ambient`, and `identity_env` are the variables that say so.

    `endpoints` it has itself, `formats` are those that it speaks and no client does. `region_urls` has the
    URL of regions that differ from `base_url`, `region` the region where none is said.

    `stream_usage`: takes `stream_options.include_usage`. `output_cap` is the field by which a chat says how
    much the model may write. `catalogue` is its id in genai-prices, `unlisted` globs of what that lists but
    this URL does not serve, and `names` what names begin with here (a regular expression), where the
    catalogue has others too. `account_names`: its models are called by names that the account gave them, so
    that no catalogue can know what it serves.
    """

    base_url: str | None
    dialect: DialectName = DialectName.OPENAI
    env: tuple[str, ...] = ()
    settings_env: tuple[tuple[str, str], ...] = ()
    identity: IdentityKind | None = None
    identity_env: tuple[str, ...] = ()
    ambient: bool = False
    endpoints: tuple[Endpoint, ...] = (*_OPENAI, Endpoint.RERANK)
    formats: tuple[Format, ...] = ()
    region: str | None = None
    region_urls: tuple[tuple[str, str], ...] = ()
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    stream_usage: bool = True
    output_cap: str = "max_tokens"
    catalogue: str | None = None
    unlisted: tuple[str, ...] = ()
    names: str | None = None
    account_names: bool = False
    needs_secret: bool = True


KNOWN: Final[dict[str, KnownProvider]] = {
    "openai": KnownProvider(
        "https://api.openai.com/v1",
        env=("OPENAI_API_KEY",),
        endpoints=_OPENAI,
        output_cap="max_completion_tokens",
        catalogue="openai",
        unlisted=("gpt-oss-*",),
    ),
    "azure": KnownProvider(
        "https://{resource}.openai.azure.com/openai/v1",
        env=("AZURE_OPENAI_API_KEY",),
        identity="azure",
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
    "anthropic": KnownProvider(
        "https://api.anthropic.com",
        DialectName.ANTHROPIC,
        env=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        endpoints=_MESSAGES,
        auth_header="x-api-key",
        auth_prefix="",
        catalogue="anthropic",
    ),
    "gemini": KnownProvider(
        "https://generativelanguage.googleapis.com/v1beta",
        DialectName.GEMINI,
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        endpoints=(*_CONTENT, Endpoint.EMBED_CONTENT),
        auth_header="x-goog-api-key",
        auth_prefix="",
        catalogue="google",
        unlisted=("claude-*", "*-maas"),
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
    # Without variables: those of the API key switch on the native endpoint.
    "gemini_openai": KnownProvider(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        endpoints=(*_CHAT_EMBED, Endpoint.IMAGES_GENERATIONS),
        catalogue="google",
        unlisted=("claude-*", "*-maas"),
    ),
    "bedrock": KnownProvider(
        "https://bedrock-runtime.{region}.amazonaws.com",
        DialectName.BEDROCK,
        env=("AWS_BEARER_TOKEN_BEDROCK",),
        settings_env=(("region", "AWS_REGION"), ("region", "AWS_DEFAULT_REGION")),
        identity="aws",
        identity_env=(
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ambient=True,
        endpoints=(Endpoint.CONVERSE, Endpoint.INVOKE),
        formats=(Format.TITAN_EMBED, Format.BEDROCK_COHERE_EMBED),
        catalogue="aws",
        # `vendor.model`, `region.vendor.model` or an ARN; the catalogue also has models by their bare names.
        names=r"(?!regional\.)(?:arn:|[a-z0-9-]*(?:[a-z]|ai21)\.)",
    ),
    "vertex": KnownProvider(
        "https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}",
        DialectName.VERTEX,
        settings_env=(("project", "GOOGLE_CLOUD_PROJECT"), ("region", "GOOGLE_CLOUD_LOCATION")),
        identity="google",
        identity_env=("GOOGLE_APPLICATION_CREDENTIALS",),
        ambient=True,
        endpoints=(*_CONTENT, *_MESSAGES, Endpoint.CHAT),
        formats=(Format.VERTEX_PREDICT,),
        region="global",
        region_urls=tuple(
            (region, f"https://{host}/v1/projects/{{project}}/locations/{{region}}")
            for region, host in (
                ("global", "aiplatform.googleapis.com"),
                ("us", "aiplatform.us.rep.googleapis.com"),
                ("eu", "aiplatform.eu.rep.googleapis.com"),
            )
        ),
        catalogue="google",
    ),
    "cohere": KnownProvider(
        "https://api.cohere.com",
        DialectName.COHERE,
        env=("CO_API_KEY", "COHERE_API_KEY"),
        endpoints=(Endpoint.COHERE_EMBED, Endpoint.COHERE_RERANK),
        formats=(Format.COHERE_CHAT,),
        catalogue="cohere",
    ),
    "huggingface": KnownProvider(
        "https://router.huggingface.co/v1",
        env=("HF_TOKEN",),
        endpoints=_CHAT,
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

_OLLAMA_NATIVE: Final = KnownProvider(
    "http://127.0.0.1:11434",
    DialectName.OLLAMA,
    endpoints=(),
    formats=(Format.OLLAMA_CHAT, Format.OLLAMA_EMBED),
    needs_secret=False,
)

_OF_DIALECT: Final = {
    DialectName.OPENAI: KNOWN["openai_compatible"],
    DialectName.ANTHROPIC: KNOWN["anthropic"],
    DialectName.BEDROCK: KNOWN["bedrock"],
    DialectName.GEMINI: KNOWN["gemini"],
    DialectName.VERTEX: KNOWN["vertex"],
    DialectName.COHERE: KNOWN["cohere"],
    DialectName.OLLAMA: _OLLAMA_NATIVE,
}


def known_provider(name: str, dialect: str | None, *, own_url: bool) -> KnownProvider:
    """What comes with a name and a dialect. A dialect that is not the name's brings the row of its vendor;
    where another server speaks it (`own_url`), that vendor's catalogue stays behind."""
    named = KNOWN.get(name)
    if named is not None and dialect in (None, named.dialect):
        return named
    spoken = _OF_DIALECT[DialectName(dialect or DialectName.OPENAI)]
    if not own_url:
        return spoken
    if named is None:
        return spoken._replace(catalogue=None)
    return spoken._replace(catalogue=named.catalogue, unlisted=named.unlisted, names=named.names)


# Vendors whose own dialect comes in a later version: a mention is a warning, never an error.
VENDORS_LATER: Final = frozenset({"replicate"})
