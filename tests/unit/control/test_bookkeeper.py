"""From journals into the ledger: each entry once, whoever dies when, and the counters with it."""

import random
import struct
from collections.abc import Sequence

import msgspec
import pytest
from tests.support.books import GATEWAY, KEY, TEAM, BooksRig, Life
from tests.support.ledger_entries import ledger_entry

from fastgate._core import holds as states
from fastgate.domain.entry import Entry, Outcome
from fastgate.domain.usage import Usage
from fastgate.ledger.journal_dir import JournalDir, WriterDir
from fastgate.observability import catalogue
from fastgate.observability.metrics import Metrics
from fastgate.observability.totals import Totals
from fastgate.store.ledger.errors import LedgerUnavailable
from fastgate.store.ledger.read import positions
from fastgate.store.ledger.write import Appended, Drained, LedgerAppender, Record, WriterPosition


def ids(entries: list[Entry]) -> list[str]:
    return [entry.closing.id for entry in entries]


def value(rig: BooksRig, metric: catalogue.Metric) -> int:
    totals = Totals(rig.data_dir.path / "metrics")
    return sum(total.values[0] for _, total in totals.series(metric))


# --- the living ---------------------------------------------------------------------------------------


def test_entries_are_brought_in_once(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    first = [life.call([line], cost) for cost in (10, 20, 30)]
    assert rig.keeper.drain() == 3
    assert rig.keeper.drain() == 0
    second = life.call([line], 40)
    assert rig.keeper.drain() == 1
    assert rig.ledger() == [*first, second]
    assert rig.balance(line).spent == 100
    assert rig.counted(line) == (100, 0)


def test_a_worker_that_is_in_the_middle_of_calls_is_left_alone(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    held, sent = life.hold([line]), life.send(life.hold([line]))
    for _ in range(3):
        assert rig.keeper.drain() == 0
    assert rig.counted(line) == (0, 200)
    assert [life.holds.state(slot) for slot in (held, sent)] == [states.RESERVED, states.SENT]


def test_several_workers(rig: BooksRig) -> None:
    line = rig.place()
    lives = [rig.life() for _ in range(3)]
    made = [life.call([line], 5) for life in lives for _ in range(4)]
    assert rig.keeper.drain() == 12
    assert sorted(ids(rig.ledger())) == sorted(ids(made))
    assert rig.balance(line).spent == 60


def test_the_control_process_dies_in_between(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    made = [life.call([line], 10)]
    rig.keeper.drain()
    made.append(life.call([line], 20))
    rig.restart()
    made.append(life.call([line], 30))
    assert rig.keeper.drain() == 2
    rig.restart()
    assert rig.keeper.drain() == 0
    assert rig.ledger() == made
    assert rig.counted(line) == (60, 0)
    assert rig.balance(line).spent == 60


def test_segments_that_the_ledger_has_are_removed(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    many = {f"name-{i}": "v" * 64 for i in range(20)}
    while life.journal.segments < 3:
        life.call([line], 1, metadata=many)
        life.journal.prepare()
    made = life.journal.sequence
    before = rig.journals.bytes_of(life.name)
    while rig.keeper.drain():
        pass
    assert rig.journals.bytes_of(life.name) < before
    assert len(rig.ledger()) == made
    last = life.call([line], 7)
    rig.keeper.drain()
    assert rig.ledger()[-1] == last


def test_a_budget_that_its_worker_did_not_know_is_charged(rig: BooksRig) -> None:
    """The worker runs on the configuration of the moment before."""
    known = rig.place(KEY)
    life = rig.life()
    slot = life.send(life.hold([known]))
    new = rig.place(TEAM)
    entry = life.settle(slot, 300)
    assert rig.counted(new) == (0, 0)
    rig.keeper.drain()
    assert rig.counted(new) == (300, 0)
    assert rig.balance(new).spent == 300
    assert rig.counted(known) == (300, 0), "and the one that it knew not twice"
    assert len(entry.closing.charged) == 1


def test_a_soft_limit_is_told_once(rig: BooksRig) -> None:
    line, life = rig.place(limit=1_000, soft=(500, 800)), rig.life()
    told = []
    for cost in (499, 1, 100, 200, 100):
        life.call([line], cost)
        rig.keeper.drain()
        told.append(value(rig, catalogue.SOFT_LIMITS))
    assert told == [0, 1, 1, 2, 2]
    rig.restart()
    life.call([line], 1)
    rig.keeper.drain()
    assert value(rig, catalogue.SOFT_LIMITS) == 2


def test_one_call_can_pass_several(rig: BooksRig) -> None:
    line, life = rig.place(limit=1_000, soft=(500, 800)), rig.life()
    life.call([line], 900)
    rig.keeper.drain()
    assert value(rig, catalogue.SOFT_LIMITS) == 2


# --- the dead -----------------------------------------------------------------------------------------


def lost_cost(entry: Entry) -> int:
    return entry.closing.usage.input_tokens * 1_000 + entry.closing.usage.output_tokens * 2_000


def test_a_worker_that_ends_in_order_leaves_nothing(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    made = life.call([line], 10)
    life.end()
    rig.keeper.drain()
    assert rig.ledger() == [made]
    assert rig.journals.writers() == []
    assert positions(rig.keeper.database)[life.name].closed


def test_what_a_dead_worker_had_only_reserved_is_given_back(rig: BooksRig) -> None:
    lines, life = [rig.place(KEY), rig.place(TEAM)], rig.life()
    life.holds.claim()
    life.hold(lines)
    life.die()
    rig.keeper.drain()
    assert [rig.counted(line) for line in lines] == [(0, 0), (0, 0)]
    assert rig.ledger() == []
    assert rig.journals.writers() == []


def test_what_a_dead_worker_had_sent_is_billed(rig: BooksRig) -> None:
    lines, life = [rig.place(KEY), rig.place(TEAM)], rig.life()
    slot = life.send(life.hold(lines, request_id="req-lost"))
    life.holds.progress(slot, 2, 600)
    life.die()
    rig.keeper.drain()
    (entry,) = rig.ledger()
    assert (entry.closing.outcome, entry.opening.request_id) == (Outcome.WORKER_LOST, "req-lost")
    assert entry.closing.cost == lost_cost(entry) > 0
    assert [rig.counted(line) for line in lines] == [(entry.closing.cost, 0)] * 2
    assert rig.balance(lines[0]).spent == entry.closing.cost
    assert len(entry.closing.charged) == 2
    assert value(rig, catalogue.LOST_HOLDS) == 1


def test_a_dead_worker_had_journaled_it_already(rig: BooksRig) -> None:
    """It died between the journal and the counters: the entry counts, and is not made again."""
    line, life = rig.place(), rig.life()
    entry = life.journal_entry(life.send(life.hold([line])), 700)
    life.die()
    rig.keeper.drain()
    assert rig.ledger() == [entry]
    rig.keeper.check(10)
    assert rig.counted(line) == (700, 0)


def test_a_dead_worker_had_said_that_it_settles_and_no_more(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    life.holds.settling(life.send(life.hold([line])))
    life.die()
    rig.keeper.drain()
    (entry,) = rig.ledger()
    assert entry.closing.outcome is Outcome.WORKER_LOST
    assert rig.counted(line) == (entry.closing.cost, 0)


def test_a_dead_worker_had_settled_it(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    slot = life.send(life.hold([line]))
    entry = life.journal_entry(slot, 700)
    life.holds.settle(slot, 700)
    life.die()
    rig.keeper.drain()
    assert rig.ledger() == [entry]
    assert rig.counted(line) == (700, 0)


def test_a_slot_that_was_used_again(rig: BooksRig) -> None:
    """A retry: the first attempt has its entry, the second one is lost."""
    line, life = rig.place(), rig.life()
    slot = life.send(life.hold([line]))
    first = life.journal_entry(slot, 700)
    life.holds.settle(slot, 700)
    opening = msgspec.msgpack.encode(msgspec.structs.replace(first.opening, attempt=2))
    assert life.holds.reserve(slot, struct.pack("=i", line), 1_000, first.closing.admitted_ns, opening) == -1
    life.send(slot)
    life.die()
    rig.keeper.drain()
    found = {entry.opening.attempt: entry for entry in rig.ledger()}
    assert found[1] == first
    assert found[2].closing.outcome is Outcome.WORKER_LOST
    assert found[2].closing.id != first.closing.id
    assert rig.counted(line) == (700 + found[2].closing.cost, 0)


def test_counts_of_what_is_concurrent_are_left(rig: BooksRig) -> None:
    line, limits, life = rig.place(), rig.place_limits(), rig.life()
    slots = [life.holds.claim() for _ in range(3)]
    for slot in slots:
        assert life.holds.enter(slot, struct.pack("=iiq", limits, 2, 10)) == -1
    life.hold([line])
    assert rig.accounts.load(limits, 2) == 3
    life.die()
    rig.keeper.drain()
    assert rig.accounts.load(limits, 2) == 0


def test_the_control_process_dies_before_it_has_released(rig: BooksRig) -> None:
    """The ledger has the entry of the lost call, and the counters do not know it."""
    line, life = rig.place(), rig.life()
    slot = life.send(life.hold([line]))
    id_ = f"{life.name}{life.holds.serial(slot):012x}"
    charged = life.holds.charged(slot)
    life.die()
    entry = ledger_entry(1, id=id_, cost=123, charged=charged, outcome=Outcome.WORKER_LOST)
    entry = Entry(
        entry.opening, msgspec.structs.replace(entry.closing, admitted_ns=rig.balance(line).start_ns)
    )
    position = WriterPosition(life.name, 1, 1, 0, False)
    LedgerAppender(rig.keeper.database).append([Drained(position, [Record(1, entry)])])
    rig.restart()
    rig.keeper.drain()
    assert ids(rig.ledger()) == [id_]
    assert rig.journals.writers() == []
    rig.keeper.check(10)
    assert rig.counted(line) == (123, 0)


def test_a_commit_whose_answer_is_lost(rig: BooksRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger has the calls of the dead worker then, and the budget has to have them too, once."""
    line, life = rig.place(), rig.life()
    life.send(life.hold([line]))
    life.die()
    commit = LedgerAppender.append

    def unanswered(appender: LedgerAppender, drained: Sequence[Drained]) -> Appended:
        commit(appender, drained)
        monkeypatch.undo()
        raise LedgerUnavailable("the connection is lost")

    monkeypatch.setattr(LedgerAppender, "append", unanswered)
    for _ in range(3):
        rig.keeper.drain()
    (entry,) = rig.ledger()
    assert entry.closing.outcome is Outcome.WORKER_LOST
    assert rig.balance(line).spent == entry.closing.cost > 0
    assert rig.counted(line) == (entry.closing.cost, 0)


def test_a_directory_that_cannot_be_removed_at_once(rig: BooksRig, monkeypatch: pytest.MonkeyPatch) -> None:
    line, life = rig.place(), rig.life()
    life.send(life.hold([line]))
    life.die()

    def refuse(journals: JournalDir, claimed: WriterDir) -> None:
        monkeypatch.undo()
        raise OSError("read-only for a moment")

    monkeypatch.setattr(JournalDir, "remove", refuse)
    for _ in range(3):
        rig.keeper.drain()
    (entry,) = rig.ledger()
    assert rig.balance(line).spent == entry.closing.cost
    assert rig.counted(line) == (entry.closing.cost, 0)
    assert rig.journals.writers() == []


def test_a_worker_that_died_while_nobody_looked(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    made = life.call([line], 10)
    life.send(life.hold([line]))
    rig.keeper.drain()
    life.die()
    rig.restart()
    rig.keeper.drain()
    first, lost = rig.ledger()
    assert first == made
    assert rig.counted(line) == (10 + lost.closing.cost, 0)


def test_of_an_old_life_only_the_ledger_is_made_right(rig: BooksRig) -> None:
    """At the gateway's start the counters are zero, and are filled from the ledger afterwards."""
    line, life = rig.place(), rig.life()
    life.call([line], 10)
    life.send(life.hold([line]))
    life.hold([line])
    before = [rig.accounts.load(line, word) for word in range(16)]
    life.die()
    rig.restart(rebuilding=True)
    rig.keeper.drain_all()
    assert [entry.closing.outcome for entry in rig.ledger()] == [Outcome.COMPLETE, Outcome.WORKER_LOST]
    assert [rig.accounts.load(line, word) for word in range(16)] == before
    assert rig.journals.writers() == []


def test_a_life_that_never_did_anything(rig: BooksRig) -> None:
    directory = rig.journals.create()
    directory.close()
    rig.keeper.drain()
    assert rig.journals.writers() == []


@pytest.mark.parametrize("seed", range(6))
def test_whatever_workers_and_the_control_process_do(rig: BooksRig, seed: int) -> None:
    """Lives begin, call and die, the control process dies too: in the end ledger and counters agree, and
    each call that was settled is in the ledger once."""
    chance = random.Random(seed)
    lines = [rig.place(KEY), rig.place(TEAM), rig.place(GATEWAY)]
    lives: list[Life] = []
    settled: list[Entry] = []
    for _ in range(120):
        match chance.choice(("life", "call", "call", "call", "leave", "die", "drain", "restart", "check")):
            case "life":
                lives.append(rig.life())
            case "call" if lives:
                settled.append(chance.choice(lives).call(lines, chance.randrange(2_000)))
            case "leave" if lives:
                life = chance.choice(lives)
                slot = life.hold(lines)
                if chance.random() < 0.7:
                    life.send(slot)
                if chance.random() < 0.3:
                    settled.append(life.journal_entry(slot, chance.randrange(2_000)))
                    lives.remove(life)
                    life.die()
            case "die" if lives:
                life = lives.pop(chance.randrange(len(lives)))
                chance.choice((life.die, life.end))()
            case "drain":
                rig.keeper.drain()
            case "check":
                rig.keeper.check(10)
            case "restart":
                rig.restart()
            case _:
                pass  # nobody lives
    for life in lives:
        life.die()
    while rig.keeper.drain():
        pass
    for _ in range(3):
        rig.keeper.check(10)
    ledger = rig.ledger()
    total = sum(entry.closing.cost for entry in ledger)
    assert [rig.counted(line) for line in lines] == [(total, 0)] * 3
    found = ids(ledger)
    assert len(set(found)) == len(found)
    assert set(ids(settled)) <= set(found)
    assert rig.journals.writers() == []


# --- what cannot be -----------------------------------------------------------------------------------


def test_an_entry_that_no_ledger_takes_is_left_out(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    good = life.call([line], 10)
    slot = life.send(life.hold([line]))
    life.settle(slot, 20, usage=Usage(input_tokens=1 << 63))
    last = life.call([line], 30)
    assert rig.keeper.drain() == 3
    assert rig.ledger() == [good, last]
    assert rig.keeper.drain() == 0


def test_a_journal_that_is_damaged_in_the_middle(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    made = [life.call([line], cost) for cost in (10, 20, 30)]
    (segment,) = (rig.data_dir.journal / life.name).glob("*1.seg")
    data = bytearray(segment.read_bytes())
    at = data.index(made[1].closing.id.encode())
    with open(segment, "r+b") as file:
        file.seek(at)
        file.write(b"?")
    rig.keeper.drain()
    rig.keeper.drain()
    assert rig.ledger() == [made[0], made[2]]
    rig.keeper.check(10)
    assert rig.counted(line) == (40, 0), "the counters are what the ledger can prove"


def test_a_journal_that_cannot_be_read_does_not_keep_others_from_the_ledger(rig: BooksRig) -> None:
    line = rig.place()
    bad, good = sorted((rig.life(), rig.life()), key=lambda life: life.name)
    bad.call([line], 10)
    made = good.call([line], 20)
    (segment,) = (rig.data_dir.journal / bad.name).glob("*1.seg")
    segment.rename(segment.with_suffix(".moved"))
    segment.mkdir()
    assert rig.keeper.drain() == 1
    assert rig.ledger() == [made]
    assert value(rig, catalogue.LEDGER_UP) == 0
    segment.rmdir()
    segment.with_suffix(".moved").rename(segment)
    rig.restart()
    assert rig.keeper.drain() == 1
    assert value(rig, catalogue.LEDGER_UP) == 1


def test_holds_that_cannot_be_read_do_not_keep_the_journal_from_the_ledger(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    made = life.call([line], 10)
    life.die()
    (rig.data_dir.journal / life.name / "holds").write_bytes(b"\0" * 4_096)
    rig.keeper.drain()
    assert rig.ledger() == [made]
    assert rig.journals.writers() == []


def test_a_directory_that_somebody_removes(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    life.call([line], 10)
    rig.keeper.drain()
    claimed = JournalDir(rig.data_dir.journal)
    life.die()
    found = claimed.claim(life.name)
    assert found is not None
    claimed.remove(found)
    assert rig.keeper.drain() == 0
    assert len(rig.ledger()) == 1


def test_metrics_are_those_of_the_catalogue(rig: BooksRig) -> None:
    assert isinstance(rig.metrics, Metrics)
    line, life = rig.place(), rig.life()
    life.call([line], 10)
    rig.keeper.drain()
    assert value(rig, catalogue.LEDGER_ENTRIES) == 1
    assert value(rig, catalogue.LEDGER_UP) == 1
