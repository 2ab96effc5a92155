"""Long lists of customers, teams and keys in a configuration that is written as JSON, decoded at once.

JSON is YAML, and means the same here, but read node by node 100,000 keys would hold up each start for many
seconds. What is decoded at once has no lines: as soon as there is anything to say of it, the configuration
is read the ordinary way.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import force_setattr

from fastgate._core.jsonscan import find_members
from fastgate.config import shape, validate
from fastgate.config.diagnostics import Diagnostic
from fastgate.config.money_settings import BudgetSettings, RateLimitSettings
from fastgate.config.money_view import CAPS
from fastgate.config.settings import Settings

LISTS: Final = ("customers", "teams", "virtual_keys")

_LEAST_BYTES: Final = 1 << 20
_REFERENCES: Final = (b"$", b'"env.', b'"file:')
_ESCAPED_ASCII: Final = re.compile(rb"\\u00[0-7]")  # may hide a reference
_AMOUNTS: Final = (*CAPS, "max_usd")
_PARTS: Final = ("budget", "rate_limit")
_encode: Final = msgspec.msgpack.Encoder().encode


class Bulk(NamedTuple):
    """`rest` is the text without the items of `lists`, each other line where it was."""

    rest: str
    lists: dict[str, list[Any]]

    def complete(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, **self.lists)

    def concerns(self, found: Iterable[Diagnostic]) -> bool:
        """Whether anything is about the lists, and so needs their lines."""
        return any(item.path.startswith(name) for item in found for name in self.lists)


def take(text: str) -> Bulk | None:
    """None where there is nothing to gain, or any doubt that the ordinary way would read the same."""
    if len(text) < _LEAST_BYTES or not text.lstrip().startswith("{"):
        return None
    try:
        data = text.encode()
        spans = find_members(data, tuple(name.encode() for name in LISTS))
        lists: dict[str, list[Any]] = {}
        pieces, end = [], 0
        for span, name in sorted(
            (span, name) for span, name in zip(spans, LISTS, strict=True) if span is not None
        ):
            _, start, stop = span
            if stop - start < _LEAST_BYTES:
                continue
            raw = data[start:stop]
            items = _decoded(raw, shape.fields(Settings)[name].type)
            if items is None:
                return None
            lists[name] = items
            pieces += [data[end:start], b"[]", b"\n" * raw.count(b"\n")]
            end = stop
        rest = b"".join((*pieces, data[end:])).decode()
    except (ValueError, RecursionError):  # not JSON, or not as the settings are
        return None
    return Bulk(rest, lists) if lists else None


def _decoded(raw: bytes, hint: Any) -> list[Any] | None:
    if any(reference in raw for reference in _REFERENCES) or _ESCAPED_ASCII.search(raw):
        return None
    items: list[Any] = msgspec.json.decode(raw, type=hint)
    # A key that stands twice would get lost. (A text that begins with a colon raises doubt as well.)
    written = raw.count(b'":')
    if written != msgspec.json.encode(items).count(b'":') and written != _keys(msgspec.json.decode(raw)):
        return None
    return items if all(_representable(part) for part in _shared(items)) else None


def _shared(items: list[Any]) -> Iterable[Any]:
    """Make equal budgets and limits of the items one object each, and return these: keys are alike, and who
    goes through them afterwards has to look at each of these once only."""
    found: dict[tuple[str, bytes], Any] = {}
    for item in items:
        for setting in _PARTS:
            part = getattr(item, setting)
            if part is not None:
                first = found.setdefault((setting, _encode(part)), part)
                if first is not part:
                    force_setattr(item, setting, first)
    return found.values()


def _keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if isinstance(value, list) else 0


def _representable(part: BudgetSettings | list[BudgetSettings] | RateLimitSettings) -> bool:
    """Whether the ordinary way lets all of its amounts through."""
    if isinstance(part, RateLimitSettings):
        return True
    if isinstance(part, list):
        return all(map(_representable, part))
    amounts = [getattr(part, name) for name in _AMOUNTS]
    amounts += part.soft_limit
    amounts += [increase.usd for increase in part.increases]
    return all(validate.representable(amount) for amount in amounts if amount is not None)
