"""Which calls are made with which upstream: see calls.py and calls.mjs."""

# aimock's answers satisfy the SDKs' strict validation here …
AIMOCK_STRICT = (
    "chat",
    "chat_unicode",
    "chat_stream",
    "chat_stream_usage",
    "chat_tools",
    "chat_tools_stream",
    "chat_tool_result",
    "chat_vision",
    "chat_structured",
    "embeddings_base64",
    "embeddings_float",
    "embeddings_tokens",
    "audio_upload",
    "audio_speech",
    "images",
    "models_list",
    "unknown_model",
    "wrong_key",
    "rate_limited",
    "bad_request",
)
# … and not here: fields are missing that OpenAI's schema requires.
AIMOCK_LAX = ("responses", "responses_stream", "responses_tools", "moderations")

# The simulated provider has to satisfy it everywhere.
SIM_STRICT = (
    "chat",
    "chat_unicode",
    "chat_stream",
    "chat_stream_usage",
    "chat_tools",
    "chat_tools_stream",
    "chat_tool_result",
    "chat_vision",
    "chat_structured",
    "embeddings_base64",
    "embeddings_float",
    "embeddings_tokens",
    "responses",
    "responses_stream",
    "responses_tools",
    "responses_stored",
    "audio_upload",
    "audio_speech",
    "images",
    "moderations",
    "models_list",
    "unknown_model",
    "wrong_key",
)

ERRORS = {
    "unknown_model": {"raised": "NotFoundError", "status": 404},
    "wrong_key": {"raised": "AuthenticationError", "status": 401},
    "rate_limited": {"raised": "RateLimitError", "status": 429},
    "bad_request": {"raised": "BadRequestError", "status": 400},
}

# The Node script has the calls that need no Python.
NODE = (
    "chat",
    "chat_stream",
    "chat_stream_usage",
    "chat_tools",
    "chat_tools_stream",
    "chat_structured",
    "embeddings_base64",
    "embeddings_float",
    "embeddings_tokens",
    "responses",
    "responses_stream",
    "audio_upload",
    "models_list",
    "unknown_model",
    "wrong_key",
    "rate_limited",
    "bad_request",
)


def for_sdk(sdk_name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if sdk_name != "openai-node":
        return names
    return tuple(name for name in names if name in NODE)
