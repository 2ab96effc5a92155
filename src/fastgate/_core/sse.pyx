"""Splits a byte stream into server-sent events, whatever the chunks and line ends (WHATWG HTML, 9.2.6)."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Realloc
from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcmp, memcpy


cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length)


DEFAULT_MAX_EVENT_BYTES = 16 * 1024 * 1024
MAX_MARKERS = 16

cdef enum:
    _MAX_MARKERS = 16
    _FIRST_ROOM = 4096

cdef enum State:
    # Where the scan is, relative to the lines of an event:
    #   START: only blank lines so far    LINE: inside a line    AFTER_LF: behind an LF that ended a line
    #   AFTER_CR: behind a CR that did    BLANK_CR: behind LF CR, a blank line that an LF may belong to
    #   DONE: behind the blank line, at the event's end
    START
    LINE
    AFTER_LF
    AFTER_CR
    BLANK_CR
    DONE


cdef struct Scan:
    const char *at
    const char *end
    const char *next_lf    # the first LF and CR at or behind `at`; `end` if there is none
    const char *next_cr
    int state


@cython.final
cdef class EventSplitter:
    """Splits a byte stream into server-sent events, whatever the chunks and line ends."""

    def __cinit__(self, tuple markers not None=(), Py_ssize_t max_event_bytes=16 * 1024 * 1024):
        if len(markers) > _MAX_MARKERS:
            raise ValueError(f"{len(markers)} markers are more than {_MAX_MARKERS}")
        if max_event_bytes < 1:
            raise ValueError("the limit must be at least one byte")
        self.marker = <Marker *>PyMem_Calloc(<size_t>len(markers), sizeof(Marker))
        if self.marker == NULL:
            raise MemoryError
        for marker in markers:
            if not isinstance(marker, bytes):
                raise TypeError("markers are bytes")
            if not marker or b"\n" in marker or b"\r" in marker:
                raise ValueError(f"{marker!r} cannot be a marker: empty, or more than a line")
            self.marker[self.marker_count].text = PyBytes_AS_STRING(marker)
            self.marker[self.marker_count].length = <size_t>len(marker)
            self.marker[self.marker_count].is_key = (
                len(marker) > 2 and marker.startswith(b'"') and marker.endswith(b'"')
            )
            self.marker_count += 1
        self.markers = markers
        self.max_event_bytes = max_event_bytes
        self.block = b""
        self.state = START

    def __dealloc__(self):
        PyMem_Free(self.held)
        PyMem_Free(self.marker)

    cpdef Py_ssize_t feed(self, bytes data) except -1:
        """Take the next bytes; how many events they completed."""
        if data is None:
            raise TypeError("feed() takes bytes")
        cdef const char *start = PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef const char *event_start = start
        cdef Py_ssize_t before = self.pending      # bytes of the current event that are already held
        cdef Py_ssize_t count = 0
        cdef Scan scan = _scan(start, size, self.state)
        self.block = b""
        self.mask = 0
        while not self.overflowed:
            _find_end(&scan)
            self.overflowed = before + (scan.at - event_start) > self.max_event_bytes
            if self.overflowed or scan.state != DONE:
                break
            count += 1
            before = 0
            event_start = scan.at
            scan.state = START
        if count > 0:
            if self.pending == 0 and event_start == scan.end:
                self.block = data
            else:
                self.block = self.completed(start, event_start - start)
            self.mask = self.mask_of(PyBytes_AS_STRING(self.block), PyBytes_GET_SIZE(self.block))
        if self.overflowed:
            self.drop_held()
            raise BufferError(f"an event of more than {self.max_event_bytes} bytes")
        self.state = scan.state
        self.hold(event_start, scan.end - event_start)
        return count

    cpdef list events(self):
        """The block, event by event, each with its mask."""
        cdef const char *start = PyBytes_AS_STRING(self.block)
        cdef Scan scan = _scan(start, PyBytes_GET_SIZE(self.block), START)
        cdef list found = []
        while scan.at < scan.end:
            _find_end(&scan)
            event = self.block
            if scan.at - start < PyBytes_GET_SIZE(self.block):
                event = PyBytes_FromStringAndSize(start, scan.at - start)
            found.append((event, self.mask_of(start, scan.at - start)))
            start = scan.at
            scan.state = START
        return found

    cpdef bytes take_tail(self):
        """The bytes held back, at the end of the stream; the splitter is then as new."""
        cdef bytes tail = PyBytes_FromStringAndSize(self.held, self.pending)
        self.drop_held()
        self.overflowed = False
        return tail

    cdef bytes completed(self, const char *data, Py_ssize_t length):
        cdef bytes block = PyBytes_FromStringAndSize(NULL, self.pending + length)
        cdef char *target = PyBytes_AS_STRING(block)
        if self.pending > 0:
            memcpy(target, self.held, <size_t>self.pending)
            self.drop_held()
        memcpy(target + (PyBytes_GET_SIZE(block) - length), data, <size_t>length)
        return block

    cdef int hold(self, const char *data, Py_ssize_t length) except -1:
        cdef Py_ssize_t needed = self.pending + length
        cdef Py_ssize_t room
        cdef char *grown
        if length == 0:
            return 0
        if needed > self.room:
            # Doubled, so that a long event that comes in small pieces is copied a constant number of times.
            room = max(needed, 2 * self.room, _FIRST_ROOM)
            grown = <char *>PyMem_Realloc(self.held, <size_t>room)
            if grown == NULL:
                raise MemoryError
            self.held = grown
            self.room = room
        memcpy(self.held + self.pending, data, <size_t>length)
        self.pending = needed
        return 0

    cdef void drop_held(self) noexcept:
        self.pending = 0
        self.state = START
        if self.room > _FIRST_ROOM:
            PyMem_Free(self.held)
            self.held = NULL
            self.room = 0

    cdef uint64_t mask_of(self, const char *text, Py_ssize_t length) noexcept:
        cdef uint64_t mask = 0
        cdef int i
        for i in range(self.marker_count):
            if _has(text, text + length, &self.marker[i]):
                mask |= <uint64_t>1 << i
        return mask


cpdef bytes event_data(bytes event):
    """The values of the event's `data` fields, joined by LF; b"" if there is none."""
    return _field(event, b"data", 4, True)


cpdef bytes event_name(bytes event):
    """The value of the event's last `event` field; b"" if there is none."""
    return _field(event, b"event", 5, False)


cdef inline const char *_find(const char *at, const char *end, char byte) noexcept:
    cdef const char *found = <const char *>memchr(at, byte, <size_t>(end - at))
    return found if found != NULL else end


cdef Scan _scan(const char *start, Py_ssize_t size, int state) noexcept:
    cdef Scan scan
    scan.at = start
    scan.end = start + size
    scan.next_lf = _find(start, scan.end, b"\n")
    scan.next_cr = _find(start, scan.end, b"\r")
    scan.state = state
    return scan


cdef void _find_end(Scan *scan) noexcept:
    # Moves to the end of the event (DONE) or of the bytes.
    cdef char byte
    while scan.at < scan.end:
        if scan.state == LINE:
            # Each byte is searched once for each of the two, however they are mixed.
            if scan.next_lf < scan.at:
                scan.next_lf = _find(scan.at, scan.end, b"\n")
            if scan.next_cr < scan.at:
                scan.next_cr = _find(scan.at, scan.end, b"\r")
            scan.at = min(scan.next_lf, scan.next_cr)
            if scan.at == scan.end:
                return
            scan.state = AFTER_LF if scan.at == scan.next_lf else AFTER_CR
            scan.at += 1
            continue
        byte = scan.at[0]
        if scan.state == BLANK_CR:
            scan.state = DONE
            scan.at += byte == c"\n"
            return
        scan.at += 1
        if byte != c"\n" and byte != c"\r":
            scan.state = LINE
        elif scan.state == START:
            pass
        elif byte == c"\r":
            # A stream whose lines end in CR alone: nothing to wait for.
            scan.state = DONE if scan.state == AFTER_CR else BLANK_CR
        else:
            scan.state = DONE if scan.state == AFTER_LF else AFTER_LF
        if scan.state == DONE:
            return


cdef bint _has(const char *at, const char *end, const Marker *marker) noexcept:
    cdef const char *value
    while True:
        at = <const char *>memmem(at, <size_t>(end - at), marker.text, marker.length)
        if at == NULL:
            return False
        at += marker.length
        if not marker.is_key:
            return True
        value = _skip_blanks(at, end)
        if value == end or value[0] != c":":
            continue
        value = _skip_blanks(value + 1, end)
        if value == end or value[0] == c"\n" or value[0] == c"\r":
            continue
        if end - value < 4 or memcmp(value, b"null", 4) != 0:
            return True


cdef inline const char *_skip_blanks(const char *at, const char *end) noexcept:
    while at < end and (at[0] == c" " or at[0] == c"\t"):
        at += 1
    return at


cdef bytes _field(bytes event, const char *name, Py_ssize_t name_length, bint joined):
    if event is None:
        raise TypeError("an event is bytes")
    cdef const char *at = PyBytes_AS_STRING(event)
    cdef const char *end = at + PyBytes_GET_SIZE(event)
    cdef const char *stop
    cdef const char *value
    cdef const char *next_cr
    cdef const char *next_lf
    cdef bytes found = None
    cdef list more = None
    if end - at >= 3 and memcmp(at, b"\xef\xbb\xbf", 3) == 0:
        at += 3
    next_cr = at - 1
    next_lf = at - 1
    while at < end:
        if next_lf < at:
            next_lf = _find(at, end, b"\n")
        if next_cr < at:
            next_cr = _find(at, end, b"\r")
        stop = min(next_lf, next_cr)
        if stop - at >= name_length and memcmp(at, name, <size_t>name_length) == 0:
            value = at + name_length
            if value == stop or value[0] == c":":
                value += value < stop
                value += value < stop and value[0] == c" "
                if joined and found is not None:
                    if more is None:
                        more = [found]
                    more.append(PyBytes_FromStringAndSize(value, stop - value))
                else:
                    found = PyBytes_FromStringAndSize(value, stop - value)
        at = stop + 1
    if more is not None:
        return b"\n".join(more)
    return found if found is not None else b""
