"""A small valid value for a JSON Schema: structured output, and the arguments of tool calls."""

from collections.abc import Mapping
from typing import Any

_MOST_NODES = 2_000  # a recursive schema would never end
_DEEPEST = 50
_MOST_ITEMS = 100
_MOST_CHARACTERS = 10_000
_TEXTS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "simulated@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/simulated",
}

Schema = Mapping[str, Any]


def sample(schema: Any) -> Any:
    """Knows what structured output allows: types, enum, const, $ref, anyOf, and the usual bounds.

    Raises ValueError where the schema is none.
    """
    try:
        return _Sampler(schema).value(schema, 0)
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError) as error:
        raise ValueError(f"not a usable JSON Schema: {error}") from error


class _Sampler:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._nodes_left = _MOST_NODES

    def value(self, schema: Any, depth: int) -> Any:
        self._nodes_left -= 1
        if not isinstance(schema, Mapping) or self._nodes_left < 0 or depth > _DEEPEST:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        if "$ref" in schema:
            return self.value(self._resolve(schema["$ref"]), depth + 1)
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self.value(_simplest(schema[key]), depth + 1)
        return self._of_type(schema, depth + 1)

    def _of_type(self, schema: Schema, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        match kind:
            case "object":
                properties: Schema = schema.get("properties") or {}
                names = schema.get("required", properties)
                return {name: self.value(properties.get(name, {}), depth) for name in names}
            case "array":
                count = min(int(schema.get("minItems", 0)), _MOST_ITEMS)
                return [self.value(schema.get("items", {}), depth) for _ in range(count)]
            case "string":
                return _text(schema)
            case "integer":
                return _number(schema, 1)
            case "number":
                return _number(schema, 0.5)
            case "boolean":
                return True
            case _:
                return None

    def _resolve(self, reference: str) -> Any:
        """What a `#/$defs/…` pointer leads to."""
        node = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                node = node[part]
        return node


def _simplest(options: list[Any]) -> Any:
    """null where it is allowed, else the shortest alternative without a reference: recursion ends."""
    return min(options, key=lambda o: (o.get("type") != "null", "$ref" in o, len(str(o))))


def _text(schema: Schema) -> str:
    text = _TEXTS.get(schema.get("format", ""), "simulated")
    shortest = min(int(schema.get("minLength", 0)), _MOST_CHARACTERS)
    longest = int(schema.get("maxLength", _MOST_CHARACTERS))
    return text.ljust(shortest, ".")[:longest]


def _number(schema: Schema, step: float) -> Any:
    if "minimum" in schema:
        value = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        value = schema["exclusiveMinimum"] + step
    elif "maximum" in schema:
        value = min(step, schema["maximum"])
    elif "exclusiveMaximum" in schema:
        value = min(step, schema["exclusiveMaximum"] - step)
    else:
        value = step
    multiple = schema.get("multipleOf")
    return -(-value // multiple) * multiple if multiple else value
