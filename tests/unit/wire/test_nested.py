"""Fields that stand deeper in a body: where they are found, and what two parsers could read differently."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.envelope import Envelope, Fields
from fastgate.wire.nested import nested_for


def fields(format_: Format, body: Any) -> Fields:
    return Envelope.decode(body if isinstance(body, bytes) else msgspec.json.encode(body), format_).fields


@pytest.mark.parametrize(
    ("config", "cap", "answers"),
    [
        ({"generationConfig": {"maxOutputTokens": 5, "candidateCount": 2}}, 5, 2),
        ({"generation_config": {"max_output_tokens": 6, "candidate_count": 3}}, 6, 3),
        ({"generationConfig": {"max_output_tokens": 7}}, 7, None),
        ({"generationConfig": None}, None, None),
        ({}, None, None),
    ],
)
def test_geminis_spellings(config: Any, cap: int | None, answers: int | None) -> None:
    found = fields(Format.GENERATE_CONTENT, config)
    assert (found.max_tokens, found.n) == (cap, answers)


@pytest.mark.parametrize(
    ("format_", "body", "param"),
    [
        (
            Format.GENERATE_CONTENT,
            b'{"generationConfig":{"maxOutputTokens":1},"generation_config":{"maxOutputTokens":9}}',
            "generationConfig",
        ),
        (Format.GENERATE_CONTENT, b'{"generationConfig":null,"generation_config":{}}', "generationConfig"),
        (
            Format.GENERATE_CONTENT,
            b'{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}',
            "generationConfig.maxOutputTokens",
        ),
        (Format.GENERATE_CONTENT, b'{"generationConfig":{"a":1,"\\u0061":9}}', "generationConfig"),
        (Format.CONVERSE, b'{"inferenceConfig":{"maxTokens":1,"maxTokens":9}}', "inferenceConfig"),
        (
            Format.CONVERSE,
            b'{"additionalModelRequestFields":{"max_tokens":1,"max_tokens":9}}',
            "additionalModelRequestFields",
        ),
    ],
)
def test_what_stands_there_twice_is_refused(format_: Format, body: bytes, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        fields(format_, body)
    assert (caught.value.code, caught.value.param) == ("duplicate_key", param)


@pytest.mark.parametrize(
    ("body", "cap"),
    [
        ({"inferenceConfig": {"maxTokens": 5}}, 5),
        ({"additionalModelRequestFields": {"max_tokens": 9}}, 9),
        ({"inferenceConfig": {"maxTokens": 5}, "additionalModelRequestFields": {"max_gen_len": 9}}, 9),
        ({"inferenceConfig": {"maxTokens": 5}, "additionalModelRequestFields": {"max_tokens": -1}}, -1),
        ({"additionalModelRequestFields": {"inferenceConfig": {"max_new_tokens": 9}}}, 9),
        ({"additionalModelRequestFields": {"top_k": 9, "inferenceConfig": "x"}}, None),
        ({"additionalModelRequestFields": None}, None),
    ],
)
def test_converse_and_what_its_models_call_it(body: Any, cap: int | None) -> None:
    assert fields(Format.CONVERSE, body).max_tokens == cap


@pytest.mark.parametrize(
    ("body", "cap", "answers"),
    [
        ({"max_tokens": 5}, 5, None),
        ({"max_tokens": 1, "max_gen_len": 9}, 9, None),
        ({"max_tokens_to_sample": 9}, 9, None),
        ({"textGenerationConfig": {"maxTokenCount": 9}}, 9, None),
        ({"inferenceConfig": {"maxTokens": 9}}, 9, None),
        ({"max_tokens": 5, "max_gen_len": True, "max_new_tokens": "x"}, 5, None),
        ({"prompt": "x", "num_generations": 4}, None, 4),
        (b'{"max_gen_len":1e999}', None, None),
    ],
)
def test_a_body_for_any_model(body: Any, cap: int | None, answers: int | None) -> None:
    found = fields(Format.INVOKE, body)
    assert (found.max_tokens, found.n) == (cap, answers)


@pytest.mark.parametrize(
    ("model", "written"),
    [
        ("meta.llama3-70b-instruct-v1:0", {"prompt": "x", "max_gen_len": 7}),
        ("us.amazon.nova-pro-v1:0", {"prompt": "x", "inferenceConfig": {"maxTokens": 7}}),
        ("amazon.titan-text-express-v1", {"prompt": "x", "textGenerationConfig": {"maxTokenCount": 7}}),
    ],
)
def test_where_a_models_body_has_its_cap(model: str, written: Any) -> None:
    members: dict[str, Any] = {"prompt": "x"}
    nested = nested_for(Format.INVOKE, model)
    assert nested is not None
    nested.set(members, "max_tokens", 7)
    assert members == written


def test_claudes_body_has_the_usual_one() -> None:
    assert nested_for(Format.INVOKE, "anthropic.claude-sonnet-4-6") is None
    assert nested_for(Format.CHAT, "gpt-4o") is None
