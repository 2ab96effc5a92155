from typing import NoReturn, final

@final
class MappedFile:
    """A file mapped into memory and shared between processes; made and used by the modules of _core only."""

    def __init__(self) -> NoReturn: ...
