"""Heads of answers as bytes: what would be read as another line, or another answer, is refused."""

import pytest

from fastgate.downstream.native.answer import fields, opening


def test_a_head() -> None:
    assert opening(200) == b"HTTP/1.1 200 OK\r\n"
    assert opening(529) == b"HTTP/1.1 529 \r\n"
    assert fields([(b"a", b"1"), (b"b", b"")]) == b"a: 1\r\nb: \r\n"
    assert fields([]) == b""


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("headers", [[(b"a", b"1%s2")], [(b"a%sb", b"1")], [(b"a", b"1"), (b"b", b"%sc: 2")]])
def test_no_header_makes_another(headers: list[tuple[bytes, bytes]], end: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        fields([(name.replace(b"%s", end), value.replace(b"%s", end)) for name, value in headers])
