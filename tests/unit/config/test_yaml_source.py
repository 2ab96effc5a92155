"""YAML 1.2 with the place of every value; hostile text ends in a finding, never in an exception."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.config.diagnostics import Mark, Report
from fastgate.config.tree import Node
from fastgate.config.yaml_source import parse, scalar


def tree_of(text: str) -> Node:
    report = Report()
    tree = parse(text, "f.yaml", report)
    assert tree is not None, report.diagnostics()
    assert not report.diagnostics()
    return tree


def errors_of(text: str) -> list[str]:
    report = Report()
    parse(text, "f.yaml", report)
    return [str(item) for item in report.diagnostics()]


def plain(node: Node) -> object:
    match node.value:
        case dict() as members:
            return {name: plain(member) for name, member in members.items()}
        case list() as items:
            return [plain(item) for item in items]
        case value:
            return value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("0x1F", 31),
        ("0o17", 15),
        ("-12", -12),
        ("0123", 123),
        ("0.10", Decimal("0.10")),
        (".5", Decimal("0.5")),
        ("1e3", Decimal("1e3")),
        ("16_384", "16_384"),
        ("12:30", "12:30"),
        ("2030-01-31T00:00:00Z", "2030-01-31T00:00:00Z"),
        (".inf", ".inf"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_unquoted_words_follow_the_core_schema(word: str, value: object) -> None:
    found = scalar(word)
    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)  # a decimal keeps its digits


def test_quoted_words_are_text() -> None:
    assert plain(tree_of("a: '1'\nb: \"true\"\nc: !!str 5\nd: |\n  null\n")) == {
        "a": "1",
        "b": "true",
        "c": "5",
        "d": "null\n",
    }


def test_every_value_has_the_place_of_its_key_or_item() -> None:
    tree = tree_of("a:\n  - x\n  - b: 1\n    c:\n      d: 2\n")
    assert tree.locate(("a", 0)) == Mark("f.yaml", 2, 5)
    assert tree.locate(("a", 1, "b")) == Mark("f.yaml", 3, 5)
    assert tree.locate(("a", 1, "c", "d")) == Mark("f.yaml", 5, 7)


def test_the_place_of_a_missing_value_is_that_of_what_should_hold_it() -> None:
    tree = tree_of("a:\n  - b: 1\n")
    assert tree.locate(("a", 0, "nope", "deeper")).line == 2
    assert tree.locate(("a", 7)).line == 1


def test_aliases_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\none: *b\ntwo: {<<: *b, y: 3}\nthree: {<<: [{z: 9, x: 8}, *b]}\n"
    assert plain(tree_of(text)) == {
        "base": {"x": 1, "y": 2},
        "one": {"x": 1, "y": 2},
        "two": {"x": 1, "y": 3},
        "three": {"z": 9, "x": 8, "y": 2},
    }


def test_an_empty_document_has_no_value() -> None:
    assert tree_of("# nothing\n").value is None


def test_duplicate_keys_are_all_reported() -> None:
    assert errors_of("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "f.yaml:2: error: b.c: the key stands twice; the first one is in line 2",
        "f.yaml:3: error: a: the key stands twice; the first one is in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1, 2\nb: 3", "f.yaml:2: error: not valid YAML: while parsing a flow sequence"),
        (
            "a: *nope",
            "f.yaml:1: error: an alias without an anchor before it; text that begins with `*` needs quotes",
        ),
        ("a: &a [*a]", "f.yaml:1: error: an alias without an anchor before it"),
        (
            "a: !!python/object:os.system x",
            "f.yaml:1: error: tags are not supported; text that begins with `!` needs quotes",
        ),
        ("a: 1\n---\nb: 2", "f.yaml:2: error: a second document"),
        ("? [a]\n: 1", "f.yaml:1: error: a key must be plain text"),
        ("<<: 5", "f.yaml:1: error: `<<` takes a mapping"),
        ("a: " + "[" * 300_000, "f.yaml:1: error: nested deeper than 64 levels"),
        ("a: \x00", "f.yaml: error: not valid YAML"),
    ],
)
def test_what_is_refused(text: str, error: str) -> None:
    (found,) = errors_of(text)
    assert found.startswith(error)


def test_aliases_cannot_grow_without_bound() -> None:
    lines = ["a0: &a0 [" + ",".join("x" * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    (found,) = errors_of("\n".join(lines))
    assert "aliases counted each time" in found


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@, \n\t?<~1.\x00\ud7ff"), max_size=60))
def test_any_text_ends_in_a_tree_or_a_finding(text: str) -> None:
    report = Report()
    assert (parse(text, "f.yaml", report) is None) <= bool(report.diagnostics())
