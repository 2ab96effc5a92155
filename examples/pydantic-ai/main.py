"""Pydantic AI through a gateway: an agent with a tool and a typed answer, and a stream.

The provider reads OPENAI_BASE_URL and OPENAI_API_KEY; MODEL chooses another model than the usual.
"""

import os
import sys

from pydantic import BaseModel
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, UsageLimits
from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.models.openai import OpenAIChatModel

MODEL = OpenAIChatModel(os.environ.get("MODEL", "gpt-4o"))
LIMITS = UsageLimits(request_limit=5)


class Weather(BaseModel):
    city: str
    celsius: int


forecaster = Agent(MODEL, output_type=NativeOutput(Weather), instructions="Look the weather up; never guess.")
writer = Agent(MODEL)


@forecaster.tool_plain
def get_temperature(city: str) -> int:
    """The temperature of a city, now, in degrees Celsius."""
    return 21


def main() -> int:
    try:
        run = forecaster.run_sync("How warm is it in Lisbon?", usage_limits=LIMITS)
        print(f"typed: {run.output.celsius} degrees in {run.output.city}")
        streamed = writer.run_stream_sync("Count to five.", usage_limits=LIMITS)
        print("stream: ", end="")
        for text in streamed.stream_text(delta=True, debounce_by=None):
            print(text, end="", flush=True)
        print()
    except ModelHTTPError as error:
        request = (error.headers or {}).get("x-fastgate-request-id")
        told = f"{error.status_code} {error.provider_error_code}: {error.body} (request {request})"
        wait = "" if error.retry_after is None else f"again in {error.retry_after:g} s: "
        print(wait + told, file=sys.stderr)
        return 1
    except ModelAPIError as error:  # no connection, a timeout, a stream that broke off
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    except (UnexpectedModelBehavior, UsageLimitExceeded) as error:  # the model does not get there
        print(f"no use: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
