"""The simulated provider satisfies the official SDKs with strict validation, and says what it is."""

from typing import Any

import pytest
from tests.sdk.conftest import Sdk, Side
from tests.sdk.names import ERRORS, SIM_STRICT, for_sdk

pytestmark = pytest.mark.sdk


@pytest.fixture
def results(sim_alone: Side, sdk: Sdk) -> dict[str, Any]:
    return sim_alone.results(sdk, for_sdk(sdk.name, SIM_STRICT), strict=True)


def test_every_call_is_answered(results: dict[str, Any]) -> None:
    raised = {name: result for name, result in results.items() if "raised" in str(result)}
    raised.pop("responses_stored", None)  # its last step asks for what it has deleted
    assert raised == {name: ERRORS[name] for name in ("unknown_model", "wrong_key")}


def test_text_says_that_it_is_simulated(results: dict[str, Any]) -> None:
    assert results["chat"]["choices"][0]["message"]["content"].startswith("This is a simulated answer")


def test_stream_says_the_same_as_the_plain_answer(results: dict[str, Any]) -> None:
    deltas = [chunk["choices"][0]["delta"] for chunk in results["chat_stream"]]
    assert (
        "".join(delta.get("content") or "" for delta in deltas)
        == (results["chat"]["choices"][0]["message"]["content"])
    )
    assert results["chat_stream"][-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_of_a_stream_is_that_of_the_plain_answer(results: dict[str, Any]) -> None:
    last = results["chat_stream_usage"][-1]
    assert last["choices"] == []
    assert last["usage"] == results["chat"]["usage"]


def test_tool_call(results: dict[str, Any]) -> None:
    call = results["chat_tools"]["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "get_weather", "arguments": '{"city":"simulated"}'}


def test_base64_and_float_embeddings_agree(results: dict[str, Any]) -> None:
    encoded, plain = (results[f"embeddings_{form}"]["data"][0]["embedding"] for form in ("base64", "float"))
    assert encoded == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("sdk", ["openai-python-3", "openai-python-1"], indirect=True)
def test_stored_response(results: dict[str, Any]) -> None:
    same, response, items, gone = results["responses_stored"]
    assert same
    assert response["status"] == "completed"
    assert items[0]["content"][0]["text"] == "hello"
    assert gone == {"raised": "NotFoundError", "status": 404}
