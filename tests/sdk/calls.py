"""Calls of the official Python SDK, run as a script by the interpreter of each SDK's environment.

`python calls.py BASE_URL KEY CALL…` prints one JSON line a call: what the caller of the SDK got, with
what differs from run to run (ids, times) blanked. Imports nothing of the project.
"""

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import openai
from openai import OpenAI

BLANKED = {"id", "created", "created_at", "completed_at", "item_id", "call_id", "tool_call_id"}

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CHAT_TOOLS: Any = [{"type": "function", "function": WEATHER}]
RESPONSES_TOOLS: Any = [{"type": "function", "strict": False, **WEATHER}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
Messages = list[Any]


def user(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def chat(client: OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=user("hello"))


def chat_unicode(client: OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=user("grüße 🦊 \u0000 \u2028"))


def chat_stream(client: OpenAI) -> Any:
    return list(client.chat.completions.create(model="gpt-4o", messages=user("hello"), stream=True))


def chat_stream_usage(client: OpenAI) -> Any:
    options: Any = {"include_usage": True}
    stream = client.chat.completions.create(
        model="gpt-4o", messages=user("hello"), stream=True, stream_options=options
    )
    return list(stream)


def chat_tools(client: OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=user("weather"), tools=CHAT_TOOLS)


def chat_tools_stream(client: OpenAI) -> Any:
    stream = client.chat.completions.create(
        model="gpt-4o", messages=user("weather"), tools=CHAT_TOOLS, stream=True
    )
    return list(stream)


def chat_tool_result(client: OpenAI) -> Any:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        *user("weather"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    return client.chat.completions.create(model="gpt-4o", messages=messages, tools=CHAT_TOOLS)


def chat_vision(client: OpenAI) -> Any:
    content = [
        {"type": "text", "text": "what is in the picture"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    messages: Any = [{"role": "user", "content": content}]
    return client.chat.completions.create(model="gpt-4o", messages=messages)


def chat_structured(client: OpenAI) -> Any:
    schema: Any = {
        "type": "json_schema",
        "json_schema": {"name": "report", "schema": SCHEMA, "strict": True},
    }
    answer = client.chat.completions.create(
        model="gpt-4o", messages=user("structured"), response_format=schema
    )
    return [answer, json.loads(answer.choices[0].message.content or "")]


def embeddings_base64(client: OpenAI) -> Any:
    """The SDK asks for base64 unasked, and decodes it; its strict mode cannot do that."""
    lax = client.with_options()
    lax._strict_response_validation = False
    return lax.embeddings.create(model="text-embedding-3-small", input=["one", "two"])


def embeddings_float(client: OpenAI) -> Any:
    return client.embeddings.create(model="text-embedding-3-small", input="one", encoding_format="float")


def embeddings_tokens(client: OpenAI) -> Any:
    return client.embeddings.create(
        model="text-embedding-3-small", input=[[15339, 1917], [11]], encoding_format="float"
    )


def responses(client: OpenAI) -> Any:
    return client.responses.create(model="gpt-4o", input="hello")


def responses_stream(client: OpenAI) -> Any:
    return list(client.responses.create(model="gpt-4o", input="hello", stream=True))


def responses_tools(client: OpenAI) -> Any:
    return client.responses.create(model="gpt-4o", input="weather", tools=RESPONSES_TOOLS)


def responses_stored(client: OpenAI) -> Any:
    made = client.responses.create(model="gpt-4o", input="hello")
    got = client.responses.retrieve(made.id)
    items = client.responses.input_items.list(made.id)
    client.responses.delete(made.id)
    return [got.id == made.id, got, items.data, attempt(lambda: client.responses.retrieve(made.id))]


def audio_upload(client: OpenAI) -> Any:
    file = ("speech.wav", io.BytesIO(b"RIFF" + b"\x00\xff\r\n--\r\n" * 5000))
    return client.audio.transcriptions.create(model="whisper-1", file=file)


def audio_speech(client: OpenAI) -> Any:
    speech = client.audio.speech.create(model="tts-1", voice="alloy", input="hello")
    return [speech.response.headers["content-type"], speech.content.hex()[:200], len(speech.content)]


def images(client: OpenAI) -> Any:
    return client.images.generate(model="gpt-image-1", prompt="a fox")


def moderations(client: OpenAI) -> Any:
    return client.moderations.create(model="omni-moderation-latest", input="hello")


def models_list(client: OpenAI) -> Any:
    """A gateway lists what it serves, so only the form can be compared."""
    listed = client.models.list().data
    return [bool(listed), all(model.id and plain(model)["object"] == "model" for model in listed)]


def unknown_model(client: OpenAI) -> Any:
    return client.chat.completions.create(model="no-such-model", messages=user("hello"))


def wrong_key(client: OpenAI) -> Any:
    return client.with_options(api_key="sk-wrong").chat.completions.create(
        model="gpt-4o", messages=user("hello")
    )


def rate_limited(client: OpenAI) -> Any:
    """With a model of this SDK alone: a gateway lets the credential cool down afterwards."""
    model = f"limited-python-{openai.__version__.split('.')[0]}"
    return client.chat.completions.create(model=model, messages=user("RATE"))


def bad_request(client: OpenAI) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=user("BAD"))


def attempt(call: Callable[[], Any]) -> Any:
    """The result as plain values; of an error, what a program would look at."""
    try:
        return plain(call())
    except openai.APIStatusError as error:
        return {"raised": type(error).__name__, "status": error.status_code}
    except openai.OpenAIError as error:
        return {"raised": type(error).__name__, "message": str(error)}


def plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {key: None if key in BLANKED else plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def main(base_url: str, key: str, lax: bool, names: list[str]) -> None:
    client = OpenAI(
        base_url=base_url, api_key=key, max_retries=0, timeout=20, _strict_response_validation=not lax
    )
    for name in names:
        result = attempt(partial(globals()[name], client))
        print(json.dumps({"call": name, "result": result}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3] == "lax", sys.argv[4:])
