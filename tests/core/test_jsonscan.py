import itertools
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference import jsonscan as reference

from fastgate._core import jsonscan

NAMES = (b"model", b"stream", b"", "grüße".encode(), b"a\nb", "🚀".encode())

SAMPLES = {
    "empty": b"{}",
    "empty with space": b" \t\r\n{ \n} \n",
    "one": b'{"model":"gpt-4o"}',
    "chat": b'{"model": "gpt-4o", "stream" :true , "messages":[{"content":"a\\"b}{\\\\"}],"n":-1.5e+3}',
    "escaped key": b'{"mod\\u0065l": 1, "str\\u0065am": 2}',
    "all escapes in a key": b'{"\\"\\\\\\/\\b\\f\\n\\r\\t":1,"a\\nb":2}',
    "key outside of ASCII": '{"grüße":1,"\\ud83d\\ude80":2}'.encode(),
    "lone surrogate in a key": b'{"\\ud83d":1,"\\ude80":2,"\\ud83dx":3,"\\ud83d\\u0041":4}',
    "empty key": b'{"":null}',
    "nested": b'{"a":{"model":1,"model":2},"b":[[[]],{}],"model":{"model":"}"}}',
    "quotes": b'{"a":"\\\\","b":"\\\\\\"","model":"\\"}"}',
    "space everywhere": b' { "a" : [ 1 , 2 ] , "model" : { } , "b" : false } ',
}


def _spaced(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", "", " ", "\n", "\t\r\n "]))


def _quoted(draw: st.DrawFn, text: str) -> str:
    def escaped(char: str) -> str:
        if draw(st.booleans()):
            return json.dumps(char)[1:-1]
        return json.dumps(char, ensure_ascii=False)[1:-1]

    return '"' + "".join(map(escaped, text)) + '"'


def _serialised(draw: st.DrawFn, value: object) -> str:
    """Like json.dumps, with white space and escapes wherever they may stand."""
    if isinstance(value, str):
        text = _quoted(draw, value)
    elif isinstance(value, dict):
        members = [
            _spaced(draw) + _quoted(draw, key) + _spaced(draw) + ":" + _serialised(draw, member)
            for key, member in value.items()
        ]
        text = "{" + (",".join(members) or _spaced(draw)) + "}"
    elif isinstance(value, list):
        text = "[" + (",".join(_serialised(draw, item) for item in value) or _spaced(draw)) + "]"
    else:
        text = json.dumps(value)
    return _spaced(draw) + text + _spaced(draw)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(
    ["model", "stream", "{", "}", '"', "\\", '\\"', "[", "]", ",", ":"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    return _serialised(draw, draw(st.dictionaries(TEXT, VALUES, max_size=5))).encode()


def check(data: bytes) -> None:
    """Against the oracle and against json itself: every member found, each subset removable."""
    members = reference.members(data)
    names = tuple(key.encode("utf-8", "surrogatepass") for key, _ in members)
    spans = [span for _, span in members]
    assert jsonscan.find_members(data, names) == spans
    parsed = json.loads(data)
    assert [json.loads(data[value:end]) for _, value, end in spans] == list(parsed.values())
    for subset in itertools.chain.from_iterable(
        itertools.combinations(members, n) for n in range(len(members) + 1)
    ):
        cut = jsonscan.remove_members(data, [span for _, span in reversed(subset)])
        gone = {key for key, _ in subset}
        assert json.loads(cut) == {key: value for key, value in parsed.items() if key not in gone}
        assert json.loads(cut) == json.loads(reference.remove_members(data, [span for _, span in subset]))
        for key, (start, _, end) in members:
            assert key in gone or data[start:end] in cut


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_samples(data: bytes) -> None:
    check(data)
    assert jsonscan.find_members(data, NAMES) == reference.find_members(data, NAMES)


@given(documents())
def test_any_document(data: bytes) -> None:
    check(data)
    assert jsonscan.find_members(data, NAMES) == reference.find_members(data, NAMES)


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_every_truncation_is_an_error(data: bytes) -> None:
    for length in range(len(data.rstrip())):
        with pytest.raises(ValueError, match=r"byte|cut off"):
            jsonscan.find_members(data[:length], NAMES)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" ", b"[]", b"1", b'"a"', b"null", b"{}}", b"{}x", b"{,}", b"{a:1}", b"\xef\xbb\xbf{}"),
        *(b'{"a"}', b'{"a":}', b'{"a":1,}', b'{"a":1 2}', b'{"a":1 "b":2}', b'{"a" 1}'),
        *(b'{"\\u00g0":1}', b'{"\\x":1}', b'{"\\u12":1}'),
    ],
)
def test_not_an_object(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"byte|escape"):
        jsonscan.find_members(data, ())


FRAGMENTS = [
    b"{",
    b"}",
    b'"',
    b"\\",
    b":",
    b",",
    b"[",
    b"]",
    b" ",
    b"\\u",
    b"00e4",
    b"\\ud83d",
    b'"a":1',
    b"x",
    b"\0",
]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=3), max_size=30), st.booleans())
def test_any_bytes_end_in_a_result_or_a_value_error(pieces: list[bytes], opened: bool) -> None:
    data = b"{" * opened + b"".join(pieces)
    try:
        spans = jsonscan.find_members(data, (b"a", b""))
    except ValueError:
        return
    for span in filter(None, spans):
        start, value, end = span
        assert 0 < start < value < end < len(data)


@given(st.binary(max_size=40), st.lists(st.tuples(*[st.integers(-1, 41)] * 3), max_size=4))
def test_any_spans_end_in_a_result_or_a_value_error(data: bytes, spans: list[tuple[int, int, int]]) -> None:
    try:
        result = jsonscan.remove_members(data, spans)
    except ValueError:
        return
    assert len(result) <= len(data)


@pytest.mark.parametrize(
    ("data", "key", "offset"),
    [
        (b'{"a":1,"a":2}', "a", 7),
        (b'{"model":1,"b":{}, "mod\\u0065l":2}', "model", 19),
        ('{"é":1,"\\u00e9":2}'.encode(), "é", 8),
        ('{"🚀":1,"\\uD83D\\uDE80":2}'.encode(), "🚀", 10),
        (b'{"":1,"":2}', "", 6),
        (b'{"\\ud83d":1,"\\uD83D":2}', "\ufffd" * 3, 12),
        (b'{"\\/":1,"/":2}', "/", 8),
    ],
)
def test_duplicate_keys(data: bytes, key: str, offset: int) -> None:
    with pytest.raises(jsonscan.DuplicateKeyError) as raised:
        jsonscan.find_members(data, ())
    assert (raised.value.key, raised.value.offset) == (key, offset)
    with pytest.raises(reference.DuplicateKeyError) as expected:
        reference.find_members(data, ())
    assert (expected.value.key, expected.value.offset) == (key, offset)


def test_the_error_text_does_not_quote_the_body() -> None:
    with pytest.raises(jsonscan.DuplicateKeyError) as raised:
        jsonscan.find_members(b'{"secret":1,"secret":2}', ())
    assert "secret" not in str(raised.value)


def test_deep_nesting_does_not_recurse() -> None:
    depth = 1_000_000
    data = b'{"a":' + b'[{"":' * depth + b"1" + b"}]" * depth + b',"model":1}'
    assert jsonscan.find_members(data, (b"model",)) == [(len(data) - 10, len(data) - 2, len(data) - 1)]


def test_10_000_keys() -> None:
    data = json.dumps({f"key{i}": i for i in range(10_000)}).encode()
    assert jsonscan.find_members(data, (b"key0", b"key9999", b"key10000")) == [
        (1, 9, 10),
        (len(data) - 16, len(data) - 5, len(data) - 1),
        None,
    ]


@pytest.mark.parametrize("find", [jsonscan.find_members, reference.find_members])
def test_a_limit_of_keys(find: Callable[..., object]) -> None:
    data = b'{"a":1,"b":2,"c":3}'
    assert find(data, (b"c",), 3) == [(13, 17, 18)]
    with pytest.raises(ValueError, match=r"more than 2 keys|too many"):
        find(data, (b"c",), 2)


def test_many_keys_and_spans_cost_their_bytes() -> None:
    """Quadratic work would be 10^10 comparisons, or 10^12 copied bytes, beyond any time limit."""
    keys = [f"key{i}" for i in range(200_000)]
    random.Random(1).shuffle(keys)
    data = json.dumps(dict.fromkeys(keys, 1)).encode()
    with pytest.raises(jsonscan.DuplicateKeyError):
        jsonscan.find_members(data[:-1] + b', "key7": 2}', ())
    spans = [span for _, span in reference.members(data)]
    assert jsonscan.remove_members(data, spans) == b"{}"


def test_a_string_of_backslashes_costs_its_bytes() -> None:
    data = b'{"a":"' + b"\\\\" * 1_000_000 + b'","b":"' + b'\\"' * 1_000_000 + b'"}'
    assert jsonscan.find_members(data, (b"b",)) == [(2_000_008, 2_000_012, len(data) - 1)]


@pytest.mark.parametrize(
    "call",
    [
        lambda: jsonscan.find_members(None, ()),  # type: ignore[arg-type]  # the wrong type is the test
        lambda: jsonscan.find_members(b'{"a":1}', ("a",)),  # type: ignore[arg-type]  # same
        lambda: jsonscan.find_members("{}", ()),  # type: ignore[arg-type]  # same
        lambda: jsonscan.remove_members(None, []),  # type: ignore[arg-type]  # same
        lambda: jsonscan.remove_members(b"{}", [None]),  # type: ignore[list-item]  # same
    ],
)
def test_wrong_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()
