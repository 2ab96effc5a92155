"""Ids for function calls that Gemini gave none."""

import os
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS: Final = 20


class CallIds:
    """Of one answer: one random prefix and a counter, so that they never meet those of another turn."""

    __slots__ = ("_count", "_prefix")

    def __init__(self) -> None:
        self._prefix = ""
        self._count = 0

    def next(self) -> str:
        if not self._prefix:
            self._prefix = "call_" + "".join(_DIGITS[byte % 62] for byte in os.urandom(_RANDOM_DIGITS))
        self._count += 1
        return f"{self._prefix}{self._count:04d}"


class AskedCalls:
    """The calls of a conversation that a client sends. An id that is missing is made of the call's place: the
    same on every turn, since it is part of the prompt that providers cache."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []  # name and id of calls without a response

    def called(self, given: str | None, name: str, message: int, part: int) -> str:
        """The id of a call."""
        id_ = given or f"call_{message}_{part}"
        self._open.append((name, id_))
        return id_

    def answered(self, given: str | None, name: str, message: int, part: int) -> str:
        """The id that a response is for: the first open call's of its name where it says none."""
        for index, (called, id_) in enumerate(self._open):
            if id_ == given or (not given and called == name):
                del self._open[index]
                return id_
        return given or f"call_{message}_{part}"
