"""Which models a vendor serves, from the data of genai-prices. Never imported in a worker.

A clause of that data becomes one regular expression, so that a worker needs neither the package nor
its classes.
"""

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from genai_prices import types
from genai_prices.data import providers


class CatalogueModel(NamedTuple):
    """`names` are spelled as the data has them; `pattern` is searched in a lower-case name. `deprecated`: the
    vendor says so.

    A name belongs to the first model that takes it, as in genai-prices.
    """

    id: str
    names: tuple[str, ...]
    pattern: str | None
    deprecated: bool


@cache
def models(
    catalogue: str, unlisted: tuple[str, ...] = (), begins: str | None = None
) -> tuple[CatalogueModel, ...]:
    """The models of a vendor, without those whose id matches a glob of `unlisted`, under the names only that
    begin as `begins` (a regular expression) says.

    KeyError: genai-prices has no such vendor.
    """
    begin = re.compile(begins or "")
    provider = {provider.id: provider for provider in providers}[catalogue]
    found = []
    for model in provider.models:
        if any(fnmatchcase(model.id, glob) for glob in unlisted):
            continue
        names = tuple(
            name
            for name in dict.fromkeys((model.id, *_equals(model.match)))
            if provider.find_model(name) is model
            and not any(fnmatchcase(name, glob) for glob in unlisted)
            and begin.match(name.lower())
        )
        pattern = _pattern(model.match)
        if pattern is not None and begins is not None:
            pattern = rf"\A(?={begins})(?=[\s\S]*?(?:{pattern}))"
        found.append(CatalogueModel(model.id, names, pattern, bool(model.deprecated)))
    return tuple(found)


def _equals(clause: types.MatchLogic) -> tuple[str, ...]:
    if isinstance(clause, types.ClauseEquals):
        return (clause.equals,)
    if isinstance(clause, types.ClauseOr):
        return tuple(name for inner in clause.or_ for name in _equals(inner))
    return ()


def _pattern(clause: types.MatchLogic) -> str | None:
    """What is left of the clause when the names that it lists are taken out."""
    if isinstance(clause, types.ClauseEquals):
        return None
    if isinstance(clause, types.ClauseOr):
        inner = [pattern for part in clause.or_ if (pattern := _pattern(part)) is not None]
        return "|".join(inner) if inner else None
    return expression(clause)


def expression(clause: types.MatchLogic) -> str:
    """What is searched in a lower-case name."""
    match clause:
        case types.ClauseEquals():
            return rf"\A{re.escape(clause.equals.lower())}\Z"
        case types.ClauseStartsWith():
            return rf"\A{re.escape(clause.starts_with.lower())}"
        case types.ClauseEndsWith():
            return rf"{re.escape(clause.ends_with.lower())}\Z"
        case types.ClauseContains():
            return re.escape(clause.contains.lower())
        case types.ClauseRegex():
            return f"(?:{clause.regex})"
        case types.ClauseOr():
            return "(?:" + "|".join(map(expression, clause.or_)) + ")"
        case types.ClauseAnd():
            return r"\A" + "".join(f"(?=[\\s\\S]*?{_group(part)})" for part in clause.and_)
    raise TypeError(f"a clause of genai-prices that is not known here: {type(clause).__name__}")


def _group(clause: types.MatchLogic) -> str:
    return f"(?:{expression(clause)})"
