"""Stored conversations: found by all processes, by their own key alone, bounded in time and bytes."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import FakeClock

from fastgate.domain.snapshot import KeptResponses
from fastgate.store import conversations
from fastgate.store.conversations import StoredConversation, StoredConversations, prepare

LIMITS = KeptResponses(on=True, ttl_s=3_600, max_bytes=4 << 20)


def now_s(clock: FakeClock) -> int:
    return clock.wall // 1_000_000_000


def conversation(created_s: int, key_id: str | None = "vk", size: int = 10) -> StoredConversation:
    return StoredConversation(key_id, created_s, b"[%s]" % (b" " * size), b'{"id":"resp_1"}')


def test_what_one_process_remembers_another_finds(tmp_path: Path) -> None:
    store = StoredConversations(tmp_path / "c")
    script = (
        "import sys, pathlib\nfrom fastgate import clock\n"
        "from fastgate.domain.snapshot import KeptResponses\n"
        "from fastgate.store.conversations import StoredConversation, StoredConversations\n"
        "c = StoredConversation('vk', clock.time_ns() // 10**9, b'[1]', b'{}')\n"
        "store = StoredConversations(pathlib.Path(sys.argv[1]))\n"
        "sys.exit(not store.remember('resp_1', c, KeptResponses()))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "c")], check=True)
    found = store.find("resp_1", "vk", 60)
    assert found is not None
    assert (found.items, found.response) == (b"[1]", b"{}")
    store.close()


def test_a_strangers_does_not_exist(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = StoredConversations(tmp_path / "c")
    store.remember("resp_1", conversation(now_s(fake_clock)), LIMITS)
    store.remember("resp_open", conversation(now_s(fake_clock), None), LIMITS)
    assert store.find("resp_1", "other", LIMITS.ttl_s) is None
    assert store.find("resp_1", None, LIMITS.ttl_s) is None
    assert store.find("resp_open", "vk", LIMITS.ttl_s) is None
    assert store.find("resp_open", None, LIMITS.ttl_s) is not None
    store.close()


def test_it_expires_and_is_then_swept(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = StoredConversations(tmp_path / "c")
    store.remember("resp_old", conversation(now_s(fake_clock)), LIMITS)
    fake_clock.advance(LIMITS.ttl_s - 1)
    assert store.find("resp_old", "vk", LIMITS.ttl_s) is not None
    fake_clock.advance(2)
    assert store.find("resp_old", "vk", LIMITS.ttl_s) is None
    store.remember("resp_new", conversation(now_s(fake_clock)), LIMITS)
    fake_clock.advance(-LIMITS.ttl_s)
    assert store.find("resp_old", "vk", LIMITS.ttl_s) is None, "swept, not only hidden"
    store.close()


def test_the_oldest_give_way_when_they_take_too_much(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = StoredConversations(tmp_path / "c")
    for number in range(100):
        fake_clock.advance(1)
        kept = conversation(now_s(fake_clock), size=100_000)
        assert store.remember(f"resp_{number}", kept, LIMITS)
    known = [number for number in range(100) if store.find(f"resp_{number}", "vk", LIMITS.ttl_s)]
    assert known == list(range(known[0], 100))
    assert 30 <= len(known) <= 41
    assert (tmp_path / "c" / "data.mdb").stat().st_size < 2 * LIMITS.max_bytes
    store.close()


def test_one_that_is_larger_than_all_may_be_is_not_stored(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = StoredConversations(tmp_path / "c")
    assert store.remember("resp_1", conversation(now_s(fake_clock)), LIMITS)
    too_large = conversation(now_s(fake_clock), size=LIMITS.max_bytes)
    assert not store.remember("resp_2", too_large, LIMITS)
    assert store.find("resp_1", "vk", LIMITS.ttl_s) is not None
    store.close()


def test_a_full_map_is_told_and_loses_nothing_else(
    tmp_path: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MAP_BYTES", 256 * 1024)
    store = StoredConversations(tmp_path / "c")
    kept = conversation(now_s(fake_clock), size=20_000)
    stored = [store.remember(f"resp_{number}", kept, LIMITS) for number in range(30)]
    assert stored[0]
    assert not stored[-1]
    assert store.find("resp_0", "vk", LIMITS.ttl_s) is not None
    store.close()


def test_a_forgotten_one_is_unknown(tmp_path: Path, fake_clock: FakeClock) -> None:
    store = StoredConversations(tmp_path / "c")
    store.remember("resp_1", conversation(now_s(fake_clock)), LIMITS)
    store.forget("resp_1")
    assert store.find("resp_1", "vk", LIMITS.ttl_s) is None
    store.close()


@pytest.mark.parametrize("response_id", ["", "x" * 257])
def test_an_impossible_id_is_unknown(tmp_path: Path, fake_clock: FakeClock, response_id: str) -> None:
    store = StoredConversations(tmp_path / "c")
    assert not store.remember(response_id, conversation(now_s(fake_clock)), LIMITS)
    assert store.find(response_id, "vk", LIMITS.ttl_s) is None
    store.close()


def test_a_damaged_store_is_moved_aside(tmp_path: Path, fake_clock: FakeClock) -> None:
    prepare(tmp_path / "c")
    (tmp_path / "c" / "data.mdb").write_bytes(b"garbage" * 4096)
    prepare(tmp_path / "c")
    store = StoredConversations(tmp_path / "c")
    assert store.remember("resp_1", conversation(now_s(fake_clock)), LIMITS)
    assert store.find("resp_1", "vk", LIMITS.ttl_s) is not None
    store.close()
    assert [path.name for path in tmp_path.glob("c.damaged-*")]
