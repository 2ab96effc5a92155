import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.upstream.head import HOP_BY_HOP, request_head


def test_what_stands_on_the_wire() -> None:
    head = request_head(b"POST", b"/v1/chat?x=1", b"host:8080", [(b"Authorization", b"Bearer a")], 12)
    assert head == (
        b"POST /v1/chat?x=1 HTTP/1.1\r\n"
        b"host: host:8080\r\n"
        b"accept-encoding: identity\r\n"
        b"Authorization: Bearer a\r\n"
        b"content-length: 12\r\n"
        b"\r\n"
    )


def test_without_a_body_there_is_no_content_length() -> None:
    assert b"content-length" not in request_head(b"GET", b"/", b"h", [], None)
    assert b"content-length: 0\r\n" in request_head(b"POST", b"/", b"h", [], 0)


@pytest.mark.parametrize(
    "name",
    [*sorted(HOP_BY_HOP), b"Host", b"Content-Length", b"Transfer-Encoding", b"Accept-Encoding", b"Expect"],
)
def test_framing_and_hop_by_hop_headers_of_others_are_dropped(name: bytes) -> None:
    head = request_head(b"POST", b"/", b"h", [(name, b"smuggled"), (b"x-kept", b"1")], 3)
    assert b"smuggled" not in head
    assert b"\r\nx-kept: 1\r\n" in head


@pytest.mark.parametrize(
    ("method", "target", "host", "name", "value"),
    [
        (b"POST\r\n", b"/", b"h", b"x", b"1"),
        (b"POST /x", b"/", b"h", b"x", b"1"),
        (b"", b"/", b"h", b"x", b"1"),
        (b"HEAD", b"/", b"h", b"x", b"1"),
        (b"CONNECT", b"/", b"h", b"x", b"1"),
        (b"POST", b"/a b", b"h", b"x", b"1"),
        (b"POST", b"/a\tb", b"h", b"x", b"1"),
        (b"POST", b"/a\r\nx: y", b"h", b"x", b"1"),
        (b"POST", b"/\xff", b"h", b"x", b"1"),
        (b"POST", b"http://other/", b"h", b"x", b"1"),
        (b"POST", b"", b"h", b"x", b"1"),
        (b"POST", b"/", b"h\r\nx: y", b"x", b"1"),
        (b"POST", b"/", b"h x", b"x", b"1"),
        (b"POST", b"/", b"h", b"", b"1"),
        (b"POST", b"/", b"h", b"x y", b"1"),
        (b"POST", b"/", b"h", b"x:", b"1"),
        (b"POST", b"/", b"h", b"x\n", b"1"),
        (b"POST", b"/", b"h", b"\xe9", b"1"),
        (b"POST", b"/", b"h", b"x", b"1\r\ny: 2"),
        (b"POST", b"/", b"h", b"x", b"1\ny: 2"),
        (b"POST", b"/", b"h", b"x", b"1\ry"),
        (b"POST", b"/", b"h", b"x", b"1\0"),
    ],
)
def test_what_would_change_the_framing_is_refused(
    method: bytes, target: bytes, host: bytes, name: bytes, value: bytes
) -> None:
    with pytest.raises(ValueError, match=r"invalid|control|empty") as caught:
        request_head(method, target, host, [(name, value)], 1)
    assert "y: 2" not in str(caught.value)


@given(
    st.binary(max_size=8),
    st.binary(max_size=8),
    st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=4),
)
def test_either_refused_or_a_head_of_exactly_these_lines(
    method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    try:
        head = request_head(method, b"/" + target, b"h", headers, 5)
    except ValueError:
        return
    lines = head.split(b"\r\n")
    own = [
        line
        for line in lines[1:-2]
        if line.partition(b":")[0] in {b"host", b"accept-encoding", b"content-length"}
    ]
    assert lines[0] == method + b" /" + target + b" HTTP/1.1"
    assert lines[-2:] == [b"", b""]
    assert own == [b"host: h", b"accept-encoding: identity", b"content-length: 5"]
    assert len(lines) - 6 <= len(headers)
    assert head.count(b"\n") == head.count(b"\r") == len(lines) - 1
