from typing import Final, Self, final

DEFAULT_MAX_EVENT_BYTES: Final[int]
MAX_MARKERS: Final[int]

@final
class EventSplitter:
    """Splits a byte stream into server-sent events, whatever the chunks and line ends (WHATWG HTML, 9.2.6).

    An event is all bytes up to and with the blank line that ends it, comments and leading blank lines too.
    Where the bytes are cut into chunks changes neither the events nor the masks.

    A blank line that is a lone CR behind an LF is complete only with the byte after it, which could be an LF.

    A marker of the form b'"name"' is found where it stands as a JSON key in front of a value other than
    null; any other marker is a plain substring.
    """

    block: bytes
    """The events that the last feed() completed; the same object as its data if nothing was held back."""
    mask: int
    """Bit i: marker i is in the block."""
    pending: int
    """How many bytes of an unfinished event are held back."""

    def __new__(cls, markers: tuple[bytes, ...] = (), max_event_bytes: int = ...) -> Self:
        """ValueError: too many markers, an empty one, one with CR or LF, or a limit below 1."""

    def feed(self, data: bytes) -> int:
        """Take the next bytes; how many events they completed.

        BufferError: an event exceeds the limit, whether complete or not. `block` then has the events before
        it, what is held back is dropped, and every later call raises the same.
        """

    def events(self) -> list[tuple[bytes, int]]:
        """The block, event by event, each with its mask."""

    def take_tail(self) -> bytes:
        """The bytes held back, at the end of the stream; the splitter is then as new."""

def event_data(event: bytes) -> bytes:
    """The values of the event's `data` fields, joined by LF; b"" if there is none.

    A byte order mark in front of the event is skipped.
    """

def event_name(event: bytes) -> bytes:
    """The value of the event's last `event` field; b"" if there is none."""
