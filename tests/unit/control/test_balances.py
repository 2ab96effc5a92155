"""What an entry counts in, and for which period."""

from typing import Any

import pytest
from tests.support.books import GATEWAY, KEY, TEAM, BooksRig
from tests.support.ledger_entries import ledger_entry

from fastgate.budgets.periods import calendar
from fastgate.control.balances import Balances
from fastgate.domain.account import Level, Owner
from fastgate.domain.entry import Entry
from fastgate.store.fullest import Rest, Watched

HOURLY = calendar("hourly", "UTC")

COUNTS: dict[Owner, dict[str, Any]] = {
    KEY: {"virtual_key": "vk_acme"},
    TEAM: {"teams": ("inner", "search")},
    Owner(Level.CUSTOMER, "acme"): {"customer": "acme"},
    Owner(Level.PROVIDER, "openai"): {"provider": "openai"},
    Owner(Level.MODEL, "GPT-4*"): {"public_model": "gpt-4o"},
    Owner(Level.TAG, "env=prod"): {"tags": {"env": "prod", "unit": "a"}},
    Owner(Level.TAG, "env=prod,unit=a"): {"tags": {"env": "prod", "unit": "a", "user": "u"}},
}
NOBODY: dict[str, Any] = {
    "virtual_key": "",
    "teams": (),
    "customer": "",
    "provider": "another",
    "public_model": "another",
    "tags": {},
}


def entry(rig: BooksRig, line: int, cost: int = 10, **changes: Any) -> Entry:
    balance = rig.balance(line)
    given = {"admitted_ns": balance.start_ns, "charged": (balance.account,), **changes}
    return ledger_entry(1, cost=cost, **given)


@pytest.mark.parametrize("owner", COUNTS, ids=str)
def test_who_counts_what(rig: BooksRig, owner: Owner) -> None:
    rig.place(owner)
    balances, line = rig.keeper.balances, rig.place(GATEWAY)
    counted = entry(rig, line, **{**NOBODY, **COUNTS[owner]}).opening.parties
    of = {str(each.owner) for each in balances.of(counted)}
    assert of == {str(owner), "gateway"}
    others = {str(each.owner) for each in balances.of(entry(rig, line, **NOBODY).opening.parties)}
    assert others == {"gateway"}


def test_a_tag_budget_needs_all_of_its_tags(rig: BooksRig) -> None:
    line = rig.place(Owner(Level.TAG, "env=prod,unit=a"))
    parties = entry(rig, line, **{**NOBODY, "tags": {"env": "prod"}}).opening.parties
    assert rig.keeper.balances.of(parties) == []


def test_what_is_remembered_of_models_is_bounded(rig: BooksRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may name them as it likes."""
    monkeypatch.setattr("fastgate.control.balances.MAX_MODELS", 5)
    line = rig.place(Owner(Level.MODEL, "m-*"))
    for number in range(20):
        parties = entry(rig, line, public_model=f"M-{number}").opening.parties
        assert len(rig.keeper.balances.of(parties)) == 1
    assert len(rig.keeper.balances._of_model) <= 5


def test_each_period_has_its_own(rig: BooksRig) -> None:
    line = rig.place(period=HOURLY)
    balance = rig.balance(line)
    add = rig.keeper.balances.add
    first, number = balance.start_ns, balance.number
    add([entry(rig, line, 10)])
    add([entry(rig, line, 20, admitted_ns=balance.end_ns - 1)])
    assert (balance.spent, balance.number) == (30, number)
    add([entry(rig, line, 5, admitted_ns=balance.end_ns)])
    assert (balance.spent, balance.number) == (5, number + 1)
    add([entry(rig, line, 100, admitted_ns=first)])
    assert balance.spent == 5, "what comes late counts in its own period"


def test_many_at_once_count_as_one_after_the_other(rig: BooksRig) -> None:
    """In a batch there may be calls of several periods, of budgets with and without soft limits."""
    found: list[tuple[int, int, list[int]]] = []
    for batches in (lambda entries: [entries], lambda entries: [[entry] for entry in entries]):
        line = rig.place(Owner(Level.TEAM, f"team-{len(found)}"), 100, soft=(500, 900), period=HOURLY)
        balance = rig.balance(line)
        times = (balance.start_ns, balance.start_ns - 1, balance.end_ns - 1, balance.end_ns, balance.start_ns)
        entries = [
            entry(rig, line, 30, admitted_ns=at_ns, teams=(balance.owner.name,)) for at_ns in times * 2
        ]
        passed = [each for some in batches(entries) for each in rig.keeper.balances.add(some)]
        found.append((balance.spent, balance.number, [each.thousandths for each in passed]))
    assert found[0] == found[1]
    assert found[0][2] == [500, 500]


def test_what_was_not_charged_is_charged_in_its_period_only(rig: BooksRig) -> None:
    line = rig.place()
    balance = rig.balance(line)
    rig.keeper.balances.add([entry(rig, line, 10, charged=())])
    assert rig.counted(line) == (10, 0)
    rig.keeper.balances.add([entry(rig, line, 10, charged=(), admitted_ns=balance.start_ns - 1)])
    assert rig.counted(line) == (10, 0)
    assert balance.spent == 10


def test_soft_limits_are_of_the_limit_as_it_is(rig: BooksRig) -> None:
    line = rig.place(limit=100, soft=(500,))
    balance = rig.balance(line)
    add = rig.keeper.balances.add
    assert add([entry(rig, line, 49)]) == []
    balance.limit = 1_000
    assert add([entry(rig, line, 51)]) == []
    ((found, thousandths),) = add([entry(rig, line, 900)])
    assert (found, thousandths) == (balance, 500)
    assert add([entry(rig, line, 900)]) == []


def test_a_new_period_has_its_soft_limits_again(rig: BooksRig) -> None:
    line = rig.place(limit=100, soft=(500,), period=HOURLY)
    balance = rig.balance(line)
    assert len(rig.keeper.balances.add([entry(rig, line, 60)])) == 1
    assert len(rig.keeper.balances.add([entry(rig, line, 60, admitted_ns=balance.end_ns)])) == 1


def test_another_set_of_budgets(rig: BooksRig) -> None:
    line = rig.place(KEY)
    balances = Balances(rig.accounts)
    assert balances.of(entry(rig, line).opening.parties) == []
    balances.install([rig.balance(line)])
    assert balances.by_line == {line: rig.balance(line)}
    balances.install([])
    assert balances.of(entry(rig, line).opening.parties) == []


def test_the_fullest_are_watched_and_the_rest_is_summed(rig: BooksRig) -> None:
    key, team = rig.place(KEY, 100), rig.place(TEAM, 1_000)
    other = rig.place(Owner(Level.TEAM, "other"), 100)
    for line, spent in ((key, 50), (team, 600), (other, 1)):
        rig.balance(line).spent = spent
    found = rig.keeper.balances.fullest(2)
    assert found.watched == (
        Watched(team, "team", "search", "yearly"),
        Watched(key, "virtual_key", "vk_acme", "yearly"),
    )
    assert found.rest == (Rest("team", 100, 1),)
    assert len(rig.keeper.balances.fullest(10).watched) == 3
