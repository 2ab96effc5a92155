"""OpenAI's SDK through a gateway: chat, a stream, a tool call, embeddings, and what to do about errors.

The SDK reads OPENAI_BASE_URL and OPENAI_API_KEY; MODEL and EMBEDDING_MODEL choose others than the usual.
"""

import json
import os
import sys
import uuid
from typing import Any

import openai
from openai import OpenAI

MODEL = os.environ.get("MODEL", "gpt-4o")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "text-embedding-3-small")

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city, now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
MOST_TURNS = 5


def get_weather(city: str) -> str:
    """Stands for a call of your own service."""
    return json.dumps({"city": city, "celsius": 21})


def chat(client: OpenAI) -> None:
    # The id is in the gateway's log too; it comes back under the gateway's own name.
    trace = {"X-Request-Id": f"order-4711-{uuid.uuid4()}"}
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL,
        max_completion_tokens=500,
        messages=[{"role": "user", "content": "Say hello in one sentence."}],
        extra_headers=trace,
    )
    print("chat:", raw.parse().choices[0].message.content)
    print(f"  by {raw.headers['x-fastgate-provider']}, {raw.headers['x-fastgate-request-id']}")


def stream(client: OpenAI) -> None:
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Count to five."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    print("stream: ", end="")
    for chunk in chunks:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
        if chunk.usage is not None:
            print(f"\n  {chunk.usage.total_tokens} tokens")


def tool(client: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "How warm is it in Lisbon?"}]
    for _ in range(MOST_TURNS):
        answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
        message = answer.choices[0].message
        if not message.tool_calls:
            print("tool:", message.content)
            return
        # As a whole: a model that thinks wants its thoughts back, and the gateway puts them where it does.
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            if call.type != "function":
                raise RuntimeError(f"no such kind of tool was offered: {call.type}")
            result = get_weather(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    raise RuntimeError(f"no answer after {MOST_TURNS} turns")


def embeddings(client: OpenAI) -> None:
    found = client.embeddings.create(model=EMBEDDING_MODEL, input=["an apple", "a pear"])
    print("embeddings:", len(found.data), "of", len(found.data[0].embedding), "dimensions")


def explain(error: openai.APIStatusError) -> str:
    headers = error.response.headers
    said = f"{error.code}: {error.message} (request {error.request_id})"
    if error.status_code == 402:  # no exception of its own in the SDK
        return f"the budget is used up: {said}"
    if isinstance(error, openai.RateLimitError) and "retry-after" in headers:
        return f"again in {headers['retry-after']} s: {said}"
    return said


def main() -> int:
    # The SDK repeats 429 and 5xx by itself, and waits for as long as `retry-after` says.
    client = OpenAI(timeout=60, max_retries=3)
    try:
        for step in (chat, stream, tool, embeddings):
            step(client)
    except openai.APIStatusError as error:
        print(explain(error), file=sys.stderr)
        return 1
    except openai.APIConnectionError as error:  # timeouts too
        print(f"no answer from {client.base_url}: {error.__cause__ or error}", file=sys.stderr)
        return 1
    except openai.APIError as error:  # in the middle of a stream, which then is not complete
        print(f"broken off: {error.code} {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
