"""LangChain through a gateway: a chain, a stream and a tool call, with two vendors' models.

The models read OPENAI_BASE_URL and OPENAI_API_KEY, ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY.
"""

import os
import sys

import anthropic
import openai
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

MODELS: list[BaseChatModel] = [
    ChatOpenAI(model=os.environ.get("MODEL", "gpt-4o"), timeout=60, max_retries=3),
    ChatAnthropic(
        model_name=os.environ.get("CLAUDE_MODEL", "claude-sonnet-4-6"),
        max_tokens_to_sample=500,
        timeout=60,
        max_retries=3,
        stop=None,
    ),
]
MOST_TURNS = 5


@tool
def get_weather(city: str) -> str:
    """The weather of a city, now."""
    return f"21 degrees in {city}"


def chain(model: BaseChatModel) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Answer in {language}."), ("user", "{question}")])
    answering = prompt | model | StrOutputParser()
    print("  chain:", answering.invoke({"language": "English", "question": "Who are you?"}))


def stream(model: BaseChatModel) -> None:
    print("  stream: ", end="")
    for chunk in model.stream("Count to five."):
        print(chunk.text, end="", flush=True)
    print()


def call_tool(model: BaseChatModel) -> None:
    with_tools = model.bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage("How warm is it in Lisbon?")]
    for _ in range(MOST_TURNS):
        answer = with_tools.invoke(messages)
        if not answer.tool_calls:
            print("  tool:", answer.text)
            return
        messages += [answer, *(get_weather.invoke(call) for call in answer.tool_calls)]
    raise RuntimeError(f"no answer after {MOST_TURNS} turns")


def main() -> int:
    try:
        for model in MODELS:
            print(type(model).__name__)
            for step in (chain, stream, call_tool):
                step(model)
    # LangChain lets the exceptions of the vendors' SDKs through.
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        request = error.response.headers.get("x-fastgate-request-id")
        print(f"{error.message} (request {request})", file=sys.stderr)
        return 1
    except (openai.APIConnectionError, anthropic.APIConnectionError) as error:
        print(f"no answer: {error.__cause__ or error}", file=sys.stderr)
        return 1
    except openai.APIError as error:  # in the middle of a stream, which then is not complete
        print(f"broken off: {error.message}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
