from typing import NoReturn, final

@final
class RowFile:
    """Rows of words in a mapped file that grows; made and used by the modules of _core only."""

    def __init__(self) -> NoReturn: ...
