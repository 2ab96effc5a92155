"""Reading responses off a byte stream, sans I/O: framing, limits, and when a connection may live on."""

from typing import Final, NoReturn

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from fastgate.domain.failure import FailureKind, UpstreamError

HEAD_LIMIT: Final = 64 * 1024


class _Refused(Exception):
    """Stops the parser from within a callback."""


class ResponseReader:
    """One response at a time, any number in turn. llhttp refuses ambiguous framing (RFC 9112 6.3).

    After a `feed`, `head_done` says that `status`, `headers` (names lower case) and `index` (the last
    value of each name) are there; `done`, that the message is complete. `chunks` grows by at most
    one object a feed and may be emptied by the caller; `size` counts all body bytes so far.
    `keep_alive` says, once done, whether another response may follow.
    """

    __slots__ = (
        "_interim",
        "_parser",
        "_unproductive",
        "chunks",
        "done",
        "head_done",
        "headers",
        "index",
        "keep_alive",
        "size",
        "status",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.reset()

    def reset(self) -> None:
        """Begin the next response. What the former one left in `chunks` stays with its reader."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.index: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.size = 0
        self.head_done = False
        self.done = False
        self.keep_alive = False
        self._interim = False
        self._unproductive = 0

    def feed(self, data: bytes) -> None:
        """Take what the peer sent. Raises UpstreamError (PROTOCOL)."""
        chunks = self.chunks
        mark = len(chunks)
        self._unproductive += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as exc:
            if self.done:
                # The message stands; what came after it was not asked for.
                self.keep_alive = False
            else:
                self._invalid(exc)
        grown = len(chunks) - mark
        if grown:
            self._unproductive = 0
            if grown > 1:
                # Tiny chunks must not cost an object each for as long as they are unread.
                chunks[mark:] = [b"".join(chunks[mark:])]
        elif self._unproductive > HEAD_LIMIT and not self.done:
            # An endless header, trailer or chunk extension, which llhttp itself does not bound.
            raise UpstreamError(FailureKind.PROTOCOL, "more than 64 KiB of headers or chunk framing")

    def finish(self) -> bool:
        """The peer ended its stream in order. True if that completes the message (RFC 9112 6.3, 8)."""
        if self.head_done and not self.done:
            self.done = b"content-length" not in self.index and b"transfer-encoding" not in self.index
        return self.done

    def _invalid(self, exc: Exception) -> NoReturn:
        if isinstance(exc, HttpParserCallbackError):
            if not isinstance(exc.__context__, _Refused):
                raise exc
            reason = str(exc.__context__)
        elif isinstance(exc, HttpParserUpgrade):
            reason = "an upgrade that was not asked for"
        else:
            reason = str(exc)  # llhttp's constant text, no data of the peer
        raise UpstreamError(FailureKind.PROTOCOL, f"invalid HTTP response: {reason}") from None

    # --- callbacks of the parser ------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.done:
            raise _Refused("data after the end of the response")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:  # else a trailer: nobody reads those
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        headers = self.headers
        if self._unproductive > HEAD_LIMIT and sum(len(n) + len(v) + 4 for n, v in headers) > HEAD_LIMIT:
            raise _Refused("a head of more than 64 KiB")
        if status < 200:
            if status == 101:
                raise _Refused("an upgrade that was not asked for")
            headers.clear()
            self._interim = True
            return
        self.status = status
        self.index = index = dict(headers)
        if b"transfer-encoding" in index:
            codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
            if codings != [b"chunked"]:
                raise _Refused("a transfer coding other than chunked")
        self.head_done = True

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)
        self.size += len(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self.done = True
        self.keep_alive = self._parser.should_keep_alive()
