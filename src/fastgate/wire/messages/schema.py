"""JSON Schemas for `output_config.format` and strict tools, of which the API refuses what it cannot enforce.

Source: the limitations on Anthropic's page on structured outputs, and what its SDKs take out beforehand.
"""

from typing import Any, Final

import msgspec

from fastgate.errors import GatewayError

_UNENFORCED: Final = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "prefixItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
        "unevaluatedItems",
        "not",
        "if",
        "then",
        "else",
    }
)
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_OF_SCHEMAS: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "allOf")

_decoder: Final = msgspec.json.Decoder()


def enforceable(schema: msgspec.Raw) -> tuple[msgspec.Raw, list[str]]:
    """The schema without what the API refuses, and the keywords that it has lost. Objects become closed.

    GatewayError `invalid_field`: it is nested too deeply.
    """
    lost: dict[str, None] = {}
    try:
        kept = _narrowed(_decoder.decode(schema), lost)
    except RecursionError:
        raise GatewayError("invalid_field", "A JSON Schema is nested too deeply.") from None
    return msgspec.Raw(msgspec.json.encode(kept)), list(lost)


def _narrowed(schema: Any, lost: dict[str, None]) -> Any:
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if _refused(keyword, value):
            lost[keyword] = None
        elif keyword in _OF_SCHEMAS and isinstance(value, dict):
            kept[keyword] = {name: _narrowed(inner, lost) for name, inner in value.items()}
        elif keyword in (*_LISTS, "oneOf") and isinstance(value, list):
            kept["anyOf" if keyword == "oneOf" else keyword] = [_narrowed(inner, lost) for inner in value]
        elif keyword == "items":
            kept[keyword] = _narrowed(value, lost)
        else:
            kept[keyword] = value
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties", False) is not False:
            lost["additionalProperties"] = None
        kept["additionalProperties"] = False
    return kept


def _refused(keyword: str, value: Any) -> bool:
    if keyword == "minItems":
        return value not in (0, 1)
    if keyword == "format":
        return not (isinstance(value, str) and value in _FORMATS)
    return keyword in _UNENFORCED
