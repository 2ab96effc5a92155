"""What fastgate._core.accounts has to do, with lists in one process."""

_MASK = (1 << 64) - 1
_MAX_LINES = 1 << 23


def _wrapped(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


class AccountTable:
    def __init__(self, lines: int) -> None:
        self._lines = [[0] * 16 for _ in range(lines)]
        self._header = [0] * 16

    @property
    def lines(self) -> int:
        return len(self._lines)

    def grow(self, lines: int) -> None:
        if not 1 <= lines <= _MAX_LINES:
            raise ValueError(lines)
        self._lines += [[0] * 16 for _ in range(lines - len(self._lines))]

    def load(self, line: int, word: int) -> int:
        return self._lines[line][word]

    def store(self, line: int, word: int, value: int) -> None:
        self._lines[line][word] = value

    def add(self, line: int, word: int, delta: int) -> int:
        self._lines[line][word] = _wrapped(self._lines[line][word] + delta)
        return self._lines[line][word]

    def compare_exchange(self, line: int, word: int, expected: int, desired: int) -> bool:
        if self._lines[line][word] != expected:
            return False
        self._lines[line][word] = desired
        return True

    def header_load(self, index: int) -> int:
        return self._header[index]

    def header_store(self, index: int, value: int) -> None:
        self._header[index] = value
