"""The JSON Schema accepts what the loader accepts, and refuses what it refuses for its form."""

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.support.configs import TEAM_BLOCK, VOCABULARY_BLOCK, messages

from fastgate.config.schema import schema

VALIDATOR = Draft202012Validator(schema())


def errors(text: str) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def test_it_is_a_valid_schema_with_descriptions() -> None:
    generated = schema()
    Draft202012Validator.check_schema(generated)
    assert generated["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    undescribed = [
        f"{section}.{name}"
        for section, definition in generated["$defs"].items()
        for name, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]
    assert undescribed == []


@pytest.mark.parametrize(
    "text",
    [
        TEAM_BLOCK,
        VOCABULARY_BLOCK,
        "{}",
        "server: {port: '${PORT}', workers: env.W, cors: '${CORS}'}",
        "server:\nproviders:\nvirtual_keys:",
        "routes: {r: {groups: [{deployments: [{provider: a, model: b}]}], hedge: {after: p95}}}",
        "unpriced: {assume: {input_per_mtok_usd: '0.1', output_per_mtok_usd: 1}}",
        "providers: {a: {endpoints: [chat], network: {proxy: none}, timeouts: {connect_s: 1}}}",
    ],
)
def test_it_accepts(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "server: {hots: x}",
        "server: {port: many}",
        "server: {port: 70000}",
        "auth: {mode: opne}",
        "virtual_keys: [{enabled: true}]",
        "virtual_keys: [{id: a, budget: {max_per_day_usd: -1}}]",
        "routes: {r: [{strategy: x, deployments: [{provider: a, model: b}]}]}",
        "providers: {a: {endpoints: [chatt]}}",
    ],
)
def test_it_refuses_what_the_loader_refuses(text: str) -> None:
    assert errors(text)
    assert messages(text)
