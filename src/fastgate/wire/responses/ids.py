"""Ids of the responses that the gateway writes, and of their items: who sees an item knows the response."""

import re
from secrets import token_hex
from typing import Final

_MARK: Final = "fg"
_ID: Final = re.compile(rf"[a-z]{{2,4}}_{_MARK}([0-9a-f]{{32}})([0-9]*)")


def new_response_id() -> str:
    return f"resp_{_MARK}{token_hex(16)}"


def item_id(response_id: str, kind: str, index: int) -> str:
    """`kind` is the prefix that OpenAI's ids of such items have; `index` the item's in the response."""
    return f"{kind}_{response_id.removeprefix('resp_')}{index}"


def response_of(id_: str) -> str | None:
    """The response that an id, of it or of an item, is of; None where the gateway has not made it."""
    found = _ID.fullmatch(id_)
    return None if found is None else f"resp_{_MARK}{found[1]}"
