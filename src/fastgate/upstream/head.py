"""The head of a request: built in one place, so that its framing cannot be tampered with."""

from collections.abc import Iterable
from typing import Final

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)

# What the head says by itself: the framing, the target, and that no compression is wanted.
_OWN: Final = HOP_BY_HOP | {b"host", b"content-length", b"accept-encoding", b"expect"}

VISIBLE_ASCII: Final = bytes(range(0x21, 0x7F))
_TOKEN: Final = bytes(c for c in VISIBLE_ASCII if c not in b'"(),/:;<=>?@[\\]{}')  # RFC 9110 5.6.2
# A response to these is framed otherwise than by its own head (RFC 9112 6.3), which nobody needs here.
_UNFRAMED_METHODS: Final = frozenset((b"HEAD", b"CONNECT"))


def request_head(
    method: bytes,
    target: bytes,
    host: bytes,
    headers: Iterable[tuple[bytes, bytes]],
    content_length: int | None,
) -> bytes:
    """Status line and headers up to the blank line. `target` is in origin form (`/path?query`).

    Adds Host, Content-Length and `Accept-Encoding: identity`; drops those and hop-by-hop headers from
    `headers`. Raises ValueError for what could change the framing: CR, LF or NUL anywhere, a name that
    is no token, a target with spaces; its message repeats no value.
    """
    lines = [b"%b %b HTTP/1.1\r\nhost: %b\r\naccept-encoding: identity" % (method, target, host)]
    names = [method]
    for name, value in headers:
        if name.lower() in _OWN:
            continue
        if not name:
            raise ValueError("a header has an empty name")
        names.append(name)
        lines.append(b"%b: %b" % (name, value))
    if content_length is not None:
        lines.append(b"content-length: %d" % content_length)
    lines.append(b"\r\n")
    head = b"\r\n".join(lines)
    breaks = len(lines) + 2
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks or b"\0" in head:
        raise ValueError("a control character in the request head")
    if b"".join(names).translate(None, _TOKEN) or method in _UNFRAMED_METHODS or not method:
        raise ValueError("an invalid method or header name")
    if not target.startswith(b"/") or (target + host).translate(None, VISIBLE_ASCII):
        raise ValueError("an invalid request target or host")
    return head
