"""What the writers of requests have in common about tools."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.conversation import Choosing, ToolChoice, ToolUse
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.reading import MEMBERS

NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
"""The schema of a function that takes none."""


def only_tools(choice: ToolChoice | None) -> tuple[str, ...]:
    """The only tools that may be called, where they are fewer than all and more than the one that must be:
    showing the model these alone says the same. () where there is no such choice."""
    if choice is None or choice.choosing is Choosing.NONE:
        return ()
    return () if choice.choosing is Choosing.REQUIRED and len(choice.names) == 1 else choice.names


def object_in(arguments: str) -> msgspec.Raw | None:
    """A call's arguments as JSON, {} where there are none; None where the model wrote no object."""
    written = (arguments.strip() or "{}").encode("utf-8", "surrogatepass")
    try:
        MEMBERS.decode(written)
    except UNREADABLE:
        return None
    return msgspec.Raw(written)


def are_whole(pieces: Sequence[str]) -> bool:
    """Whether the arguments of a call, which come in pieces, are all there."""
    # What is long is decoded once, not with each piece.
    if not pieces or not pieces[-1].rstrip().endswith("}"):
        return False
    return object_in("".join(pieces)) is not None


def arguments_object(use: ToolUse) -> msgspec.Raw | dict[str, str]:
    """An object: what a custom tool was given, or a model has written amiss, is its only member."""
    written = None if use.custom else object_in(use.arguments)
    return {"input": use.arguments} if written is None else written
