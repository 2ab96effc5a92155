"""Gemini's own kind of schema (a part of OpenAPI 3.0's) as JSON Schema, which all others take."""

from typing import Any, Final

import msgspec

from fastgate.wire.gemini.spelling import camel
from fastgate.wire.interface import raw
from fastgate.wire.reading import decoded

_objects: Final = msgspec.json.Decoder(dict[str, Any])
_COUNTS: Final = frozenset(
    {"minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"}
)


def json_schema(schema: msgspec.Raw, path: str) -> msgspec.Raw:
    """The same type, in JSON Schema. GatewayError `invalid_field` with `path`: it is no object."""
    return raw(_converted(decoded(_objects, schema, path)))


def _converted(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    said = {camel(name): value for name, value in schema.items()}
    order = said.pop("propertyOrdering", None)
    nullable = said.pop("nullable", False) is True
    for name, value in said.items():
        if name == "type":
            if value != "TYPE_UNSPECIFIED":
                out["type"] = value.lower() if isinstance(value, str) else value
        elif name == "properties" and isinstance(value, dict):
            out["properties"] = {key: _converted(value[key]) for key in _ordered(value, order)}
        elif name in {"items", "additionalProperties"}:
            out[name] = _converted(value)
        elif name == "anyOf" and isinstance(value, list):
            out["anyOf"] = [_converted(each) for each in value]
        elif name == "example":
            out["examples"] = [value]
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal():
            out[name] = int(value)  # 64-bit numbers are strings in proto JSON
        else:
            out[name] = value
    return _nullable(out) if nullable else out


def _ordered(properties: dict[str, Any], order: Any) -> list[str]:
    """The names, those that `propertyOrdering` lists in front."""
    first = [name for name in order if name in properties] if isinstance(order, list) else []
    return list(dict.fromkeys([*first, *properties]))


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str) and "anyOf" not in schema:
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
        return schema
    return {"anyOf": [schema, {"type": "null"}]}
