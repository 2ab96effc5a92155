"""Requests and answers are of several kinds, and each format has to do with one."""

from typing import TypeVar

K = TypeVar("K")


def expect(value: object, kind: type[K]) -> K:
    """`value` as the kind that it must be. TypeError: requests are routed within their family, so this is a
    defect."""
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")
    return value
