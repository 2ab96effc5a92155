"""Members of a provider's answers that are no content and that only its own format has words for: what a
filter found, which container a tool ran in. Ids, times and names are none of them, nor is the usage.
"""

from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec

from fastgate.wire.interface import Losses
from fastgate.wire.lenient import UNREADABLE, is_empty

Tree = Mapping[str, "Tree | None"]
"""By their names: None for such a member, else those of the object, or the list of them, in this place."""


class _Empty(msgspec.Struct, forbid_unknown_fields=True):
    """An object that says nothing."""


_Nothing = Literal[""] | Annotated[list[Any], msgspec.Meta(max_length=0)] | _Empty | None


class Beside:
    """Of one format."""

    def __init__(self, tree: Tree) -> None:
        self.names = tuple(dict.fromkeys(_leaves(tree)))
        self._tree = tree
        # Most answers say nothing there, which msgspec finds out in a fraction of a microsecond.
        self._silent: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_struct(tree, _Nothing, None))
        self._any: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_struct(tree, msgspec.Raw, msgspec.Raw()))

    def named(self, json: bytes) -> Set[str]:
        """Those in which an answer, or an event of a stream, says something."""
        try:
            self._silent.decode(json)
        except UNREADABLE:
            try:
                return set(_said(self._any.decode(json), self._tree))
            except UNREADABLE:
                return frozenset()
        return frozenset()

    def without(self, names: Set[str]) -> "Beside":
        return _without(self, frozenset(names))


class BesideWatch:
    """Of one answer, for what the client is not told of it. A stream that has such a member has it in every
    event: each is looked for until it has been named."""

    def __init__(self, beside: Beside, losses: Losses) -> None:
        self._left = beside
        self._losses = losses

    def look(self, json: bytes) -> None:
        found = self._left.named(json)
        if found:
            for name in self._left.names:
                if name in found:
                    self._losses.drop(f"answer.{name}")
            self._left = self._left.without(found)


@lru_cache(maxsize=256)
def _without(beside: Beside, names: frozenset[str]) -> Beside:
    return Beside(_pruned(beside._tree, names))


def _pruned(tree: Tree, names: frozenset[str]) -> Tree:
    pruned = {name: None if inner is None else _pruned(inner, names) for name, inner in tree.items()}
    return {name: inner for name, inner in pruned.items() if (name not in names if inner is None else inner)}


def _leaves(tree: Tree) -> Iterator[str]:
    for name, inner in tree.items():
        if inner is None:
            yield name
        else:
            yield from _leaves(inner)


def _struct(tree: Tree, leaf: Any, absent: Any) -> type[msgspec.Struct]:
    """With fields in the order of the tree, as not every name is an identifier."""
    fields: list[tuple[str, Any, Any]] = []
    for index, inner in enumerate(tree.values()):
        if inner is None:
            fields.append((f"_{index}", leaf, absent))
        else:
            struct: Any = _struct(inner, leaf, absent)
            fields.append((f"_{index}", struct | list[struct] | None, None))
    names = {f"_{index}": name for index, name in enumerate(tree)}
    return msgspec.defstruct("Beside", fields, rename=names, gc=False)


def _said(value: Any, tree: Tree) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        for (name, inner), member in zip(tree.items(), msgspec.structs.astuple(each), strict=True):
            if inner is not None:
                yield from () if member is None else _said(member, inner)
            elif not is_empty(member):
                yield name


NOTHING: Final = Beside({})
