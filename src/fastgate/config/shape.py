"""The types of the settings, as the loader and the documentation walk over them."""

import types
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache, wraps
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

SECRET = {"secret": True}
"""`Meta(extra=SECRET)` marks a setting whose text must neither be resolved at load nor be shown."""


SECRET_DOCUMENT = {"secret": True, "document": True}
"""`Meta(extra=SECRET_DOCUMENT)` marks one that is no header's value, and may have lines."""


SENSITIVE = {"sensitive": True}
"""`Meta(extra=SENSITIVE)` marks a setting that may hold a secret beside other things: it is not shown."""


FACTOR = {"factor": True}
"""`Meta(extra=FACTOR)` marks a decimal that is no amount of money."""


T = TypeVar("T")


def _once_a_type(look: Callable[[Any], T]) -> Callable[[Any], T]:
    """Remember what was found of a type, by its identity: not all have a hash, and those of settings stay."""
    found: dict[int, tuple[Any, T]] = {}

    @wraps(look)
    def remembered(hint: Any) -> T:
        entry = found.get(id(hint))
        if entry is None:
            entry = found[id(hint)] = (hint, look(hint))
        return entry[1]

    return remembered


@cache
def fields(section: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    """By the name that the configuration has for each."""
    return {field.encode_name: field for field in msgspec.structs.fields(section)}


@cache
def required(section: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    return tuple(field for field in fields(section).values() if field.required)


@_once_a_type
def members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type, each still with its constraints; one for a plain type."""
    if get_origin(hint) is Annotated:
        inner = get_args(hint)[0]
        found = members(inner)
        return (hint,) if found == (inner,) else found
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(member for option in get_args(hint) for member in members(option))
    return (hint,)


def bare(hint: Any) -> Any:
    """The type without `Annotated`."""
    return bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def metas(hint: Any) -> tuple[Meta, ...]:
    """The constraints and descriptions that stand directly on the type."""
    if get_origin(hint) is not Annotated:
        return ()
    inner, *found = get_args(hint)
    return (*metas(inner), *found)


@_once_a_type
def is_secret(hint: Any) -> bool:
    return any(meta.extra in (SECRET, SECRET_DOCUMENT) for meta in metas(hint))


def is_document(hint: Any) -> bool:
    return any(meta.extra == SECRET_DOCUMENT for meta in metas(hint))


def is_shown(hint: Any) -> bool:
    """Whether a value may stand in a message."""
    every = [*metas(hint), *(meta for member in members(hint) for meta in metas(member))]
    return all(meta.extra not in (SECRET, SECRET_DOCUMENT, SENSITIVE) for meta in every)


def description(hint: Any) -> str:
    return next((meta.description for meta in reversed(metas(hint)) if meta.description), "")


@_once_a_type
def section(hint: Any) -> type[msgspec.Struct] | None:
    """The section that a mapping is, where the type takes one."""
    for member in members(hint):
        kind = bare(member)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return kind
    return None


def arguments(hint: Any, kind: type) -> tuple[Any, ...] | None:
    """The type arguments of the `list` or `dict` alternative; None where there is none."""
    for member in members(hint):
        if get_origin(bare(member)) is kind:
            return get_args(bare(member))
    return None


def takes_text(hint: Any) -> bool:
    """Whether the type wants text of any form, so that an interpolated value is not read as YAML."""
    return all(_is_text(bare(member)) for member in members(hint) if not takes_nothing(member))


@_once_a_type
def takes_nothing(hint: Any) -> bool:
    return any(bare(member) is types.NoneType for member in members(hint))


def _is_text(kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return True
    return isinstance(kind, type) and issubclass(kind, str)


def least_items(hint: Any) -> int:
    """The smallest length of the `list` alternative."""
    found = [*metas(hint), *(meta for member in members(hint) for meta in metas(member))]
    return max((meta.min_length or 0 for meta in found), default=0)


def choices(hint: Any) -> tuple[str, ...]:
    """The words that the type allows, where it is an enumeration."""
    found: list[str] = []
    for member in members(hint):
        kind = bare(member)
        if get_origin(kind) is Literal:
            found += get_args(kind)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            found += [item.value for item in kind]
    return tuple(found)


def describe(hint: Any) -> str:
    """The type in words: `a whole number from 0 to 65535`, `one of \\`a\\`, \\`b\\`` …"""
    words = [_describe(member) for member in members(hint) if not takes_nothing(member)]
    return " or ".join(words)


def _describe(member: Any) -> str:
    kind = bare(member)
    if options := choices(member):
        return "one of " + ", ".join(f"`{option}`" for option in options)
    if kind is bool:
        return "`true` or `false`"
    if kind is int:
        return f"a whole number{_bounds(member)}"
    if kind is float:
        return f"a number{_bounds(member)}"
    if kind is Decimal:
        is_factor = any(meta.extra == FACTOR for meta in metas(member))
        return "a number of at least 0" if is_factor else "an amount in US dollars"
    if kind is str:
        pattern = next((meta.pattern for meta in metas(member) if meta.pattern), None)
        return f"text of the form `{pattern}`" if pattern else f"text{_lengths(member)}"
    return "a list" if get_origin(kind) is list else "a mapping"


def stand_in(hint: Any) -> Any:
    """A value of the type for a setting that is wrong or missing, so that the others can be checked on."""
    if takes_nothing(hint):
        return None
    if (kind := section(hint)) is not None:
        build: Any = kind
        return build(**{field.name: stand_in(field.type) for field in required(kind)})
    first = bare(members(hint)[0])
    if options := choices(hint):
        return options[0] if get_origin(first) is Literal else first(options[0])
    return (get_origin(first) or first)()


def _lengths(member: Any) -> str:
    least = max((meta.min_length or 0 for meta in metas(member)), default=0)
    most = next((meta.max_length for meta in metas(member) if meta.max_length is not None), None)
    if most is not None:
        return f" of {least} to {most} characters"
    return " that is not empty" if least else ""


def _bounds(member: Any) -> str:
    least = next((meta.ge for meta in metas(member) if meta.ge is not None), None)
    most = next((meta.le for meta in metas(member) if meta.le is not None), None)
    above = next((meta.gt for meta in metas(member) if meta.gt is not None), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if above is not None:
        return f" above {above}" + (f", at most {most}" if most is not None else "")
    return f" of at least {least}" if least is not None else ""
