"""FASTGATE_* variables: any setting, over the file.

`FASTGATE_SERVER__PORT=9000` sets `server.port`: upper case, two underscores between levels. Text is
taken as it is; numbers, lists and mappings are read as YAML, of which JSON is a part. An empty
variable counts as not set. `_FILE` at the end of a name reads the value from a file.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from fastgate.config import interpolate, shape, yaml_source
from fastgate.config.diagnostics import Mark, Report, SettingPath, did_you_mean
from fastgate.config.place import CONFIG, CONFIG_YAML
from fastgate.config.settings import Settings
from fastgate.config.tree import Node
from fastgate.domain.provider_table import KNOWN
from fastgate.errors import ConfigError

PREFIX: Final = "FASTGATE_"

RESERVED: Final[dict[str, str]] = {
    CONFIG: "Path of the configuration file, where `--config` names none.",
    CONFIG_YAML: "A whole configuration file, as YAML; not beside `FASTGATE_CONFIG`.",
    "FASTGATE_UNPACK_DIR": "Where the single binary unpacks itself.",
    "FASTGATE_BUILD": "Build mode of the extension modules.",
    "FASTGATE_WERROR": "Compiler warnings of the extension modules are errors.",
    "FASTGATE_TEST_*": "Switches of the test suite.",
}
"""Variables that are not settings, with what they are; `*` at the end stands for any rest."""

_FILE: Final = "_FILE"
_LEVELS: Final = "__"
# What Kubernetes and Docker put into a container next to a service whose name begins with `fastgate`.
_SERVICE_LINK: Final = re.compile(
    r"FASTGATE_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?)"
)
_SERVICE_URL: Final = re.compile(r"(?:tcp|udp|sctp)://")


class _Target(NamedTuple):
    """`named`: the last step is a name of the user's choice that the configuration does not have yet."""

    path: SettingPath
    hint: Any
    named: bool


def overlay(tree: Node, environ: Mapping[str, str], report: Report) -> None:
    """Change `tree` to what the variables say; outer levels first, so that the exact one wins."""
    names = [name for name, value in environ.items() if value and _is_setting(name, value)]
    for name in sorted(names, key=lambda name: (name.count(_LEVELS), name)):
        _apply(name, tree, environ, report)


def variable(path: SettingPath) -> str:
    """The variable that sets the setting at `path`."""
    return PREFIX + _LEVELS.join(_spelt(str(step)) for step in path)


def _is_setting(name: str, value: str) -> bool:
    if not name.startswith(PREFIX) or _is_reserved(name):
        return False
    linked = _SERVICE_LINK.fullmatch(name) or (name.endswith("_PORT") and _SERVICE_URL.match(value))
    return not linked


def _is_reserved(name: str) -> bool:
    return any(name.startswith(entry[:-1]) if entry.endswith("*") else name == entry for entry in RESERVED)


def _apply(name: str, tree: Node, environ: Mapping[str, str], report: Report) -> None:
    mark = Mark(interpolate.shown_name(name))
    try:
        text = environ[name]
        if not interpolate.is_text(text):
            raise ConfigError("is not UTF-8 text")
        target = _target(name, tree)
        if name.endswith(_FILE) and (target is None or target.named):
            setting = name.removesuffix(_FILE)
            target = _target(setting, tree)
            if target is not None and environ.get(setting):
                raise ConfigError(f"is set, and so is {setting}: only one of them can count")
            if target is not None:
                text = _from_file(text, target.hint)
        if target is None:
            report.error(mark, (), "there is no such setting", _suggestion(name))
            return
        if shape.takes_text(target.hint):
            node: Node | None = Node(text, mark)
        else:
            node = yaml_source.parse_value(text, mark, target.path, report)
        if node is not None:
            _put(tree, target.path, node)
    except ConfigError as error:
        report.error(mark, (), str(error))


def _from_file(path: str, hint: Any) -> str:
    """What `file:` says in the file, or the YAML there: that may have references of its own."""
    return interpolate.file_reference(path) if shape.takes_text(hint) else interpolate.read_file(path)


def _target(name: str, tree: Node) -> _Target | None:
    """The setting that a variable names; names that users choose are matched as they are spelt here."""
    path: SettingPath = ()
    hint: Any = Settings
    node: Node | None = tree
    named = False
    for word in name.removeprefix(PREFIX).split(_LEVELS):
        children = node.value if node is not None and isinstance(node.value, dict) else {}
        section = shape.section(hint)
        if section is not None and word.lower() in shape.fields(section):
            step = word.lower()
            hint = shape.fields(section)[step].type
            named = False
        elif word and (arguments := shape.arguments(hint, dict)):
            names = {*children, *(KNOWN if path == ("providers",) else ())}
            step = _chosen_name(word, names)
            hint = arguments[1]
            named = step not in names
        else:
            return None
        path = (*path, step)
        node = children.get(step)
    return _Target(path, hint, named)


def _chosen_name(word: str, names: set[str]) -> str:
    fitting = sorted(name for name in names if _spelt(name) == word)
    if len(fitting) > 1:
        raise ConfigError(f"could mean each of {', '.join(fitting)}: say it in the file")
    return fitting[0] if fitting else word.lower()


def _spelt(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _put(tree: Node, path: SettingPath, node: Node) -> None:
    """Every mapping on the way is copied: YAML aliases share them with other places."""
    place = tree
    for depth, step in enumerate(path, 1):
        if place.value is not None and not isinstance(place.value, dict):
            raise ConfigError(f"cannot change a part of {variable(path[: depth - 1])}: it is no mapping")
        place.value = dict(place.value or {})
        name = str(step)
        old = place.value.get(name)
        place.value[name] = Node(old.value, old.mark) if old is not None else Node(None, node.mark)
        place = place.value[name]
    place.value = node.value
    place.mark = node.mark


def _suggestion(name: str) -> str | None:
    names = list(_names())
    last_level = _LEVELS + name.removeprefix(PREFIX)
    inside = next((known for known in names if known.endswith(last_level)), None)
    return f"did you mean {inside}?" if inside else did_you_mean(name, names)


def _names() -> Iterator[str]:
    """What a mistyped variable may have been meant for: settings that have a fixed name."""
    yield from (CONFIG, CONFIG_YAML)
    for path in _fixed_paths(Settings, ()):
        yield variable(path)


def _fixed_paths(section: type[msgspec.Struct], prefix: SettingPath) -> Iterator[SettingPath]:
    """The settings that are reached without a name of the user's choice, in order."""
    for name, field in shape.fields(section).items():
        path = (*prefix, name)
        yield path
        inner = shape.section(field.type)
        if inner is not None:
            yield from _fixed_paths(inner, path)
