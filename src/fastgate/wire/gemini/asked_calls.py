"""Which call a function response is for, where Gemini's clients give calls no ids."""


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
