"""What a client may say to one provider, and what it may not."""

from typing import Any

import msgspec
import pytest

from fastgate.errors import GatewayError
from fastgate.wire.interface import raw
from fastgate.wire.options import decides, merge


def merged(members: dict[str, Any], **options: Any) -> Any:
    merge(members, {name: raw(value) for name, value in options.items()})
    return msgspec.json.decode(msgspec.json.encode(members))


def test_an_option_wins() -> None:
    assert merged({"a": 1, "b": 2}, a=3, c=[4]) == {"a": 3, "b": 2, "c": [4]}


def test_objects_are_merged() -> None:
    written = {"built": {"a": 1, "b": 2}, "raw": raw({"a": 1}), "text": "x"}
    options = {"built": {"b": 3}, "raw": {"c": 4}, "text": {"d": 5}}
    assert merged(written, **options) == {
        "built": {"a": 1, "b": 3},
        "raw": {"a": 1, "c": 4},
        "text": {"d": 5},
    }


@pytest.mark.parametrize(
    "options",
    [
        {"model": "the-dear-one"},
        {"modelId": "the-dear-one"},
        {"fallbacks": [{"model": "the-dear-one"}]},
        {"speed": "fast"},
        {"stream": True},
        {"service_tier": "priority"},
        {"serviceTier": {"type": "priority"}},
        {"max_tokens": 1},
        {"n": 128},
        {"best_of": 9},
        {"generation_config": {"max_output_tokens": 1}},
        {"generationConfig": {"candidateCount": 8}},
        {"inferenceConfig": {"maxTokens": 1}},
        {"options": {"num_predict": 1}},
        {"additionalModelRequestFields": {"inferenceConfig": {"maxTokens": 1}}},
    ],
)
def test_what_a_call_is_routed_or_billed_by_is_refused(options: dict[str, Any]) -> None:
    members: dict[str, Any] = {"model": "cheap"}
    with pytest.raises(GatewayError) as caught:
        merged(members, **options)
    assert (caught.value.code, caught.value.param) == ("invalid_field", "provider_options")
    assert members == {"model": "cheap"}


def test_words_that_mean_something_else_deeper_down() -> None:
    assert merged({}, metadata={"model": "x", "stream": "y"}) == {"metadata": {"model": "x", "stream": "y"}}


def test_any_spelling_decides() -> None:
    assert all(map(decides, ("max_tokens", "maxTokens", "Max_Tokens", "streamOptions", "candidate_count")))
    assert not any(map(decides, ("temperature", "thinking", "top_k")))
