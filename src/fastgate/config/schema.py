"""The settings as a JSON Schema (draft 2020-12), for completion and checks in editors."""

from typing import Any, Final

import msgspec

from fastgate.config.settings import Settings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{|^env\.[A-Za-z_]|^file:/"}
_NOTHING: Final = {"type": "null"}
_AMOUNT: Final = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]*\.?[0-9]+$"}]
}


def schema() -> dict[str, Any]:
    """Accepts what the loader accepts, references such as `${PORT}` in place of any value included."""
    generated = msgspec.json.schema(Settings)
    sections = {name: _section(section) for name, section in generated["$defs"].items()}
    return {
        "$schema": DIALECT,
        "title": "fastgate configuration",
        "$ref": generated["$ref"],
        "$defs": sections,
    }


def _section(given: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in given:  # an enumeration
        return given
    properties = {name: _value(value) for name, value in given["properties"].items()}
    return {**given, "properties": properties}


def _value(given: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value, or a reference; a collection may be left empty, which is null in YAML."""
    notes: dict[str, Any] = {key: given[key] for key in ("description", "default") if key in given}
    rest = {key: value for key, value in given.items() if key not in notes}
    options = [_option(option) for option in rest.get("anyOf", [rest])]
    if any("$ref" in option or option.get("type") in ("array", "object") for option in options):
        options.append(_NOTHING)
    return {**notes, "anyOf": [*options, _REFERENCE]}


def _option(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("format") == "decimal":
        return _AMOUNT
    inner: dict[str, Any] = {
        key: _value(given[key])
        for key in ("items", "additionalProperties")
        if isinstance(given.get(key), dict)
    }
    return {**given, **inner}
