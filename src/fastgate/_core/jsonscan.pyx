"""Finds the top-level members of a JSON object (RFC 8259), and cuts them out, without decoding it.

No recursion, and one pass: neither deep nesting nor many keys cost more than their bytes.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcpy

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

Span = tuple[int, int, int]


class DuplicateKeyError(ValueError):
    """A top-level key stands twice."""

    def __init__(self, key, offset):
        super().__init__(f"a key stands twice, the second time at byte {offset}")
        self.key = key
        self.offset = offset


cpdef list find_members(bytes data, tuple names, Py_ssize_t limit=PY_SSIZE_T_MAX):
    """The top-level members of a JSON object, in the order of `names` (unescaped, UTF-8); None if absent."""
    if data is None or names is None:
        raise TypeError("find_members() takes bytes and a tuple")
    cdef const char *start = PyBytes_AS_STRING(data)
    cdef const char *end = start + PyBytes_GET_SIZE(data)
    cdef const char *at = _skip_space(start, end)
    cdef const char *key_start
    cdef const char *key_end
    cdef const char *value
    cdef Py_ssize_t i
    cdef set seen = set()
    cdef bytes key
    cdef list found = [None] * len(names)
    at = _skip_space(_expect(at, end, c"{", start), end)
    if at < end and at[0] == c"}":
        return _finished(found, at, end, start)
    while True:
        key_start = at
        key_end = _string_end(_expect(at, end, c'"', start), end)
        if key_end == NULL:
            raise ValueError("the object is cut off in a key")
        key = _unescaped(key_start + 1, key_end - 1)
        if key in seen:
            raise DuplicateKeyError(key.decode("utf-8", "replace"), key_start - start)
        seen.add(key)
        if len(seen) > limit:
            raise ValueError(f"more than {limit} keys")
        value = _skip_space(_expect(_skip_space(key_end, end), end, c":", start), end)
        at = _value_end(value, end)
        if at == NULL or at == value:
            raise ValueError(f"no value at byte {value - start}")
        for i in range(len(names)):
            if key == <bytes?>names[i]:
                found[i] = (key_start - start, value - start, at - start)
        at = _skip_space(at, end)
        if at < end and at[0] == c"}":
            return _finished(found, at, end, start)
        at = _skip_space(_expect(at, end, c",", start), end)


cpdef bytes remove_members(bytes data, list spans):
    """Cut members out, in any order and each with a comma. ValueError: spans that overlap or lie outside."""
    if data is None or spans is None:
        raise TypeError("remove_members() takes bytes and a list")
    if not spans:
        return data
    cdef const char *start = PyBytes_AS_STRING(data)
    cdef const char *end = start + PyBytes_GET_SIZE(data)
    cdef const char *at = start
    cdef bytes result = PyBytes_FromStringAndSize(NULL, end - start)
    cdef char *first = PyBytes_AS_STRING(result)
    cdef char *target = first
    cdef Py_ssize_t key, value, stop
    for key, value, stop in sorted(spans):
        if not at - start <= key < value < stop <= end - start:
            raise ValueError(f"the span {key}, {value}, {stop} overlaps another one or lies outside")
        memcpy(target, at, <size_t>(start + key - at))
        target += start + key - at
        at = _skip_space(start + stop, end)
        if at < end and at[0] == c",":
            at = _skip_space(at + 1, end)
            continue
        # The last member: the comma to remove is the one in front, if a member is left there.
        while target > first and _is_space((target - 1)[0]):
            target -= 1
        if target > first and (target - 1)[0] == c",":
            target -= 1
    memcpy(target, at, <size_t>(end - at))
    target += end - at
    return result[: target - first]


cdef const char *_expect(const char *at, const char *end, char byte, const char *start) except NULL:
    if at == end or at[0] != byte:
        raise ValueError(f"{chr(byte)!r} expected at byte {at - start}: not a JSON object")
    return at + 1


cdef list _finished(list found, const char *brace, const char *end, const char *start):
    if _skip_space(brace + 1, end) != end:
        raise ValueError(f"bytes behind the object, from byte {brace + 1 - start} on")
    return found


cdef inline bint _is_space(char byte) noexcept:
    return byte == c" " or byte == c"\n" or byte == c"\r" or byte == c"\t"


cdef inline const char *_skip_space(const char *at, const char *end) noexcept:
    while at < end and _is_space(at[0]):
        at += 1
    return at


cdef const char *_string_end(const char *at, const char *end) noexcept:
    # `at` is behind the opening quote; the result behind the closing one, NULL if there is none.
    cdef const char *start = at
    cdef const char *slash
    while True:
        at = <const char *>memchr(at, c'"', <size_t>(end - at))
        if at == NULL:
            return NULL
        slash = at
        while slash > start and (slash - 1)[0] == c"\\":
            slash -= 1
        if (at - slash) % 2 == 0:
            return at + 1
        at += 1


cdef const char *_value_end(const char *at, const char *end) noexcept:
    # Behind the value that starts at `at`; NULL if it is cut off, `at` itself if there is none.
    cdef Py_ssize_t depth = 0
    if at == end:
        return NULL
    if at[0] == c'"':
        return _string_end(at + 1, end)
    if at[0] != c"{" and at[0] != c"[":
        while at < end and not _is_space(at[0]) and at[0] not in b',:{}[]"':
            at += 1
        return at
    while at < end:
        if at[0] == c'"':
            at = _string_end(at + 1, end)
            if at == NULL:
                return NULL
            continue
        if at[0] == c"{" or at[0] == c"[":
            depth += 1
        elif at[0] == c"}" or at[0] == c"]":
            depth -= 1
        at += 1
        if depth == 0:
            return at
    return NULL


cdef bytes _unescaped(const char *at, const char *end):
    # Never longer than what it is made from. A lone surrogate is encoded like any other code point.
    cdef bytes result = PyBytes_FromStringAndSize(at, end - at)
    at = <const char *>memchr(at, c"\\", <size_t>(end - at))
    if at == NULL:
        return result
    cdef char *first = PyBytes_AS_STRING(result)
    cdef char *target = first + (PyBytes_GET_SIZE(result) - (end - at))
    cdef long code, low
    while at < end:
        if at[0] != c"\\":
            target[0] = at[0]
            target += 1
            at += 1
            continue
        if end - at < 2:
            raise ValueError("an escape is cut off")
        if at[1] != c"u":
            target[0] = _escaped(at[1])
            target += 1
            at += 2
            continue
        code = _hex4(at + 2, end)
        at += 6
        if 0xD800 <= code < 0xDC00 and end - at >= 6 and at[0] == c"\\" and at[1] == c"u":
            low = _hex4(at + 2, end)
            if 0xDC00 <= low < 0xE000:
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                at += 6
        target = _put_utf8(target, code)
    return result[: target - first]


cdef char _escaped(char letter) except 0:
    if letter == c'"' or letter == c"\\" or letter == c"/":
        return letter
    if letter == c"b":
        return c"\b"
    if letter == c"f":
        return c"\f"
    if letter == c"n":
        return c"\n"
    if letter == c"r":
        return c"\r"
    if letter == c"t":
        return c"\t"
    raise ValueError("an unknown escape in a key")


cdef long _hex4(const char *at, const char *end) except -1:
    cdef long code = 0
    cdef int i
    if end - at < 4:
        raise ValueError("an escape is cut off")
    for i in range(4):
        code <<= 4
        if c"0" <= at[i] <= c"9":
            code |= at[i] - c"0"
        elif c"a" <= (at[i] | 0x20) <= c"f":
            code |= (at[i] | 0x20) - c"a" + 10
        else:
            raise ValueError("an escape without four hexadecimal digits")
    return code


cdef char *_put_utf8(char *target, long code) noexcept:
    cdef int shift
    if code < 0x80:
        target[0] = <char>code
        return target + 1
    if code < 0x800:
        shift = 6
        target[0] = <char>(0xC0 | code >> shift)
    elif code < 0x10000:
        shift = 12
        target[0] = <char>(0xE0 | code >> shift)
    else:
        shift = 18
        target[0] = <char>(0xF0 | code >> shift)
    while shift > 0:
        shift -= 6
        target += 1
        target[0] = <char>(0x80 | (code >> shift & 0x3F))
    return target + 1
