"""`sample` gives a valid value for what structured output allows, and never hangs or grows."""

import contextlib
import enum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from fastgate.sim.schema import sample


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Leaf(msgspec.Struct):
    name: Annotated[str, Meta(min_length=20, max_length=30)]
    count: Annotated[int, Meta(ge=5, le=9)]
    share: Annotated[float, Meta(gt=0.5, lt=2)]
    colour: Colour
    flag: bool
    nothing: None


class Tree(msgspec.Struct):
    leaf: Leaf
    children: list["Tree"]
    several: Annotated[list[int], Meta(min_length=2)]
    maybe: Leaf | None
    either: int | str
    named: dict[str, int]


@pytest.mark.parametrize("type_", [Leaf, Tree, int, str, list[str], Colour])
def test_a_sample_is_valid(type_: Any) -> None:
    msgspec.convert(sample(msgspec.json.schema(type_)), type_)


def test_const_and_lists_of_types() -> None:
    schema = {"properties": {"kind": {"const": "a"}, "x": {"type": ["null", "integer"]}}}
    assert sample(schema) == {"kind": "a", "x": 1}


def test_multiple_of() -> None:
    assert sample({"type": "integer", "minimum": 7, "multipleOf": 5}) == 10


def test_recursion_that_never_ends_is_cut() -> None:
    node = {
        "type": "object",
        "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}},
        "required": ["a", "b"],
    }
    assert len(msgspec.json.encode(sample(node))) < 100_000


def test_sizes_are_bounded() -> None:
    assert len(sample({"type": "array", "minItems": 10**9})) == 100
    assert len(sample({"type": "string", "minLength": 10**9})) == 10_000


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "enum", "$ref", "anyOf", "properties", "required", "items", "minItems", "minimum"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_any_schema_gives_a_value_or_a_value_error(schema: Any) -> None:
    with contextlib.suppress(ValueError):
        msgspec.json.encode(sample(schema))
