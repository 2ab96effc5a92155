"""What fastgate._core.shm has to do, with a dictionary in one process."""

_MASK = (1 << 64) - 1


def _wrapped(value: int) -> int:
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


class SharedSlots:
    """Slot numbers are arbitrary: the one thing that a caller may rely on is that keys do not share them."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._slots: dict[int, int] = {}
        self._fields = [[0] * 15 for _ in range(capacity)]
        self._header = [0] * 16

    def claim(self, key: int) -> int:
        if not 0 < key < _MASK:
            raise ValueError(key)
        if key not in self._slots:
            free = set(range(self.capacity)) - set(self._slots.values())
            if not free:
                raise OverflowError
            self._slots[key] = min(free)
        return self._slots[key]

    def find(self, key: int) -> int:
        return self._slots.get(key, -1)

    def release(self, slot: int) -> None:
        self._fields[slot] = [0] * 15
        self._slots = {key: taken for key, taken in self._slots.items() if taken != slot}

    def load(self, slot: int, field: int) -> int:
        return self._fields[slot][field]

    def store(self, slot: int, field: int, value: int) -> None:
        self._fields[slot][field] = value

    def add(self, slot: int, field: int, delta: int) -> int:
        self._fields[slot][field] = _wrapped(self._fields[slot][field] + delta)
        return self._fields[slot][field]

    def compare_exchange(self, slot: int, field: int, expected: int, desired: int) -> bool:
        if self._fields[slot][field] != expected:
            return False
        self._fields[slot][field] = desired
        return True

    def header_load(self, index: int) -> int:
        return self._header[index]

    def header_store(self, index: int, value: int) -> None:
        self._header[index] = value

    def header_add(self, index: int, delta: int) -> int:
        self._header[index] = _wrapped(self._header[index] + delta)
        return self._header[index]


def key_of(name: bytes) -> int:
    key = 0xCBF29CE484222325
    for byte in name:
        key = ((key ^ byte) * 0x100000001B3) & _MASK
    key = ((key ^ (key >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    key = ((key ^ (key >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    key ^= key >> 33
    return key if 0 < key < _MASK else 1
