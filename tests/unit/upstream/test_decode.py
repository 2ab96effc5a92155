import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.decode import Decoder, decoder_for


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = [
    (b"gzip", gzip.compress),
    (b" X-GZIP ", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", raw_deflate),
]


def inflate(coding: bytes, pieces: list[bytes], max_output: int) -> list[bytes]:
    decoder = Decoder(coding)
    out = []
    for piece in pieces:
        out.append(decoder.decode(piece, max_output))
        while decoder.pending:
            out.append(decoder.decode(b"", max_output))
    decoder.finish()
    return out


@pytest.mark.parametrize(("coding", "compress"), CODINGS)
@given(data=st.binary(max_size=2000), size=st.integers(1, 100), max_output=st.integers(1, 300))
def test_pieces_and_bounds_do_not_change_the_outcome(
    coding: bytes, compress: object, data: bytes, size: int, max_output: int
) -> None:
    assert callable(compress)
    packed = compress(data * 3)
    out = inflate(coding, [packed[i : i + size] for i in range(0, len(packed), size)], max_output)
    assert b"".join(out) == data * 3
    assert max(map(len, out)) <= max_output


def test_a_bomb_yields_no_more_than_is_asked_for() -> None:
    decoder = Decoder(b"gzip")
    assert len(decoder.decode(gzip.compress(bytes(10_000_000)), 1000)) == 1000
    assert decoder.pending


@pytest.mark.parametrize(("coding", "compress"), CODINGS)
def test_truncated(coding: bytes, compress: object) -> None:
    assert callable(compress)
    decoder = Decoder(coding)
    decoder.decode(compress(b"some text")[:-1], 1000)
    with pytest.raises(UpstreamError, match="truncated") as caught:
        decoder.finish()
    assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize(
    "data",
    [b"not gzip at all", gzip.compress(b"x", mtime=0)[:-8] + bytes(8), gzip.compress(b"x", mtime=0) + b"y"],
)
def test_corrupt(data: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        Decoder(b"gzip").decode(data, 1000)
    assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"compress", b"gzip, gzip", b"gzip, br"])
def test_unknown_codings(coding: bytes) -> None:
    with pytest.raises(UpstreamError, match="unknown content encoding") as caught:
        decoder_for({b"content-encoding": coding})
    assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize("index", [{}, {b"content-encoding": b""}, {b"content-encoding": b" Identity "}])
def test_nothing_to_decode(index: dict[bytes, bytes]) -> None:
    assert decoder_for(index) is None


def test_an_empty_body_needs_no_stream_inside() -> None:
    decoder = Decoder(b"gzip")
    decoder.finish()
