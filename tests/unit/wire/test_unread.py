"""Members that no reader looks at: found, put back, and told from those that arrived."""

from typing import Any

import msgspec
import pytest

from fastgate.wire.interface import raw
from fastgate.wire.unread import Kinds, Known, Unread, is_path, left_out, put_back


class Inner(msgspec.Struct):
    name: str
    schema: msgspec.Raw = msgspec.Raw()


class Part(msgspec.Struct, rename="camel"):
    type: str
    inner: Inner | str | None = None
    some_inners: list[Inner] | None = None
    free: dict[str, Any] | None = None
    by_name: dict[str, Inner] | None = None


PART = Known(Part)
BY_NAME = Kinds(None, {"text": Known(also=("text", "beside")), "inner": Known(also=("inner",))})
BY_TYPE = Kinds(
    "type",
    {None: Known(also=("a",)), "one": Known(also=("a",)), "two": Known(also=("b",), inner=Known(Inner))},
)
RIVALS = [("a", "b", "inner"), ("c", "d")]
UNREAD = Unread(
    Known(
        one_of=[("new", "old")],
        kept=True,
        parts=Kinds("type", {None: PART, "known": PART}),
        either=BY_NAME,
        kinds=BY_TYPE,
        rivals=Known(also=("a", "b", "c", "d"), one_of=RIVALS, inner=Known(Inner)),
        new=None,
        old=None,
    )
)


def found(body: Any) -> dict[str, Any]:
    unread = UNREAD.of(msgspec.json.encode(body))
    return {path: msgspec.json.decode(value) for path, value in unread.items()}


@pytest.mark.parametrize(
    "body",
    [
        {"x": {"y": 1}},
        {"parts": "a text"},
        {"parts": [{"type": "known", "inner": "a text"}, {"type": "known", "inner": {"name": "a"}}]},
        {"parts": {"type": "known", "someInners": [{"name": "a", "schema": {"x": 1}}]}},
        {"parts": [{"type": "known", "free": {"x": {"y": 1}}, "byName": {"a": {"name": "b", "x": 1}}}]},
        {"parts": [{"type": "another", "x": 1}, 5, ["x"]]},
        {"parts": [{"type": ["known"], "x": 1}]},
        {"parts": [{"type": "known", "x": None, "y": [], "z": {}, "w": ""}]},
        {"either": {"type": "known", "x": 1}},
        {"either": [{"text": "a", "beside": 1}, {"inner": 1, "text": None}, {"beside": 1}]},
        {"kinds": [{"type": "one", "a": 1}, {"type": "two", "b": 1, "inner": {"name": "n"}}, {"a": 1}]},
        {"kinds": [{"type": "three", "a": 1, "b": 1}, "a text"]},
        {"rivals": [{"a": 1, "c": 2}, {"b": 1}, {"inner": {"name": "n"}}]},
        {"rivals": {"a": 1, "b": None, "inner": {}, "c": "", "d": 0}},
        {"rivals": {"a": [1], "b": [1]}, "new": 5, "old": 5},
    ],
)
def test_nothing_is_found(body: Any) -> None:
    assert found(body) == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"parts": [{"type": "known"}, {"type": "known", "x": 0}]}, {"parts[1].x": 0}),
        ({"parts": {"type": "known", "x": False}}, {"parts.x": False}),
        ({"parts": {"x": "a type is not needed"}}, {"parts.x": "a type is not needed"}),
        ({"parts": {"type": "known", "inner": {"x": [1]}}}, {"parts.inner.x": [1]}),
        ({"parts": [{"someInners": [{"name": "a"}, {"x": 1}]}]}, {"parts[0].someInners[1].x": 1}),
        ({"parts": {"some_inners": [{"name": "a"}]}}, {"parts.some_inners": [{"name": "a"}]}),
        ({"either": {"inner": {}, "x": 1}}, {"either.x": 1}),
        ({"either": {"inner": 1, "beside": 1}}, {"either.beside": 1}),
        ({"either": {"text": "a", "inner": 1}}, {"either.inner": 1}),
        (
            {"kinds": [{"type": "one", "a": 1, "b": 2}, {"type": "two", "a": 3}]},
            {"kinds[0].b": 2, "kinds[1].a": 3},
        ),
        ({"kinds": {"b": 2}}, {"kinds.b": 2}),
        ({"rivals": {"b": 2, "a": 1, "d": 1}}, {"rivals.b": 2}),
        (
            {"rivals": [{"b": 2, "inner": {"name": "n"}}, {"c": 1, "d": 2}]},
            {"rivals[0].inner": {"name": "n"}, "rivals[1].d": 2},
        ),
        ({"old": 5, "new": 6}, {"old": 5}),
        ({"kinds": {"type": "two", "inner": {"name": "n", "x": 1}}}, {"kinds.inner.x": 1}),
    ],
)
def test_what_is_found(body: Any, expected: dict[str, Any]) -> None:
    assert found(body) == expected


def test_a_tag_is_known() -> None:
    class Tagged(msgspec.Struct, tag_field="kind", tag="a"):
        text: str

    assert Known(Tagged).members == {"kind": None, "text": None}


def test_the_paths() -> None:
    assert [is_path(name) for name in ("a", "a.b", "a[0]")] == [False, True, True]


def test_what_is_put_back() -> None:
    body: dict[str, Any] = {
        "a": {"b": {"c": 1}},
        "raw": msgspec.Raw(b'{"inner":{"c":1}}'),
        "list": [{"c": 1}],
        "text": "t",
    }
    extra = {
        path: raw(True)
        for path in ("top", "a.x", "a.b.x", "a.no.x", "raw.inner.x", "list[0].x", "text.x", "no.x", "made.x")
    }
    put_back(body, extra, into=("made",))
    assert msgspec.json.decode(msgspec.json.encode(body)) == {
        "a": {"b": {"c": 1, "x": True}, "x": True},
        "raw": {"inner": {"c": 1, "x": True}},
        "list": [{"c": 1}],
        "text": "t",
        "made": {"x": True},
    }
    assert list(left_out(body, extra)) == ["top", "a.no.x", "list[0].x", "text.x", "no.x"]


def test_what_cannot_be_decoded_is_left_out_all_the_same() -> None:
    half = msgspec.Raw(b'"\\ud800"')
    deep = msgspec.Raw(b"[" * 5_000 + b"]" * 5_000)
    extra = {"half": half, "deep": deep, "null": raw(None)}
    assert list(left_out({}, extra)) == ["half", "deep"]
    assert list(left_out(extra, extra)) == []


def test_what_arrived_is_what_was_said() -> None:
    body = {
        "a": msgspec.Raw(b'{"x": 1,"more":2}'),
        "list": [msgspec.Raw(b'[{"x": 1}]')],
        "tuple": ({"x": 1},),
        "b.c": 1,
        "other": "another's",
    }
    said = {
        "a": {"x": 1},
        "a.x": 1,
        "list[0][0].x": 1,
        "tuple[0].x": 1,
        "b.c": 1,
        "a.x.y": 1,
        "a.z": 1,
        "list[1]": 1,
        "other": "the client's",
    }
    extra = {path: raw(value) for path, value in said.items()}
    assert list(left_out(body, extra)) == ["a.x.y", "a.z", "list[1]", "other"]
