"""YAML text to a tree that knows the line of every value.

YAML 1.2's core schema, so that `no` and `12:30` are text; anchors, aliases and merge keys work; a
key that stands twice is an error, and so are tags that would build objects. Built from the parser's
events rather than with PyYAML's composer, whose C implementation overflows the stack on deep nesting.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import yaml

from fastgate.config.diagnostics import Mark, Report, SettingPath
from fastgate.config.tree import Node, Scalar

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FRACTION: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_CONSTANTS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG: Final = "tag:yaml.org,2002:"
_COLLECTION_TAGS: Final = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_TEXT_TAGS: Final = ("!", f"{_TAG}str")
_MERGE: Final = "<<"
# without the tag or alias itself: an unquoted secret may look like one
_TAGGED: Final = "tags are not supported; text that begins with `!` needs quotes"

_MAX_DEPTH: Final = 64  # settings are 8 deep; recursion over the tree stays far from Python's limit
_MAX_NODES: Final = 5_000_000  # aliases of aliases grow exponentially ("billion laughs")
_MAX_INTEGER_DIGITS: Final = 4000  # Python refuses to read more than 4300


class _Refused(Exception):
    """The text goes against a rule of ours; the parser has no complaint."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message


def parse(text: str, source: str, report: Report) -> Node | None:
    """The tree of one YAML document; an empty one is an empty mapping. None after a reported error."""
    return _parse(text, source, report, Mark(source))


def parse_value(text: str, mark: Mark, path: SettingPath, report: Report) -> Node | None:
    """A value given as YAML text outside of a file: every node of it is at `mark`."""
    inner = Report()
    node = _parse(text, mark.source, inner, mark, moved=True)
    for item in inner.diagnostics():
        report.error(mark, path, item.message, item.suggestion)
    return node


def _parse(text: str, source: str, report: Report, start: Mark, *, moved: bool = False) -> Node | None:
    builder = _Builder(source, report, start if moved else None)
    try:
        return builder.document(yaml.parse(text, Loader=_Loader))
    except _Refused as error:
        report.error(error.mark, (), error.message)
    except yaml.MarkedYAMLError as error:
        message = " ".join(part for part in (error.context, error.problem) if part)
        place = error.problem_mark or error.context_mark
        report.error(builder.mark(place) if place else start, (), f"not valid YAML: {message}")
    except yaml.YAMLError as error:
        report.error(start, (), f"not valid YAML: {str(error).splitlines()[0]}")
    return None


def scalar(text: str) -> Scalar:
    """What an unquoted word means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        base = {"0x": 16, "0o": 8}.get(text[:2], 10)
        return int(text, base) if len(text) <= _MAX_INTEGER_DIGITS else text
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return text


class _Builder:
    """Turns the events of one document into nodes. `fixed` replaces the marks of the text itself."""

    def __init__(self, source: str, report: Report, fixed: Mark | None) -> None:
        self._source = source
        self._report = report
        self._fixed = fixed
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def mark(self, place: Any) -> Mark:
        return self._fixed or Mark(self._source, place.line + 1, place.column + 1)

    def document(self, events: Iterator[Any]) -> Node:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(self.mark(event.start_mark), "a second document (`---`): only one is read")
                root = self._node(next(events), events, (), 0)
        return root or Node(None, self._fixed or Mark(self._source))

    def _node(self, event: Any, events: Iterator[Any], path: SettingPath, depth: int) -> Node:
        mark = self.mark(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, mark)
        if depth > _MAX_DEPTH:
            raise _Refused(mark, f"nested deeper than {_MAX_DEPTH} levels")
        before = self._nodes
        self._count(1, mark)
        value: Scalar | list[Node] | dict[str, Node]
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, mark)
        elif event.tag not in _COLLECTION_TAGS:
            raise _Refused(mark, _TAGGED)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, path, depth)
        else:
            value = self._mapping(events, path, depth)
        node = Node(value, mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._nodes - before)
        return node

    def _count(self, nodes: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > _MAX_NODES:
            raise _Refused(mark, f"more than {_MAX_NODES} values, aliases counted each time")

    def _alias(self, event: Any, mark: Mark) -> Node:
        if event.anchor not in self._anchors:
            raise _Refused(
                mark, "an alias without an anchor before it; text that begins with `*` needs quotes"
            )
        node, size = self._anchors[event.anchor]
        self._count(size, mark)
        return Node(node.value, mark)

    @staticmethod
    def _scalar(event: Any, mark: Mark) -> Scalar:
        text: str = event.value
        if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
            return text
        if event.tag is None:
            return scalar(text)
        raise _Refused(mark, _TAGGED)

    def _sequence(self, events: Iterator[Any], path: SettingPath, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, events: Iterator[Any], path: SettingPath, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            mark = self.mark(event.start_mark)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Refused(mark, "a key must be plain text")
            name: str = event.value
            value = self._node(next(events), events, (*path, name), depth + 1)
            if name == _MERGE and event.implicit[0]:
                self._merge(value, merged, mark)
            elif name in own:
                first = own[name].mark
                self._report.error(
                    mark, (*path, name), f"the key stands twice; the first one is in line {first.line}"
                )
            else:
                own[name] = Node(value.value, mark)
        return {**merged, **own}

    @staticmethod
    def _merge(value: Node, merged: dict[str, Node], mark: Mark) -> None:
        sources = value.value if isinstance(value.value, list) else [value]
        for source in sources:
            if not isinstance(source.value, dict):
                raise _Refused(mark, "`<<` takes a mapping, or a list of mappings")
            for name, node in source.value.items():
                merged.setdefault(name, node)
