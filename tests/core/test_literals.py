"""Which literals occur in bytes, compared with looking for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference import literals as reference

from fastgate._core.literals import MAX_LITERALS, LiteralSet

# Few bytes, so that what is found overlaps, is cut off at the end, or is nearly there.
BYTES = st.text('"ab', max_size=40).map(str.encode)
LITERALS = st.lists(st.text('"ab', min_size=1, max_size=5).map(lambda text: b'"' + text.encode()), min_size=1)


@given(LITERALS.filter(lambda found: len(found) <= MAX_LITERALS), BYTES)
def test_each_is_found_where_it_is(literals: list[bytes], data: bytes) -> None:
    assert LiteralSet(tuple(literals)).present(data) == reference.present(literals, data)


def test_the_last_bit_and_the_last_byte() -> None:
    literals = tuple(b"x%d" % number for number in range(10, 10 + MAX_LITERALS))
    found = LiteralSet(literals)
    for index, literal in enumerate(literals):
        assert found.present(b"\0" * 100 + literal) == 1 << index
        assert found.present(literal[:-1]) == 0
    assert found.present(b" ".join(literals)) == (1 << MAX_LITERALS) - 1
    assert found.present(b"") == found.present(b"x") == 0


@pytest.mark.parametrize(
    "literals",
    [(), (b"",), (b"x",), (b"xa", b"ya"), (b"xa",) * (MAX_LITERALS + 1)],
    ids=["none", "empty", "one byte", "another first byte", "too many"],
)
def test_what_cannot_be_looked_for(literals: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match=r"literals|begins"):
        LiteralSet(literals)


def test_only_bytes() -> None:
    with pytest.raises(TypeError):
        LiteralSet(("xa",))  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError):
        LiteralSet((b"xa",)).present(None)  # type: ignore[arg-type]  # what is tested
