import msgspec
import pytest
from tests.support.ledger_entries import ledger_entry

from fastgate.domain import per_parties
from fastgate.domain.entry import Parties
from fastgate.domain.per_parties import PerParties


def parties(customer: str) -> Parties:
    return ledger_entry(1, customer=customer).opening.parties


def test_work_is_done_once_for_an_object() -> None:
    done: list[str] = []

    def work(each: Parties) -> str:
        done.append(each.customer)
        return each.customer.upper()

    found = PerParties(work)
    first, other = parties("a"), parties("b")
    assert [found.of(each) for each in (first, other, first, other)] == ["A", "B", "A", "B"]
    assert done == ["a", "b"]
    assert found.of(msgspec.structs.replace(first)) == "A", "another object, whatever is in it"
    found.clear()
    assert (found.of(first), done) == ("A", ["a", "b", "a", "a"])


def test_what_is_remembered_is_bounded_and_never_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is gone may leave its id to the next one."""
    monkeypatch.setattr(per_parties, "MAX_KNOWN", 5)
    found = PerParties(lambda each: each.customer)
    for number in range(100):
        assert found.of(parties(str(number))) == str(number)
        assert len(found._known) <= 5
