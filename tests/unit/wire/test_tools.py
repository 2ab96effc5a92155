"""What is said of tools alike in all formats."""

import msgspec
import pytest

from fastgate.domain.conversation import Choosing, ToolChoice, ToolUse
from fastgate.wire.tools import are_whole, arguments_object, only_tools


def choice(choosing: Choosing, *names: str) -> ToolChoice:
    return ToolChoice(choosing=choosing, names=names)


@pytest.mark.parametrize(
    ("chosen", "only"),
    [
        (None, ()),
        (choice(Choosing.AUTO), ()),
        (choice(Choosing.AUTO, "f"), ("f",)),
        (choice(Choosing.REQUIRED), ()),
        (choice(Choosing.REQUIRED, "f"), ()),
        (choice(Choosing.REQUIRED, "f", "g"), ("f", "g")),
        (choice(Choosing.NONE, "f"), ()),
    ],
)
def test_the_only_tools(chosen: ToolChoice | None, only: tuple[str, ...]) -> None:
    assert only_tools(chosen) == only


@pytest.mark.parametrize(
    ("arguments", "custom", "written"),
    [
        ("", False, {}),
        (' {"a": 1} ', False, {"a": 1}),
        ("[1]", False, {"input": "[1]"}),
        ('{"a":', False, {"input": '{"a":'}),
        ("[" * 5_000, False, {"input": "[" * 5_000}),
        ("{}", True, {"input": "{}"}),
    ],
)
def test_arguments_are_an_object(arguments: str, custom: bool, written: object) -> None:
    use = ToolUse(id="1", name="f", arguments=arguments, custom=custom)
    assert msgspec.json.decode(msgspec.json.encode(arguments_object(use))) == written


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([], False),
        ([""], False),
        (['{"a":', "{}"], False),
        (['{"a":', "{}", "} "], True),
        (["{}", "}"], False),
        (["1"], False),
    ],
)
def test_arguments_in_pieces(pieces: list[str], whole: bool) -> None:
    assert are_whole(pieces) is whole
