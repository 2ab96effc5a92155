"""Sums by the roll-ups against a plain loop over the entries."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from tests.support.ledger_entries import START_NS, drained, ledger_entry
from tests.support.postgres import PostgresServer

from fastgate.domain.account import Level
from fastgate.domain.entry import Entry
from fastgate.domain.usage import COUNTS, Usage
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.rollup import DAY_NS, HOUR_NS, rebuild
from fastgate.store.ledger.schema import DAILY, HOURLY, SUMS
from fastgate.store.ledger.spend import spend, spent_by, spent_by_tags
from fastgate.store.ledger.write import LedgerAppender

DAYS: Final = 4
_MIDNIGHT: Final = START_NS - START_NS % DAY_NS
_EVER: Final = (0, 2**63 - 1)


def _sample() -> list[Entry]:
    """Over some days, many of them just at, before and after the start of an hour."""
    rng = random.Random(4)
    edges = [-1, 0, 1]
    entries = []
    for number in range(1, 501):
        counts: dict[str, Any] = {name: rng.randrange(1_000) for name in COUNTS}
        hour_ns = _MIDNIGHT + rng.randrange(DAYS * 24) * HOUR_NS
        team = rng.choice(["search", "ads", ""])
        entries.append(
            ledger_entry(
                number,
                admitted_ns=hour_ns + rng.choice([*edges, rng.randrange(HOUR_NS)]),
                virtual_key=f"vk{rng.randrange(4)}",
                customer=rng.choice(["acme", "umbrella", ""]),
                teams=(team, f"{team}-parent", "all") if team else (),
                tags=rng.choice([{}, {"env": "prod"}, {"env": "prod", "feature": "chat"}, {"env": "test"}]),
                metadata=rng.choice([{}, {"code": "4711"}]),
                provider=rng.choice(["openai", "local"]),
                deployment=rng.choice(["openai/a", "local/b"]),
                public_model=rng.choice(["gpt-4o", "llama-3"]),
                endpoint=rng.choice(["chat_completions", "embeddings"]),
                estimated=rng.random() < 0.2,
                unpriced=rng.random() < 0.1,
                cost=rng.randrange(10**12),
                usage=Usage(**counts),
            )
        )
    return entries


ENTRIES: Final = _sample()

OWNERS: Final[dict[Level, Callable[[Entry], list[str]]]] = {
    Level.GATEWAY: lambda entry: [""],
    Level.CUSTOMER: lambda entry: [entry.opening.parties.customer],
    Level.TEAM: lambda entry: list(entry.opening.parties.teams),
    Level.VIRTUAL_KEY: lambda entry: [entry.opening.parties.virtual_key],
    Level.TAG: lambda entry: [f"{name}={value}" for name, value in entry.opening.parties.tags.items()],
    Level.PROVIDER: lambda entry: [entry.opening.parties.provider],
    Level.MODEL: lambda entry: [entry.opening.parties.public_model],
    Level.DEPLOYMENT: lambda entry: [entry.opening.parties.deployment],
}


def _within(since_ns: int, until_ns: int) -> list[Entry]:
    return [entry for entry in ENTRIES if since_ns <= entry.closing.admitted_ns < until_ns]


def _counted(level: Level, since_ns: int, until_ns: int) -> dict[str, int]:
    spent: Counter[str] = Counter({"": 0} if level is Level.GATEWAY else {})
    for entry in _within(since_ns, until_ns):
        for owner in OWNERS[level](entry):
            if owner or level is Level.GATEWAY:
                spent[owner] += entry.closing.cost
    return dict(spent)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LedgerDatabase]:
    """With all of ENTRIES, appended in batches of different sizes."""
    url = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    database = LedgerDatabase.open(url, tmp_path_factory.mktemp("ledger"))
    appender = LedgerAppender(database)
    for start, end in ((0, 1), (1, 200), (200, 350), (350, len(ENTRIES))):
        appender.append([drained(*ENTRIES[start:end], after=start)])
    yield database
    database.close()


_hours = st.integers(-1, DAYS * 24 + 1).map(lambda hours: _MIDNIGHT + hours * HOUR_NS)
_moments = st.one_of(
    _hours,
    st.tuples(_hours, st.sampled_from([-1, 1])).map(sum),
    st.integers(_MIDNIGHT - HOUR_NS, _MIDNIGHT + DAYS * DAY_NS + HOUR_NS),
    st.sampled_from([*_EVER, _MIDNIGHT]),
)


@given(level=st.sampled_from(list(OWNERS)), since_ns=_moments, until_ns=_moments)
def test_spent_by_is_exact_for_any_bounds(
    filled: LedgerDatabase, level: Level, since_ns: int, until_ns: int
) -> None:
    assert spent_by(filled, level, since_ns, until_ns) == _counted(level, since_ns, until_ns)


@pytest.mark.parametrize("tags", [{"env": "prod"}, {"env": "prod", "feature": "chat"}, {"env": "none"}])
def test_spent_by_tags_wants_all_of_them(filled: LedgerDatabase, tags: dict[str, str]) -> None:
    period = (START_NS, START_NS + DAY_NS)
    expected = sum(
        entry.closing.cost for entry in _within(*period) if tags.items() <= entry.opening.parties.tags.items()
    )
    assert spent_by_tags(filled, tags, *period) == expected


def test_all_sums_by_several_fields(filled: LedgerDatabase) -> None:
    period = (_MIDNIGHT + 12_345, _MIDNIGHT + 2 * DAY_NS + 54_321)
    found = spend(filled, ("day", "customer", "tag:env"), *period)
    expected: dict[tuple[int, str, str], list[Entry]] = {}
    for entry in _within(*period):
        admitted_ns = entry.closing.admitted_ns
        key = (
            admitted_ns - admitted_ns % DAY_NS,
            entry.opening.parties.customer,
            entry.opening.parties.tags.get("env", ""),
        )
        expected.setdefault(key, []).append(entry)
    assert found.keys() == expected.keys()
    for key, entries in expected.items():
        sums, closings = found[key], [entry.closing for entry in entries]
        assert sums.entries == len(closings)
        assert sums.estimated == sum(closing.estimated for closing in closings)
        assert sums.unpriced == sum(closing.unpriced for closing in closings)
        assert sums.cost == sum(closing.cost for closing in closings)
        assert sums.estimated_cost == sum(closing.cost for closing in closings if closing.estimated)
        usages = [closing.usage for closing in closings]
        assert sums.usage == sum(usages[1:], usages[0])


@pytest.mark.parametrize("field", ["hour", "endpoint", "team", "metadata:code", "tag:env", "public_model"])
def test_each_way_of_asking_has_the_same_total(filled: LedgerDatabase, field: str) -> None:
    period = (_MIDNIGHT + HOUR_NS // 2, _MIDNIGHT + DAY_NS + HOUR_NS // 3)
    where = {"provider": "openai", "team": "all"}
    entries = [
        entry
        for entry in _within(*period)
        if entry.opening.parties.provider == "openai" and "all" in entry.opening.parties.teams
    ]
    times = 3 if field == "team" else 1  # each has three teams
    found = spend(filled, (field,), *period, where)
    assert len(found) > 1
    assert sum(sums.entries for sums in found.values()) == times * len(entries)
    assert sum(sums.cost for sums in found.values()) == times * sum(entry.closing.cost for entry in entries)


def test_nothing_is_spent_where_nothing_is(filled: LedgerDatabase) -> None:
    assert spent_by(filled, Level.GATEWAY, 0, 1) == {"": 0}
    assert spent_by(filled, Level.TEAM, 0, 1) == {}
    assert spend(filled, (), 0, 1) == {}
    assert spent_by_tags(filled, {"env": "prod"}, 0, 1) == 0


@pytest.mark.parametrize("field", ["cost", "tag:", "unheard_of", "number"])
def test_there_is_no_such_field(filled: LedgerDatabase, field: str) -> None:
    with pytest.raises(ValueError, match=f"no field {field!r}"):
        spend(filled, (field,), *_EVER)
    with pytest.raises(ValueError, match=f"no field {field!r}"):
        spend(filled, (), *_EVER, {field: "x"})


def test_the_rollups_are_what_the_entries_add_up_to(filled: LedgerDatabase) -> None:
    def stored() -> list[list[tuple[int, ...]]]:
        with filled.reading() as connection:
            return [
                [
                    tuple(row)
                    for row in connection.execute(select(table).order_by(table.c.bucket_ns, table.c.group_id))
                ]
                for table in (HOURLY, DAILY)
            ]

    kept = stored()
    assert [sum(row[2] for row in table) for table in kept] == [len(ENTRIES)] * 2
    with filled.writing() as connection:
        connection.execute(HOURLY.delete().where(HOURLY.c.group_id % 2 == 0))
        connection.execute(DAILY.update().values(cost=DAILY.c.cost + 1))
    assert stored() != kept
    rebuild(filled)
    assert stored() == kept
    assert len(kept[0][0]) == 2 + len(SUMS)
