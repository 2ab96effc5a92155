"""Anthropic's SDK through a gateway: a message, a stream, a tool call, and what to do about errors.

ANTHROPIC_BASE_URL (without /v1) and ANTHROPIC_API_KEY are read by the SDK. MODEL may be any provider's.
"""

import json
import os
import sys
import uuid
from typing import Any

import anthropic
from anthropic import Anthropic

MODEL = os.environ.get("MODEL", "claude-sonnet-4-6")
MAX_TOKENS = 500
MOST_TURNS = 5

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city, now.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


def get_weather(city: str) -> str:
    """Stands for a call of your own service."""
    return json.dumps({"city": city, "celsius": 21})


def said(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def message(client: Anthropic) -> None:
    # The id is in the gateway's log too; it comes back under the gateway's own name.
    trace = {"X-Request-Id": f"order-4711-{uuid.uuid4()}"}
    raw = client.messages.with_raw_response.create(
        model=MODEL,
        max_tokens=MAX_TOKENS,
        messages=[{"role": "user", "content": "Say hello in one sentence."}],
        extra_headers=trace,
    )
    print("message:", said(raw.parse()))
    print(f"  by {raw.headers['x-fastgate-provider']}, {raw.headers['x-fastgate-request-id']}")


def stream(client: Anthropic) -> None:
    asked: list[Any] = [{"role": "user", "content": "Count to five."}]
    print("stream: ", end="")
    with client.messages.stream(model=MODEL, max_tokens=MAX_TOKENS, messages=asked) as events:
        for text in events.text_stream:
            print(text, end="", flush=True)
        usage = events.get_final_message().usage
    print(f"\n  {usage.input_tokens + usage.output_tokens} tokens")


def tool(client: Anthropic) -> None:
    messages: list[Any] = [{"role": "user", "content": "How warm is it in Lisbon?"}]
    for _ in range(MOST_TURNS):
        answer = client.messages.create(
            model=MODEL, max_tokens=MAX_TOKENS, messages=messages, tools=[WEATHER]
        )
        if answer.stop_reason != "tool_use":
            print("tool:", said(answer))
            return
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": get_weather(str(block.input["city"]))}
            for block in answer.content
            if block.type == "tool_use"
        ]
        # As a whole: a model that thinks wants its thoughts back, and the gateway puts them where it does.
        messages.append({"role": "assistant", "content": answer.content})
        messages.append({"role": "user", "content": results})
    raise RuntimeError(f"no answer after {MOST_TURNS} turns")


def explain(error: anthropic.APIStatusError) -> str:
    headers = error.response.headers
    told = f"{error.message} (request {error.request_id})"
    if error.status_code == 402:  # no exception of its own in the SDK
        return f"the budget is used up: {told}"
    if isinstance(error, anthropic.RateLimitError) and "retry-after" in headers:
        return f"again in {headers['retry-after']} s: {told}"
    return told


def main() -> int:
    # The SDK repeats 429 and 5xx by itself, and waits for as long as `retry-after` says.
    client = Anthropic(timeout=60, max_retries=3)
    try:
        for step in (message, stream, tool):
            step(client)
    except anthropic.APIStatusError as error:
        print(explain(error), file=sys.stderr)
        return 1
    except anthropic.APIConnectionError as error:  # timeouts too
        print(f"no answer from {client.base_url}: {error.__cause__ or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
