"""Request ids: the client's where it is fit for logs and headers, else one that nobody else has."""

import pytest

from fastgate.pipeline.request_id import RequestIds


@pytest.mark.parametrize("offered", [b"a", b"trace-1.2_3:4/5+6=7@8", b"x" * 128])
def test_a_fit_one_is_kept(offered: bytes) -> None:
    assert RequestIds().choose(offered) == offered.decode()


@pytest.mark.parametrize(
    "offered",
    [None, b"", b"x" * 129, b"a b", b"a\r\nb", b"a\n", b'a"b', b"\xff", "ä".encode(), b"a,b", b"<a>"],
)
def test_another_is_replaced(offered: bytes | None) -> None:
    chosen = RequestIds().choose(offered)
    assert chosen.startswith("req_")
    assert chosen.isascii()


def test_no_two_are_the_same() -> None:
    workers = [RequestIds() for _ in range(3)]
    made = [worker.choose(None) for worker in workers for _ in range(100)]
    assert len(set(made)) == 300
