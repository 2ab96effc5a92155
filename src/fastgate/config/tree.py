"""A configuration as it was written: values with the place of each."""

from decimal import Decimal
from typing import Any

from fastgate.config.diagnostics import Mark, SettingPath

Scalar = None | bool | int | Decimal | str


class Node:
    """A scalar, a list of nodes or a mapping of names to nodes.

    `mark` is the place of the key in a mapping, of the item in a list. Fractions are decimals with
    the digits that were written.
    """

    __slots__ = ("mark", "value")

    def __init__(self, value: "Scalar | list[Node] | dict[str, Node]", mark: Mark) -> None:
        self.value = value
        self.mark = mark

    def locate(self, path: SettingPath) -> Mark:
        """The mark of the value at `path`, or of the closest thing above it that was written."""
        node = self
        for step in path:
            match node.value, step:
                case dict() as members, str() if step in members:
                    node = members[step]
                case list() as items, int() if step < len(items):
                    node = items[step]
                case _:
                    break
        return node.mark


def node_of(value: Any, mark: Mark) -> Node:
    """A plain value as a tree whose every node is at `mark`."""
    if isinstance(value, dict):
        return Node({name: node_of(member, mark) for name, member in value.items()}, mark)
    if isinstance(value, list):
        return Node([node_of(item, mark) for item in value], mark)
    return Node(value, mark)
