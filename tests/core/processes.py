"""Real processes that share files of _core: run as a script, one role per process.

Each says "ready", waits for a line, then works. It answers with one JSON line, or works until it is killed.
"""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from fastgate._core import metrics, shm

SHARED_KEYS = range(1, 201)
ROUNDS = 50
HEADER_ADDS = 200_000
BOUNDS = (10, 100, 1000)


def claim_and_add(path: str, capacity: str, seed: str) -> object:
    """Claim the same keys as everybody else, add to their fields, and count up by compare-exchange."""
    table = shm.SharedSlots(path, int(capacity), False)
    keys = list(SHARED_KEYS)
    chance = random.Random(seed)
    wait_for_start()
    slots: dict[int, int] = {}
    for _ in range(ROUNDS):
        chance.shuffle(keys)
        for key in keys:
            slot = table.claim(key)
            assert slots.setdefault(key, slot) == slot
            table.add(slot, 0, key)
            while True:
                value = table.load(slot, 1)
                if table.compare_exchange(slot, 1, value, value + 1):
                    break
    # All together at one word, as fast as they can.
    _meet_at(table, 4)
    for _ in range(HEADER_ADDS):
        table.header_add(3, 1)
    return slots


def churn(path: str, capacity: str, seed: str) -> object:
    """Claim shared keys for good, among keys of one's own that come and go around the same places."""
    table = shm.SharedSlots(path, int(capacity), False)
    chance = random.Random(seed)
    wait_for_start()
    slots: dict[int, int] = {}
    for key in SHARED_KEYS:
        for _ in range(5):
            own = table.claim((1 + int(seed)) * 1_000_000 + chance.randrange(1000))
            assert table.add(own, 0, 1) == 1, "somebody else has this slot, or it was not zeroed"
            table.add(own, 0, -1)
            table.release(own)
        slots[key] = table.claim(key)
        table.add(slots[key], 0, 1)
    return slots


def churn_forever(path: str, capacity: str, seed: str) -> object:
    table = shm.SharedSlots(path, int(capacity), False)
    wait_for_start()
    while True:
        for i in range(50):
            table.claim(1_000_000 * (1 + int(seed)) + i)
        for i in range(50):
            table.release(table.find(1_000_000 * (1 + int(seed)) + i))


def meet(path: str, index: str, rounds: str) -> object:
    """Two processes claim the same new key, and a key of their own, at the same moment, again and again."""
    table = shm.SharedSlots(path, 16, False)
    wait_for_start()
    for round_ in range(int(rounds)):
        _meet_at(table, 6 * round_ + 2)
        shared, own = table.claim(1 + round_), table.claim((1 + int(index)) * 1_000_000 + round_)
        total = table.add(own, 0, 1)
        table.add(shared, 0, 1)
        _meet_at(table, 6 * round_ + 4)
        assert total == 1
        assert table.load(own, 0) == 1
        assert table.load(shared, 0) == 2
        _meet_at(table, 6 * round_ + 6)
        table.release(own)
        if index == "0":
            table.release(shared)
    return None


def _meet_at(table: shm.SharedSlots, arrivals: int) -> None:
    table.header_add(0, 1)
    while table.header_load(0) < arrivals:
        os.sched_yield()


def hold_lock(path: str) -> object:
    """Take the table's lock, and die with it."""
    with Path(path).open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        wait_for_start()
        signal.pause()
    return None


def claim_one(path: str, capacity: str) -> object:
    table = shm.SharedSlots(path, int(capacity), False)
    wait_for_start()
    return table.claim(7)


def create_beyond_limit(path: str, limit: str) -> object:
    """A file system without room: here the process's own limit on the size of files."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    wait_for_start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        shm.SharedSlots(path, 1000, True)
    except OSError as error:
        return error.strerror
    return None


def write_metrics(path: str, series: str) -> object:
    """Append and observe; exemplars whose text and time both tell the value."""
    file = metrics.MetricsFile(path, 1 << 20, True)
    wait_for_start()
    for i in range(int(series)):
        counter = file.counter(b"counter_%d" % i)
        histogram = file.histogram(b"histogram_%d" % i, BOUNDS)
        busy = file.histogram(b"busy", BOUNDS)
        file.set(file.gauge(b"gauge"), i)
        for value in range(0, 2000, 7):
            file.add(counter, 1)
            file.observe(histogram, value, b"%036d" % value, value)
            file.observe(busy, value, (b"%d," % value) * (36 // (len(str(value)) + 1)), value)
    return len(file.entries())


def write_metrics_forever(path: str) -> object:
    file = metrics.MetricsFile(path, 1 << 20, True)
    wait_for_start()
    histogram = file.histogram(b"busy", BOUNDS)
    value = 0
    while True:
        value = (value + 7) % 2000
        file.observe(histogram, value, b"%036d" % value, value)
        if value % 100 == 0 and len(file.entries()) < 500:
            file.counter(b"counter_%d_%d" % (os.getpid(), len(file.entries())))


def overwrite_one_exemplar(path: str) -> object:
    file = metrics.MetricsFile(path, 4096, True)
    histogram = file.histogram(b"one bucket is enough", BOUNDS)
    texts = [(value, b"%036d" % value) for value in range(1, 10)]
    wait_for_start()
    while True:
        for value, text in texts:
            file.observe(histogram, value, text, value)


def wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


class Process:
    """A role, of this or another script of roles, in a process of its own, stopped in front of its work."""

    def __init__(self, role: Callable[..., object], *args: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, role.__code__.co_filename, role.__name__, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._stdout.readline() == "ready\n"

    def start(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._stdout.close()
        assert self._process.stdin
        self._process.stdin.close()

    def result(self) -> object:
        out, _ = self._process.communicate()
        assert self._process.returncode == 0
        return json.loads(out)

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout
        return self._process.stdout


def main(roles: dict[str, Any]) -> None:
    """Of a script of roles."""
    print(json.dumps(roles[sys.argv[1]](*sys.argv[2:])))


if __name__ == "__main__":
    main(globals())
