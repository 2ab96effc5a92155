"""What a successor makes of the words, and of the silence, of the gateway that it is to replace."""

import socket
from collections.abc import Iterator

import pytest

from fastgate.store.layout import Running
from fastgate.supervisor import predecessor as predecessor_module
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.predecessor import Predecessor
from fastgate.supervisor.succession import Offer, Refusal, Retired, encode

REFUSED = encode(Refusal("it was not ready"))


class Two:
    """A successor, and the other end of its connection."""

    def __init__(self) -> None:
        ours, self.running = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        listener = socket.socket()
        self.successor = Predecessor(ours, Offer("1.0", Running(), {}, None), listener, -1)

    def close(self) -> None:
        self.running.close()
        self.successor.listener.close()
        self.successor.close()


@pytest.fixture
def two() -> Iterator[Two]:
    two = Two()
    yield two
    two.close()


async def test_one_that_is_dead_is_succeeded(two: Two) -> None:
    two.running.close()
    await two.successor.retire()


async def test_one_that_refused_and_hung_up_goes_on(two: Two) -> None:
    """To be told so late is not to be told that it is dead: two gateways would serve."""
    two.running.send(REFUSED)
    two.running.close()
    with pytest.raises(StartError, match="goes on: it was not ready"):
        await two.successor.retire()


async def test_one_that_refused_as_it_was_told(two: Two) -> None:
    """It hangs up with words unread, which the kernel tells before what it has said."""
    two.successor._connection.send(b"{}")
    two.running.send(REFUSED)
    two.running.close()
    with pytest.raises(StartError, match="goes on: it was not ready"):
        await two.successor.retire()


async def test_one_that_answers_too_late_is_not_heard(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """And knows it: it would end, and nobody would serve."""
    monkeypatch.setattr(predecessor_module, "_ANSWER_S", 0.01)
    with pytest.raises(StartError, match="does not answer"):
        await two.successor.retire()
    with pytest.raises(BrokenPipeError):
        two.running.send(encode(Retired()))


async def test_a_last_word_counts(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in the moment in which the patience ends."""

    async def ends(connection: socket.socket, wait_s: float | None) -> None:
        raise TimeoutError

    two.running.send(encode(Retired()))

    monkeypatch.setattr(predecessor_module, "receive", ends)
    await two.successor.retire()
