"""Members of a client's request that its reader does not look at, however deep they stand.

A reader's structs say which members it knows, and `Known` puts them together. Whatever else the client wrote
goes into `extra`, by its path: the writer of the same format may put it back (`put_back`), and what is in no
body in the end has been left out (`left_out`).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, Union, get_args, get_origin

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
        one_of: Collection[tuple[str, ...]] = (),
        kept: bool = False,
        **inside: "Known | Kinds | None",
    ) -> None:
        """`structs` are what the objects are read into, and `inside` what those cannot tell of their members;
        `also` are members that say nothing to another vendor. `one_of`: of each such group the reader takes
        the first that is said. `kept`: the reader itself sees to members that are not known.
        """
        self.members: dict[str, Known | Kinds | None] = dict.fromkeys(also)
        for struct in structs:
            for name, known in _members_of(struct):
                if self.members.get(name) is None:
                    self.members[name] = known
        self.members.update(inside)
        self.one_of = one_of
        self.kept = kept

    def outdone(self, value: Mapping[str, Any]) -> set[str]:
        """The members that say something else than the one which the reader takes in their place."""
        found: set[str] = set()
        for group in self.one_of:
            taken, *others = [name for name in group if value.get(name) not in _SAYS_NOTHING] or [""]
            found.update(name for name in others if value[name] != value[taken])
        return found

    def of(self, value: Mapping[str, Any]) -> "Known":
        return self


class Kinds:
    """Of objects in one place that are of several kinds, each with members of its own. One of none of them is
    kept whole (`Foreign`)."""

    def __init__(self, by: str | None, kinds: Mapping[str | None, Known]) -> None:
        """`by` is the member whose value tells which, None there for an object without it; or None where each
        kind is told by a member of its name, the first one that is there."""
        self.by = by
        self.kinds = kinds
        for each in kinds.values():
            each.members.update({} if by is None else {by: None})

    def of(self, value: Mapping[str, Any]) -> Known | None:
        if self.by is None:
            return next((each for name, each in self.kinds.items() if value.get(str(name)) is not None), None)
        kind = value.get(self.by)
        return self.kinds.get(kind) if kind is None or isinstance(kind, str) else None


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


def _look(value: Any, known: Known | Kinds, path: str, found: Members) -> None:
    if isinstance(value, list):
        for index, each in enumerate(value):
            _look(each, known, f"{path}[{index}]", found)
        return
    of_kind = known.of(value) if isinstance(value, dict) else None
    if of_kind is None:
        return
    outdone = of_kind.outdone(value)
    for name, inner in value.items():
        at = f"{path}.{name}" if path else name
        if name in outdone:
            found[at] = raw(inner)
        elif name not in of_kind.members:
            if not of_kind.kept and inner not in _SAYS_NOTHING:
                found[at] = raw(inner)
        elif (deeper := of_kind.members[name]) is not None:
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


def _closed(known: Known | Kinds) -> Any:
    """A type that takes no member which is not known. Of kinds, those are left to `_look` that msgspec cannot
    tell apart."""
    if isinstance(known, Known):
        return _closed_struct(known)
    first, *others = dict.fromkeys(known.kinds.values())
    if known.by is None or not others:
        return _closed_struct(first)
    tagged = [_closed_struct(each, known.by, kind) for kind, each in known.kinds.items() if kind is not None]
    return Union[tuple(tagged)]  # noqa: UP007  a union of types that are not known here


def _closed_struct(known: Known, by: str | None = None, kind: str | None = None) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    rivals = {name for group in known.one_of for name in group}
    for name, inside in known.members.items():
        if name == by:
            continue
        if inside is not None:
            type_: Any = _closed(inside)
            fields.append((name, type_ | list[type_] | str | None, None))
        elif name in rivals:
            fields.append((name, msgspec.Raw, None))
        elif not known.kept:
            fields.append((name, msgspec.Raw, _ABSENT))
    groups = [attrgetter(*group) for group in known.one_of]

    def refuse_rivals(self: msgspec.Struct) -> None:
        for group in groups:
            said = group(self)
            if said.count(None) < len(said) - 1:
                raise ValueError("more than one of those that say the same")

    return msgspec.defstruct(
        "Closed",
        fields,
        namespace={"__post_init__": refuse_rivals} if known.one_of else None,
        tag_field=by,
        tag=kind,
        forbid_unknown_fields=not known.kept,
        gc=False,
    )
