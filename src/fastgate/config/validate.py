"""Checks a tree against the settings' types and collects every mismatch, each at its line.

msgspec decides what a scalar may be; the walk is ours because msgspec stops at the first error and
knows no lines. Strings are interpolated on the way, but for those that hold secrets.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from fastgate.config import interpolate, shape, yaml_source
from fastgate.config.diagnostics import Report, SettingPath, did_you_mean, path_text
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.errors import ConfigError

_SHOWN_CHARACTERS: Final = 40
_MAX_AMOUNT: Final = Decimal(9_000_000_000)
_AMOUNT_DIGITS: Final = 18  # after the point
_INT64: Final = range(-(2**63), 2**63)


def validate(tree: Node, environ: Mapping[str, str], report: Report) -> Settings:
    """The settings, with stand-ins where `report` has errors, so that what refers to what can be
    checked all the same. A stand-in for a name is empty."""
    settings: Settings = _Walk(environ, report).section(tree, Settings, ())
    return settings


class _Walk:
    def __init__(self, environ: Mapping[str, str], report: Report) -> None:
        self._environ = environ
        self._report = report

    def section(self, node: Node, section: type[msgspec.Struct], path: SettingPath) -> Any:
        known = shape.fields(section)
        given = self._mapping(node, path)
        if given is None:
            return shape.stand_in(section)
        values: dict[str, Any] = {}
        for name, member in given.items():
            if name in known:
                values[known[name].name] = self._value(member, known[name].type, (*path, name))
            else:
                suggestion = _where_meant(name, section)
                self._report.error(member.mark, (*path, name), "unknown setting", suggestion)
        for field in shape.required(section):
            if field.encode_name not in given:
                self._report.error(node.mark, (*path, field.encode_name), "is required, and missing")
                values[field.name] = shape.stand_in(field.type)
        build: Any = section
        return build(**values)

    def _mapping(self, node: Node, path: SettingPath) -> dict[str, Node] | None:
        if node.value is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self._report.error(node.mark, path, f"expected a mapping, got {_kind(node.value)}")
        return None

    def _value(self, node: Node, hint: Any, path: SettingPath) -> Any:
        if isinstance(node.value, str):
            if shape.is_secret(hint):
                return self._secret(node, node.value, path, document=shape.is_document(hint))
            if interpolate.has_reference(node.value):
                expanded = self._expanded(node, node.value, hint, path)
                if expanded is None:
                    return shape.stand_in(hint)
                node = expanded
        nothing = node.value is None and not shape.takes_nothing(hint)
        if isinstance(node.value, dict) or nothing:
            if section := shape.section(hint):
                return self.section(node, section, path)
            if arguments := shape.arguments(hint, dict):
                return self._named(node, arguments, path)
        if (isinstance(node.value, list) or nothing) and (arguments := shape.arguments(hint, list)):
            items = node.value if isinstance(node.value, list) else []
            if len(items) < shape.least_items(hint):
                self._report.error(node.mark, path, "must not be empty")
            return [self._value(item, arguments[0], (*path, index)) for index, item in enumerate(items)]
        return self._scalar(node, hint, path)

    def _named(self, node: Node, arguments: tuple[Any, ...], path: SettingPath) -> Any:
        name_hint, hint = arguments
        values: dict[str, Any] = {}
        for name, member in (self._mapping(node, path) or {}).items():
            try:
                msgspec.convert(name, name_hint)
            except msgspec.ValidationError:
                expected = shape.describe(name_hint)
                self._report.error(member.mark, (*path, name), f"the name must be {expected}")
            values[name] = self._value(member, hint, (*path, name))
        return values

    def _scalar(self, node: Node, hint: Any, path: SettingPath) -> Any:
        value = node.value
        try:
            if isinstance(value, dict | list):
                raise msgspec.ValidationError
            converted = msgspec.convert(value, hint)
            if not representable(converted):
                raise msgspec.ValidationError
        except msgspec.ValidationError:
            message = f"expected {shape.describe(hint)}"
            self._report.error(node.mark, path, f"{message}, got {_shown(value, hint)}", _hint(value, hint))
            return shape.stand_in(hint)
        return converted

    def _secret(self, node: Node, template: str, path: SettingPath, *, document: bool) -> str:
        try:
            if ref := interpolate.secret_ref(template):
                interpolate.resolve_secret(ref, self._environ, document=document)
        except ConfigError as error:
            self._report.error(node.mark, path, str(error))
        return template

    def _expanded(self, node: Node, text: str, hint: Any, path: SettingPath) -> Node | None:
        try:
            value = interpolate.expand(text, self._environ)
        except ConfigError as error:
            self._report.error(node.mark, path, str(error))
            return None
        if shape.takes_text(hint):
            return Node(value, node.mark)
        return yaml_source.parse_value(value, node.mark, path, self._report)


def representable(value: Any) -> bool:
    """Numbers must fit 64 bits, amounts as nano-dollars; amounts are not negative."""
    if isinstance(value, int):
        return value in _INT64
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return isinstance(exponent, int) and exponent >= -_AMOUNT_DIGITS and 0 <= value < _MAX_AMOUNT
    return not isinstance(value, float) or math.isfinite(value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "`true` or `false`"
        case int():
            return "a whole number"
        case Decimal():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _shown(value: Any, hint: Any) -> str:
    """The value where it cannot be a secret, else its kind. One put in the wrong place is none either:
    numbers are shown only where a single value is expected, text only where it is a choice."""
    single = shape.section(hint) is None and not any(shape.arguments(hint, kind) for kind in (list, dict))
    if not shape.is_shown(hint) or not single:
        return _kind(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)[:_SHOWN_CHARACTERS]
    if isinstance(value, str) and shape.choices(hint):
        return f"`{value[:_SHOWN_CHARACTERS]}`"
    return _kind(value)


def _hint(value: Any, hint: Any) -> str | None:
    if isinstance(value, str):
        return did_you_mean(value, shape.choices(hint))
    if isinstance(value, bool | int | Decimal) and shape.takes_text(hint) and not shape.choices(hint):
        return "put it in quotes"
    return None


def _where_meant(name: str, section: type[msgspec.Struct]) -> str | None:
    """A similar setting of the section, or one of that name in a section inside of it."""
    if similar := did_you_mean(name, shape.fields(section)):
        return similar
    for outer, field in shape.fields(section).items():
        inner = shape.section(field.type)
        if inner is not None and name in shape.fields(inner):
            return f"did you mean {path_text((outer, name))}?"
    return None
