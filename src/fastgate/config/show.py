"""The effective settings as YAML, secrets masked."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
import yaml

from fastgate.config import interpolate, shape
from fastgate.config.settings import Settings
from fastgate.config.yaml_source import scalar

MASK: Final = "********"


def show(settings: Settings) -> str:
    """Everything that has a value, defaults included, as a file that could be loaded again.

    A secret is shown only where it is a reference such as `${OPENAI_API_KEY}`; hashes of secrets,
    values of headers and passwords in URLs are masked.
    """
    text: str = yaml.dump(_plain(settings), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _plain(section: msgspec.Struct) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, field in shape.fields(type(section)).items():
        value = getattr(section, field.name)
        if value is None:
            continue
        if shape.is_secret(field.type):
            shown[name] = value if interpolate.is_pure_reference(value) else MASK
        elif name == "proxy":
            shown[name] = _without_password(value)
        elif not shape.is_shown(field.type):
            shown[name] = MASK
        elif (named := shape.arguments(field.type, dict)) and not shape.is_shown(named[1]):
            shown[name] = dict.fromkeys(value, MASK)
        else:
            shown[name] = _shown(value)
    return {name: value for name, value in shown.items() if value not in ({}, [])}


def _shown(value: Any) -> Any:
    match value:
        case msgspec.Struct():
            return _plain(value)
        case Mapping():
            return {name: _shown(member) for name, member in value.items()}
        case list():
            return [_shown(item) for item in value]
        case Enum():
            return value.value
        case str():
            return interpolate.literal(value)
        case _:
            return value


def _without_password(url: str) -> str:
    before, at, host = url.rpartition("@")
    scheme = "http://" if "://" in before else ""
    return f"{scheme}{MASK}@{host}" if at else url


class _Dumper(yaml.SafeDumper):
    """Writes what `yaml_source` reads: amounts with their digits, quotes round words that mean more."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(scalar(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_amount(dumper: yaml.SafeDumper, amount: Decimal) -> yaml.ScalarNode:
    text = format(amount, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Decimal, _represent_amount)
