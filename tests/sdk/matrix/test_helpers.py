"""What SDKs make of answers themselves: parsed objects, streams put together, loops of tools."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from anthropic import Anthropic, beta_tool
from google import genai
from google.genai import types
from openai import OpenAI
from pydantic import BaseModel
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.upstreams import UPSTREAMS
from tests.support.gateway_process import SECRET

pytestmark = pytest.mark.sdk

_MODELS: Final = pytest.mark.parametrize(
    "model", [each.model for each in UPSTREAMS.values()], ids=[*UPSTREAMS]
)


class Report(BaseModel):
    city: str
    degrees: int


_REPORT: Final = Report(city="Paris", degrees=21)
_STRUCTURED: Final[Any] = [{"role": "user", "content": "SCENE-structured"}]
_TOOLS: Final[Any] = [{"role": "user", "content": "SCENE-tools"}]


@pytest.fixture(autouse=True)
def _all_valid(stage: Stage) -> Iterator[None]:
    yield
    assert stage.upstreams.refused == [], stage.upstreams.refused.pop()


@pytest.fixture
def openai(stage: Stage) -> Iterator[OpenAI]:
    strict: Any = {"_strict_response_validation": True}
    with OpenAI(base_url=stage.gateway.base_url, api_key=SECRET, max_retries=0, **strict) as client:
        yield client


@pytest.fixture
def anthropic(stage: Stage) -> Iterator[Anthropic]:
    strict: Any = {"_strict_response_validation": True}
    with Anthropic(base_url=stage.gateway.url, api_key=SECRET, max_retries=0, **strict) as client:
        yield client


@_MODELS
def test_chat_is_parsed(openai: OpenAI, model: str) -> None:
    answer = openai.chat.completions.parse(model=model, messages=_STRUCTURED, response_format=Report)
    assert answer.choices[0].message.parsed == _REPORT


@_MODELS
def test_a_stream_of_chat_is_parsed(openai: OpenAI, model: str) -> None:
    asked: Any = {"model": model, "messages": _STRUCTURED, "response_format": Report}
    with openai.chat.completions.stream(**asked) as events:
        assert events.get_final_completion().choices[0].message.parsed == _REPORT


@_MODELS
def test_responses_are_parsed(openai: OpenAI, model: str) -> None:
    assert openai.responses.parse(model=model, input=_STRUCTURED, text_format=Report).output_parsed == _REPORT


@_MODELS
def test_a_stream_of_responses_is_parsed(openai: OpenAI, model: str) -> None:
    with openai.responses.stream(model=model, input=_STRUCTURED, text_format=Report) as events:
        assert events.get_final_response().output_parsed == _REPORT


@_MODELS
def test_messages_are_parsed(anthropic: Anthropic, model: str) -> None:
    answer = anthropic.messages.parse(model=model, max_tokens=99, messages=_STRUCTURED, output_format=Report)
    assert answer.parsed_output == _REPORT


@_MODELS
def test_anthropics_tools_run(stage: Stage, anthropic: Anthropic, model: str) -> None:
    """Over a message thread, which is this SDK's default."""
    asked = []

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Its name.
        """
        asked.append(city)
        return "SCENE-told"

    runner = anthropic.beta.messages.tool_runner(
        model=model, max_tokens=99, messages=_TOOLS, tools=[get_weather]
    )
    message = runner.until_done()
    assert [block.text for block in message.content if block.type == "text"] == ["Sunny in both."]
    assert asked == ["Paris", "Oslo"]
    last = stage.upstreams.seen[-1][1].body
    # Anthropic's own API holds the conversation; all others have to be told all of it.
    assert (b"SCENE-tools" in last) == (model != UPSTREAMS["anthropic"].model)


@_MODELS
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_googles_functions_are_called(stage: Stage, model: str, streamed: bool) -> None:
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "SCENE-told"

    config = types.GenerateContentConfig(tools=[get_weather])
    with genai.Client(api_key=SECRET, http_options={"base_url": stage.gateway.url}) as client:
        if streamed:
            chunks = client.models.generate_content_stream(model=model, contents="SCENE-tools", config=config)
            text = "".join(
                part.text or "" for chunk in chunks for part in chunk.parts or () if not part.thought
            )
            assert text.endswith("Sunny in both.")
        else:
            answer = client.models.generate_content(model=model, contents="SCENE-tools", config=config)
            assert answer.text == "Sunny in both."
    assert asked == ["Paris", "Oslo"]
