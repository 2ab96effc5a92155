from typing import TypeAlias

Span: TypeAlias = tuple[int, int, int]
"""A member of an object: where its key's opening quote, its value, and the end of its value are."""

class DuplicateKeyError(ValueError):
    """A top-level key stands twice."""

    key: str
    """The key, unescaped; what is no valid Unicode is replaced by U+FFFD."""
    offset: int
    """Where the second one starts."""

    def __init__(self, key: str, offset: int) -> None: ...

def find_members(data: bytes, names: tuple[bytes, ...], limit: int = ...) -> list[Span | None]:
    """The top-level members of a JSON object, in the order of `names` (unescaped, UTF-8); None if absent.

    The data is expected to be valid JSON (RFC 8259); only the top level is checked here. DuplicateKeyError:
    any key stands twice after unescaping. ValueError: not an object, broken at the top level, or more than
    `limit` members.
    """

def remove_members(data: bytes, spans: list[Span]) -> bytes:
    """Cut members out, in any order and each with a comma. ValueError: spans that overlap or lie outside."""
