"""Members of a client's request that its reader does not look at, however deep they stand.

A reader's structs say which members it knows, and `Known` puts them together. Whatever else the client wrote
goes into `extra`, by its path: the writer of the same format may put it back (`put_back`), and what is in no
body in the end has been left out (`left_out`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args, get_origin

import msgspec

from fastgate.wire.interface import raw
from fastgate.wire.reading import MEMBERS, Members, decoded

_ABSENT: Final = msgspec.Raw()
_SAYS_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
_PATH: Final = frozenset(".[")
_STEP: Final = re.compile(r"\[(\d+)\]|\.?([^.\[]+)")
_anything: Final = msgspec.json.Decoder()


class Known:
    """The members of objects in one place of a request; None for one that is no object, nor a list of them,
    with members of its own to look at."""

    def __init__(
        self,
        *structs: type[msgspec.Struct],
        also: Collection[str] = (),
        kept: bool = False,
        only: tuple[str, Collection[str | None]] | None = None,
        needs: Collection[str] = (),
        lists: bool = True,
        **inside: "Known | None",
    ) -> None:
        """`structs` are what the objects are read into, and `inside` what those cannot tell of their members;
        `also` are members that say nothing to another vendor.

        `kept`: the reader itself sees to the other members. `only`: a member, and its values in the objects
        that are read; `needs`: one of these is in such an object. The others are kept whole (`Foreign`).
        `lists`: also those of a list in this place.
        """
        self.members: dict[str, Known | None] = dict.fromkeys(also)
        for struct in structs:
            for name, known in _members_of(struct):
                if self.members.get(name) is None:
                    self.members[name] = known
        self.members.update(inside)
        self.kept = kept
        self.lists = lists
        self._only = only
        self._needs = frozenset(needs)

    def reads(self, value: Mapping[str, Any]) -> bool:
        if self._only is not None:
            name, values = self._only
            kind = value.get(name)
            return (kind is None or isinstance(kind, str)) and kind in values
        return not self._needs or not self._needs.isdisjoint(value)


class Unread:
    """Finds them in the requests of one format."""

    def __init__(self, known: Known) -> None:
        self._known = known
        # Nearly all requests have none, which msgspec finds out in a microsecond.
        self._closed: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_closed(known))

    def of(self, body: bytes) -> Members:
        """By their paths; what says nothing is none. GatewayError as `decoded`."""
        try:
            self._closed.decode(body)
        except (msgspec.DecodeError, RecursionError):
            found: Members = {}
            _look(decoded(_anything, body), self._known, "", found)
            return found
        return {}


def is_path(name: str) -> bool:
    """Whether a member of `extra` stands deeper down than the top."""
    return not _PATH.isdisjoint(name)


def put_back(body: dict[str, Any], extra: Members, *, into: Collection[str] = ()) -> None:
    """What stands deeper in `extra`, where the body has the object that it stood in. `into` are top-level
    objects that are made for it. Lists are let be: their items may have other places now."""
    for path, value in extra.items():
        *around, name = path.split(".")
        if not around or "[" in path:
            continue
        if around[0] in into:
            body.setdefault(around[0], {})
        object_: dict[str, Any] | None = body
        for step in around:
            object_ = None if object_ is None else _object_in(object_, step)
        if object_ is not None:
            object_[name] = value


def left_out(body: Mapping[str, Any], extra: Members) -> Iterator[str]:
    """Paths of those in `extra` that the body does not say. GatewayError as `decoded`."""
    for path, value in extra.items():
        if not _is_said(body, path, value):
            yield path


def _object_in(around: dict[str, Any], name: str) -> dict[str, Any] | None:
    """An object among the members, as one that can be written to."""
    value = around.get(name)
    if isinstance(value, msgspec.Raw) and bytes(value).startswith(b"{"):
        value = around[name] = MEMBERS.decode(value)
    return value if isinstance(value, dict) else None


def _look(value: Any, known: Known, path: str, found: Members) -> None:
    if isinstance(value, list):
        for index, each in enumerate(value if known.lists else ()):
            _look(each, known, f"{path}[{index}]", found)
        return
    if not isinstance(value, dict) or not known.reads(value):
        return
    for name, inner in value.items():
        at = f"{path}.{name}" if path else name
        if name not in known.members:
            if not known.kept and inner not in _SAYS_NOTHING:
                found[at] = raw(inner)
        elif (deeper := known.members[name]) is not None:
            _look(inner, deeper, at, found)


def _is_said(body: Mapping[str, Any], path: str, value: msgspec.Raw) -> bool:
    found = _found(body, path)
    if found is None:
        return bytes(value) == b"null"
    if isinstance(found, msgspec.Raw) and bytes(found) == bytes(value):
        return True
    return _covers(_opened(found), _opened(value))


def _found(body: Mapping[str, Any], path: str) -> Any:
    """What the body has there; None for nothing."""
    if path in body or not is_path(path):
        return body.get(path)
    value: Any = body
    for index, name in _STEP.findall(path):
        value = _opened(value)
        if index:
            value = value[int(index)] if _is_list(value) and int(index) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _opened(value: Any) -> Any:
    return decoded(_anything, value) if isinstance(value, msgspec.Raw) else value


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _covers(said: Any, wanted: Any) -> bool:
    """Of an object, the writer may have added to the members."""
    if isinstance(said, dict) and isinstance(wanted, dict):
        return all(name in said and _covers(_opened(said[name]), value) for name, value in wanted.items())
    return bool(said == wanted)


def _members_of(struct: type[msgspec.Struct]) -> Iterator[tuple[str, Known | None]]:
    tag = struct.__struct_config__.tag_field
    if tag is not None:
        yield tag, None
    for field in msgspec.structs.fields(struct):
        structs = list(_structs_in(field.type))
        yield field.encode_name, Known(*structs) if structs else None


def _structs_in(type_: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_
    elif get_origin(type_) is not dict:
        for each in get_args(type_):
            yield from _structs_in(each)


def _closed(known: Known) -> type[msgspec.Struct]:
    """A struct that takes no member which is not known."""
    fields: list[tuple[str, Any, Any]] = []
    for name, inside in known.members.items():
        if inside is not None:
            struct: Any = _closed(inside)
            listed: Any = list[struct] if inside.lists else list[msgspec.Raw]
            fields.append((name, struct | listed | str | None, None))
        elif not known.kept:
            fields.append((name, msgspec.Raw, _ABSENT))
    return msgspec.defstruct("Closed", fields, forbid_unknown_fields=not known.kept, gc=False)
