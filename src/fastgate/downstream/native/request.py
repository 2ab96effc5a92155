"""Reading requests off a byte stream, sans I/O: framing, limits, and what is refused at once.

llhttp refuses what is ambiguous (RFC 9112 6.3, 11.2): two framings, two lengths, obsolete folding, bare
line ends, control characters. What it does not bound or check is here.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from io import SEEK_END, BytesIO
from typing import Final, NamedTuple

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

Header = tuple[bytes, bytes]

HEAD_LIMIT: Final = 64 * 1024
TARGET_LIMIT: Final = 32 * 1024
HEADERS_LIMIT: Final = 128
# Lines of the heads that wait. What waits is several times as large in memory as on the wire.
LINES_AHEAD: Final = 2048
# Blanks and the like, which the exact count of a head leaves out.
_UNCOUNTED: Final = 4096
_NO_HEADERS: Final[Mapping[bytes, bytes]] = {}
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class Refusal(NamedTuple):
    """Why something is no request: a key of `errors.ERRORS`, and words for its sender."""

    code: str
    message: str


_TOO_LARGE: Final = Refusal(
    "request_head_too_large",
    f"The head of a request may have {HEAD_LIMIT} bytes and {HEADERS_LIMIT} headers.",
)


class _Refused(Exception):
    """Stops the parser from within a callback."""

    def __init__(self, code: str, message: str) -> None:
        self.refusal = Refusal(code, message)


class _Over(Exception):
    """Stops the parser: what follows the last request is nobody's."""


class Request:
    """One message, as far as it has come. With a `refusal` nothing else counts, and no other follows."""

    __slots__ = (
        "_more",
        "_piece",
        "broken",
        "done",
        "head_done",
        "headers",
        "index",
        "keep_alive",
        "method",
        "old",
        "refusal",
        "size",
        "target",
    )

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.headers: Sequence[Header] = ()
        self.index: Mapping[bytes, bytes] = _NO_HEADERS  # the first value of each name
        self.old = False  # HTTP/1.0: no chunks
        self.keep_alive = False
        self.head_done = False
        self.done = False
        self.broken = False  # the framing of its body cannot be read any further
        self.refusal: Refusal | None = None
        self.size = 0
        self._piece = b""
        self._more: BytesIO | None = None

    @property
    def chunked(self) -> bool:
        return b"transfer-encoding" in self.index

    @property
    def over(self) -> bool:
        """Nothing more of it will come."""
        return self.done or self.broken

    def drop_headers(self) -> None:
        self.headers = ()
        self.index = _NO_HEADERS

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self._more is not None:
            self._more.write(data)
        elif self._piece:
            # Not a list: a client that sends a byte a piece must not cost an object each.
            self._more = BytesIO(self._piece)
            self._more.seek(0, SEEK_END)
            self._more.write(data)
            self._piece = b""
        else:
            self._piece = data

    def take(self) -> bytes:
        """The body, which the request no longer holds then."""
        if self._more is None:
            body, self._piece = self._piece, b""
            return body
        more, self._more = self._more, None
        return more.getvalue()  # gives its buffer away without a copy


class RequestReader:
    """Any number of requests in turn; `requests` has those whose head is there, and the one refused."""

    __slots__ = (
        "_ahead",
        "_head_size",
        "_headers",
        "_parser",
        "_request",
        "_target",
        "_unproductive",
        "_upgrading",
        "requests",
    )

    def __init__(self) -> None:
        self.requests: deque[Request] = deque()
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._request: Request | None = None
        self._headers: list[Header] = []
        self._target = b""
        self._head_size = 0
        self._ahead = 0  # lines of the heads in `requests`
        self._unproductive = 0  # bytes since the last of a body, or since the message began
        self._upgrading = False

    @property
    def midway(self) -> bool:
        """A request has begun whose head is not complete."""
        return self._request is not None and not self._request.head_done

    @property
    def unread(self) -> int:
        """How much there is of a body that is not complete."""
        request = self._request
        return 0 if request is None or request.over else request.size

    def next(self) -> Request:
        """The first of `requests`, which is not among them any more."""
        request = self.requests.popleft()
        self._ahead -= 1 + len(request.headers)
        return request

    def feed(self, data: bytes) -> None:
        """Take what the client sent. Raises nothing: what is malformed comes as `refusal` or `broken`."""
        parser = self._parser
        if parser is None:
            return
        self._unproductive += len(data)
        rest: bytes | memoryview = data
        try:
            while True:
                try:
                    parser.feed_data(rest)
                except HttpParserUpgrade as exc:
                    # A view: any number of them may stand in one piece.
                    rest = memoryview(rest)[exc.args[0] :]
                    parser = self._parser = self._without_upgrade()
                else:
                    break
        except HttpParserCallbackError as exc:
            cause = exc.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.refusal)
            elif isinstance(cause, _Over):
                self._parser = None
            else:
                raise
        except HttpParserError as exc:
            # llhttp's constant text, no data of the client.
            self._refuse(Refusal("malformed_request", f"This is not HTTP/1.1: {exc}."))
        else:
            self._check_progress()

    def _check_progress(self) -> None:
        """Bound what the parser does not show before it is complete: a line of a head, and a trailer or an
        extension of a chunk, which end no sooner than their sender likes."""
        request = self._request
        if request is None or self._unproductive <= HEAD_LIMIT:
            return
        if not request.head_done:
            if self._unproductive > HEAD_LIMIT + _UNCOUNTED:
                self._refuse(_TOO_LARGE)
        elif not request.done:
            request.broken = True
            self._parser = None

    def ended(self) -> None:
        """The client sends no more."""
        self._parser = None  # it refers to its reader: a cycle, and work for the collector
        request = self._request
        if request is not None and not request.done:
            request.broken = True

    def time_out(self) -> None:
        """The rest of a head did not come in time."""
        self._refuse(Refusal("request_timeout", "The head of the request did not come in time."))

    def _refuse(self, refusal: Refusal) -> None:
        self._parser = None
        request = self._request
        if request is not None and request.head_done:
            if not request.done:
                request.broken = True
                return
            if not request.keep_alive:
                return  # what follows the last request is nobody's
            request = None
        if request is None:
            request = self._request = Request()
        request.refusal = refusal
        request.target = self._target
        request.head_done = request.done = True
        request.keep_alive = False
        self._ahead += 1
        self.requests.append(request)

    def _without_upgrade(self) -> HttpRequestParser:
        """Nobody has to follow `Upgrade` (RFC 9110 7.8), but llhttp takes the body for the other protocol:
        another parser reads it, after a head that has its framing only."""
        request = self._request
        assert request is not None
        framing = b"".join(b"%b: %b\r\n" % header for header in request.headers if header[0] in _FRAMING)
        parser = HttpRequestParser(self)
        parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        return parser

    # --- callbacks of the parser ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._upgrading:
            return
        last = self._request
        if last is not None:
            if self._ahead > LINES_AHEAD:
                last.keep_alive = False
            if not last.keep_alive:
                raise _Over
        self._request = Request()
        self._headers = []
        self._target = b""
        self._head_size = 0

    def on_url(self, target: bytes) -> None:
        if self._upgrading:
            return
        self._target += target
        self._head_size += len(target)
        if len(self._target) > TARGET_LIMIT:
            raise _Refused(
                "request_target_too_long", f"The target of a request may have {TARGET_LIMIT} bytes."
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._request
        if request is None or request.head_done:
            return  # a trailer: nobody reads those
        headers = self._headers
        self._head_size += len(name) + len(value) + 4
        if self._head_size > HEAD_LIMIT or len(headers) == HEADERS_LIMIT:
            raise _Refused(*_TOO_LARGE)
        headers.append((name.lower(), value.rstrip(b" \t")))  # llhttp leaves the blanks behind it

    def on_headers_complete(self) -> None:
        request = self._request
        assert request is not None
        if self._upgrading:
            self._upgrading = False
            return
        parser, headers = self._parser, self._headers
        assert parser is not None
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise _Refused("malformed_request", "Speak HTTP/1.1.")
        headers.reverse()
        index = dict(headers)
        headers.reverse()
        if len(index) != len(headers) or b"host" not in index or b"transfer-encoding" in index:
            _check(index, headers, version)
        request.method = parser.get_method().decode("ascii")
        request.target = self._target
        request.headers = headers
        request.index = index
        request.old = version == "1.0"
        request.keep_alive = parser.should_keep_alive() and not (request.old and _says_close(headers))
        request.head_done = True
        self._headers = []  # the request may drop them
        self._upgrading = parser.should_upgrade()
        self._unproductive = 0
        self._ahead += 1 + len(headers)
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        assert self._request is not None
        self._request.add(data)
        self._unproductive = 0

    def on_message_complete(self) -> None:
        assert self._request is not None
        if not self._upgrading:
            self._request.done = True
            self._unproductive = 0


def _check(index: Mapping[bytes, bytes], headers: list[Header], version: str) -> None:
    """What llhttp takes, and others would read differently."""
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or (not hosts and version != "1.0"):
        raise _Refused("malformed_request", "An HTTP/1.1 request has one Host header.")
    if b"transfer-encoding" in index:
        codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
        if codings != [b"chunked"] or version == "1.0":
            raise _Refused("malformed_request", "The one transfer coding that is taken is chunked.")


def _says_close(headers: list[Header]) -> bool:
    """llhttp lets an HTTP/1.0 client that says both keep its connection; RFC 9112 9.3 does not."""
    return any(b"close" in value.lower() for name, value in headers if name == b"connection")
