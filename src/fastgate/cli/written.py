"""Single settings of a configuration as they are written, where the whole need not be fit for use."""

import os
from pathlib import Path
from typing import Any

from fastgate.cli.errors import CommandError
from fastgate.config import environment, yaml_source
from fastgate.config.diagnostics import Mark, Report
from fastgate.config.interpolate import expand
from fastgate.config.place import CONFIG_YAML, config_file
from fastgate.config.tree import Node


class Unreadable(CommandError):
    """What the configuration says cannot be told. The message is its place: a file or variable."""


class Written:
    """File and FASTGATE_* variables, these over it. Only what is asked for is looked at: a command must work
    from a terminal that lacks the gateway's secrets, and while somebody edits the file."""

    def __init__(self, source: str, tree: Node) -> None:
        self.source = source
        self._tree = tree
        environment.overlay(tree, os.environ, Report())

    @classmethod
    def read(cls, config: Path | None) -> "Written":
        """Raises Unreadable, or OSError where the file cannot be opened."""
        file = config_file(config, os.environ)
        source = CONFIG_YAML if file is None else str(file)
        try:
            text = os.environ.get(source, "") if file is None else file.read_text("utf-8-sig")
        except UnicodeDecodeError:
            raise Unreadable(source) from None
        tree = yaml_source.parse(_without_lists(text), source, Report())
        if tree is None or not isinstance(tree.value, dict | None):
            raise Unreadable(source)
        if tree.value is None:
            tree.value = {}
        return cls(source, tree)

    @classmethod
    def environment(cls) -> "Written":
        """What the variables alone say."""
        return cls("environment", Node({}, Mark("environment")))

    def find(self, *path: str) -> Any:
        """A scalar, its references expanded; the nodes of a list or mapping; None where there is nothing.
        Raises ConfigError where a reference leads nowhere."""
        node: Node | None = self._tree
        for step in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(step)
        if node is None:
            return None
        return expand(node.value, os.environ) if isinstance(node.value, str) else node.value


def _without_lists(text: str) -> str:
    """Without the hundred thousand keys that a configuration may have, where that is quickly done."""
    from fastgate.config import bulk

    taken = bulk.take(text)
    return text if taken is None else taken.rest
