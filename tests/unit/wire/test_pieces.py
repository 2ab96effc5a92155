"""A body in pieces: its length, its pieces, and what they make when joined."""

from fastgate.wire.pieces import Pieces


def test_pieces() -> None:
    pieces = Pieces(b"ab", memoryview(b"xcdx")[1:3], b"", b"e")
    assert (len(pieces), bytes(pieces)) == (5, b"abcde")
    for _ in range(2):
        assert [bytes(piece) for piece in pieces.views()] == [b"ab", b"cd", b"e"]


def test_no_pieces() -> None:
    assert (len(Pieces()), bytes(Pieces(b"")), Pieces(b"").views()) == (0, b"", [])
